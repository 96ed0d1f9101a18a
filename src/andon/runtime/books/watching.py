"""The slow pass over all books that runs in the background for as long as the service does."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable

from andon.runtime.books import verifying
from andon.runtime.books.findings import Findings
from andon.runtime.context import Context

log = logging.getLogger("andon.books")

PAUSE_SECONDS = 0.25
"""Between two steps, each of some twenty milliseconds, so that nobody else notices."""


async def watch_forever(ctx: Context, may_go_on: Callable[[], bool]) -> None:
    """Look through all books at every interval; an interval of 0 is never."""
    interval = ctx.settings.verify_interval_seconds
    while interval:
        await ctx.sleep(interval)
        try:
            findings = await _look_through(ctx, may_go_on)
        except Exception as fault:  # it must go on for as long as the service runs
            ctx.meters.verify_runs.labels("failed").inc()
            log.warning("books not verified", extra={"error": type(fault).__name__})
        else:
            if findings is not None:
                tell(ctx, findings)


async def _look_through(ctx: Context, may_go_on: Callable[[], bool]) -> Findings | None:
    findings = Findings()
    steps = verifying.all_books(ctx, findings)
    while (is_calm := await ctx.run(verifying.advance, steps)) is not None:
        if is_calm:
            await ctx.sleep(PAUSE_SECONDS)
        if not may_go_on():
            return None
    return findings


def tell(ctx: Context, findings: Findings) -> None:
    """Put what was found into the metrics, and a difference into the log by its name."""
    ctx.meters.books_differences.set(findings.count)
    outcome = "different" if findings.count else "unsettled" if findings.unsettled else "balanced"
    ctx.meters.verify_runs.labels(outcome).inc()
    for one in findings.named:
        log.error(
            "books do not balance",
            extra={
                "table": one.table,
                "row": json.dumps(one.key),
                "expected": json.dumps(one.expected),
                "found": json.dumps(one.found),
            },
        )
