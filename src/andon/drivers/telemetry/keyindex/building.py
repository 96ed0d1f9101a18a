"""The steps that build runs: the flush of a hot level, and a segment of a merge at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from andon import errors
from andon.drivers.telemetry.keyindex import filters, ledger, pages
from andon.drivers.telemetry.keyindex.entries import (
    ENTRY,
    WHOLE,
    Entries,
    Words,
    columns,
    halves_of,
    in_order,
    keys_of,
)
from andon.drivers.telemetry.keyindex.hot import Hot
from andon.drivers.telemetry.keyindex.runs import Run, read_entries
from andon.drivers.telemetry.keyindex.view import Edit, Gone, Merge, View


def flush(raw: Any, hot: Hot, page_entries: int) -> Edit:
    """Write a hot level as a run of level 0 and delete its log rows, and no others."""
    count, blocks = hot.count, list(hot.blocks)
    entries = in_order(hot.entries)
    size = filters.size(count, 0)
    number = ledger.begin(raw, hot.generation, 0, size)
    target = Merge(number, hot.generation, 0, (), np.zeros(size, np.uint64))
    word, words, fences = _write(raw, target, entries, page_entries)
    ledger.finish(raw, number)
    ledger.unlog(raw, hot.generation, blocks)

    def edit(view: View) -> View:
        target.words[word : word + len(words)] |= words
        run = Run(number, hot.generation, 0, count, 1, fences, target.words)
        rest = tuple(other for other in view.hots if other is not hot)
        if hot.count > count:
            rest = (*rest, hot.after(count, len(blocks)))
        return replace(view.with_run(run), hots=rest)

    return edit


def begin_merge(raw: Any, sources: Sequence[Run]) -> Merge:
    """Make the run that these become, without any page yet."""
    level = max(run.level for run in sources) + 1
    size = filters.size(sum(run.keys for run in sources), level)
    number = ledger.begin(raw, sources[0].generation, level, size)
    ledger.claim(raw, number, [run.number for run in sources])
    words = np.zeros(size, np.uint64)
    return Merge(number, sources[0].generation, level, tuple(sources), words)


def advance(raw: Any, merge: Merge, step_entries: int, page_entries: int) -> Edit:
    """Merge the next segment of the keys; the last one lets the new run answer."""
    entries, last = _segment(raw, merge, max(1, step_entries // page_entries), page_entries)
    word, words, fences = _write(raw, merge, entries, page_entries)
    total, cursor = merge.keys + len(entries), keys_of(entries[-1:])[0]
    if last:
        _check_whole(merge, total)
        ledger.finish(raw, merge.number)

    def edit(view: View) -> View:
        merge.words[word : word + len(words)] |= words
        merge.fences.append(fences)
        merge.keys, merge.parts, merge.cursor = total, merge.parts + 1, cursor
        others = tuple(other for other in view.merges if other is not merge)
        if not last:
            return replace(view, merges=(*others, merge))
        runs = tuple(run for run in view.runs if run not in merge.sources)
        gone = [Gone(run.number, run.pages, run.parts) for run in merge.sources]
        return View(view.hots, (*runs, merge.run()), others, (*view.gone, *gone))

    return edit


def _check_whole(merge: Merge, total: int) -> None:
    if total != merge.whole:
        raise errors.StoreRefused(
            f"run {merge.number} of the dedupe index would have {total} keys, the runs it is "
            f"merged from have {merge.whole}; restart Andon, and restore the last backup if this "
            "comes again"
        )


def _write(raw: Any, merge: Merge, entries: Entries, page_entries: int) -> tuple[int, Words, Words]:
    high, low = columns(entries)
    word, words = filters.piece(high, low, len(merge.words))
    fences = high[::page_entries].copy()
    body = entries.tobytes()
    written = merge.pages
    pages.write(raw, merge.number, written, body, page_entries)
    pages.write_part(raw, merge.number, merge.parts, word, words, fences)
    ledger.progress(
        raw,
        merge.number,
        merge.keys + len(entries),
        written + len(fences),
        merge.parts + 1,
        keys_of(entries[-1:])[0],
    )
    return word, words, fences


def _segment(raw: Any, merge: Merge, page_count: int, page_entries: int) -> tuple[Entries, bool]:
    """Return the next sorted entries, in whole pages, and whether they are the last."""
    while True:
        limit = _limit(merge, page_count)
        entries = _between(raw, merge, limit)
        if limit is None:
            return entries, True
        whole = len(entries) - len(entries) % page_entries
        if whole:
            return entries[:whole], False
        page_count *= 2


def _limit(merge: Merge, page_count: int) -> np.uint64 | None:
    """Return the first half of a key that bounds so many pages of the sources; None at the end."""
    high, _ = _cursor(merge)
    pieces = []
    for run in merge.sources:
        start = run.start(high) + 1
        pieces.append(run.fences[start : start + page_count])
    upcoming = np.concatenate(pieces)
    if len(upcoming) < page_count:
        return None
    limit: np.uint64 = np.partition(upcoming, page_count - 1)[page_count - 1]
    return limit


def _cursor(merge: Merge) -> tuple[int, int]:
    return (0, 0) if merge.cursor is None else halves_of(merge.cursor)


def _between(raw: Any, merge: Merge, limit: np.uint64 | None) -> Entries:
    """Read the sources' entries after the cursor whose keys begin below the limit, in order."""
    after_high, after_low = _cursor(merge)
    places: list[int] = []
    for run in merge.sources:
        end = run.pages if limit is None else int(run.fences.searchsorted(limit, "left"))
        places += pages.places(run.number, run.start(after_high), end)
    entries = read_entries(raw, places)
    high, low = columns(entries)
    chosen = np.ones(len(entries), bool) if limit is None else high < limit
    if merge.cursor is not None:
        chosen &= (high > np.uint64(after_high)) | (
            (high == np.uint64(after_high)) & (low > np.uint64(after_low))
        )
    return in_order(entries.view(WHOLE)[chosen].view(ENTRY))
