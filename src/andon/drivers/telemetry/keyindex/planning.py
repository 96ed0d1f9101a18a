"""Which hot level is to be flushed and which runs are to be merged next."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from andon.drivers.telemetry.keyindex.entries import KEPT
from andon.drivers.telemetry.keyindex.hot import Hot
from andon.drivers.telemetry.keyindex.runs import Run
from andon.drivers.telemetry.keyindex.view import View

# A few late keys of an old generation do not make its big run be written again.
_WORTH_A_SHARE = 64


def hot_to_flush(view: View, flush_at: int) -> Hot | None:
    """Choose a hot level once they are full: an old generation's, or else the largest."""
    if sum(hot.count for hot in view.hots) < flush_at:
        return None
    newest = view.newest
    old = [hot for hot in view.hots if hot.generation not in (KEPT, newest) and hot.count]
    if old:
        return min(old, key=lambda hot: hot.generation)
    return max(view.hots, key=lambda hot: hot.count)


def runs_to_merge(view: View, fan_out: int) -> Sequence[Run]:
    """Choose the runs whose merge is due and smallest; none where nothing is due."""
    busy = {run.number for merge in view.merges for run in merge.sources}
    merging = {merge.generation for merge in view.merges}
    free: dict[int, list[Run]] = {}
    for run in view.runs:
        if run.number not in busy:
            free.setdefault(run.generation, []).append(run)
    due: list[Sequence[Run]] = []
    newest = view.newest
    for generation, runs in free.items():
        if generation in (KEPT, newest):
            due += _full_levels(runs, fan_out)
        elif generation not in merging and _leftovers(runs, fan_out):
            due.append(runs)
    return min(due, key=keys, default=())


def keys(runs: Iterable[Run]) -> int:
    """Count the keys of runs."""
    return sum(run.keys for run in runs)


def _full_levels(runs: Sequence[Run], fan_out: int) -> list[Sequence[Run]]:
    levels: dict[int, list[Run]] = {}
    for run in runs:
        levels.setdefault(run.level, []).append(run)
    return [level[:fan_out] for level in levels.values() if len(level) >= fan_out]


def _leftovers(runs: Sequence[Run], fan_out: int) -> bool:
    if len(runs) < 2:
        return False
    largest = max(run.keys for run in runs)
    return len(runs) >= fan_out or (keys(runs) - largest) * _WORTH_A_SHARE >= largest
