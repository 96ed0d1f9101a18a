"""How memory is rebuilt from the database."""

from __future__ import annotations

from typing import Any

from andon.drivers.telemetry.keyindex import ledger
from andon.drivers.telemetry.keyindex.hot import Hot
from andon.drivers.telemetry.keyindex.runs import Run, memory
from andon.drivers.telemetry.keyindex.view import Gone, Merge, View


def view(raw: Any) -> View:
    """Read the log, the runs, the merges under way and what is left to delete."""
    rows = ledger.run_rows(raw)
    runs = {row.run: _run(raw, row) for row in rows if row.state == ledger.State.LIVE}
    merges = [_merge(raw, row, rows, runs) for row in rows if row.state == ledger.State.BUILDING]
    gone = [Gone(row.run, row.pages, row.parts) for row in rows if row.state == ledger.State.GONE]
    return View(_hots(raw), tuple(runs.values()), tuple(merges), tuple(gone))


def _run(raw: Any, row: ledger.RunRow) -> Run:
    fences, words = memory(raw, row.run, row.pages, row.parts, row.words)
    return Run(row.run, row.generation, row.level, row.keys, row.parts, fences, words)


def _merge(raw: Any, row: ledger.RunRow, rows: list[ledger.RunRow], runs: dict[int, Run]) -> Merge:
    sources = tuple(runs[other.run] for other in rows if other.target == row.run)
    fences, words = memory(raw, row.run, row.pages, row.parts, row.words)
    return Merge(
        row.run,
        row.generation,
        row.level,
        sources,
        words,
        [fences],
        row.keys,
        row.parts,
        row.cursor,
    )


def _hots(raw: Any) -> tuple[Hot, ...]:
    hots: dict[int, Hot] = {}
    for row in ledger.logged(raw):
        hot = hots.setdefault(row.generation, Hot(row.generation))
        hot.extend([(row.slot, row.block)], row.entries)
    return tuple(hots.values())
