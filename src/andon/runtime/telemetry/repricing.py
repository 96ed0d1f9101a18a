"""Price calls again by the prices that hold now for their time, block by block, with a report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

from andon import errors
from andon.drivers import integrations
from andon.drivers.database import Tx
from andon.drivers.telemetry import corrections, walking
from andon.drivers.telemetry.overlays import Overlays
from andon.drivers.telemetry.walking import Held
from andon.engines.telemetry import DAY_US, OTHER, SECOND_US
from andon.engines.tenants import calendar
from andon.models.money import nanousd_to_cents
from andon.runtime.audit import record_change
from andon.runtime.context import Context
from andon.runtime.pricing import PriceBook
from andon.runtime.telemetry import again
from andon.runtime.telemetry.reports import Period
from andon.runtime.tenants.caller import Caller

Row = dict[str, Any]

KIND = "reprice"
STEP_RECORDS = 4_000
"""Records that one transaction looks at; the block that reaches this many ends it."""

_MOST_MODELS = 1_000
_ZONES_DAYS = 2


@dataclass(slots=True)
class Totals:
    """What calls cost before and after."""

    calls: int = 0
    changed: int = 0
    cost_before_nanousd: int = 0
    cost_after_nanousd: int = 0
    newly_priced: int = 0
    no_longer_priced: int = 0
    still_unpriced: int = 0

    def count(self, before: again.Price, after: again.Price) -> None:
        """Count a call."""
        self.calls += 1
        self.changed += before != after
        self.cost_before_nanousd += before[0] or 0
        self.cost_after_nanousd += after[0] or 0
        self.newly_priced += before[0] is None and after[0] is not None
        self.no_longer_priced += before[0] is not None and after[0] is None
        self.still_unpriced += before[0] is None and after[0] is None

    def shown(self) -> Row:
        """Write the totals on both scales of money."""
        return {
            **asdict(self),
            "cost_before_cents": nanousd_to_cents(self.cost_before_nanousd),
            "cost_after_cents": nanousd_to_cents(self.cost_after_nanousd),
        }


@dataclass(slots=True)
class Report:
    """The totals of all calls, and of each model; very many models share one line."""

    total: Totals = field(default_factory=Totals)
    models: dict[tuple[str, str], Totals] = field(default_factory=dict)

    def count(self, columns: again.Columns, found: again.Again) -> None:
        """Count the calls of a block."""
        priced = zip(found.places, found.before, found.after, strict=True)
        for at, before, after in priced:
            name = (columns["provider"][at], columns["model"][at])
            if name not in self.models and len(self.models) >= _MOST_MODELS:
                name = (OTHER, OTHER)
            self.models.setdefault(name, Totals()).count(before, after)
            self.total.count(before, after)

    def shown(self) -> Row:
        """Describe the totals, those of the models in the order of their names."""
        models = [
            {"provider": provider, "model": model, **totals.shown()}
            for (provider, model), totals in sorted(self.models.items())
        ]
        return {**self.total.shown(), "by_model": models}


@dataclass(frozen=True, slots=True)
class Repricing:
    """One run: which calls, by which prices, under which id."""

    ctx: Context
    caller: Caller
    wanted: again.Wanted
    book: PriceBook
    run: str

    def step(self, after: int, last: int, report: Report, *, is_dry: bool) -> int | None:
        """Price some blocks again; return the block to go on after, None at the end."""
        slot = self.caller.tenant.slot
        with self.ctx.db.reading(self.caller.tenant.no) as tx:
            page = walking.read_after(tx, slot, after, last, STEP_RECORDS)
            overlays = Overlays(tx, slot)
            looked = [self._look(held, overlays, report, is_dry) for held in page]
        pending = [held.block for held, done in zip(page, looked, strict=True) if not done]
        if pending:
            self._write(pending, report)
        return page[-1].block if page else None

    def _look(self, held: Held, overlays: Overlays, report: Report, is_dry: bool) -> bool:
        """Count a block that stays as it is; False for one that is to be written."""
        found = self._found(held, overlays)
        if found.changed and not is_dry:
            return False
        report.count(held.columns, found)
        return True

    def _found(self, held: Held, overlays: Overlays) -> again.Again:
        overlays.lay_over(held.block, held.columns)
        places = self.wanted.places(held.columns, overlays.voids(held.block))
        return again.price_again(held.columns, places, self._find, self.book.step_us)

    def _find(self, provider: str, model: str, at_us: int) -> Any:
        return self.book.find(self.caller.tenant.no, provider, model, at_us)

    def _write(self, blocks: Sequence[int], report: Report) -> None:
        # Looked at again under the lock, since a record may have been voided meanwhile.
        tenant = self.caller.tenant
        with self.ctx.db.writing(tenant.no) as tx:
            corrections.begin(tx)
            overlays = Overlays(tx, tenant.slot)
            page = walking.read_these(tx, tenant.slot, blocks)
            done = [(held.columns, self._write_block(tx, held, overlays)) for held in page]
        for columns, found in done:
            report.count(columns, found)

    def _write_block(self, tx: Tx, held: Held, overlays: Overlays) -> again.Again:
        slot, shard = self.caller.tenant.slot, self.ctx.db.shard
        raw = {name: list(held.columns[name]) for name in ("seq", "cost_nanousd", "price_ref")}
        found = self._found(held, overlays)
        if found.changed:
            overlay = again.overlay_of(raw, overlays.prices(held.block), found)
            corrections.put_prices(tx, slot, held.block, self.run, overlay)
            sums = again.change_of_sums(self.caller.tenant.no, held.columns, found)
            corrections.apply(tx, slot, shard, held.block, KIND, *sums)
        return found


def reprice(
    ctx: Context,
    caller: Caller,
    period: Period,
    asked: Row,
    may_go_on: Callable[[], bool],
    *,
    is_dry: bool,
) -> Row:
    """Price calls again that were not priced by their reporter, and tell what that changed.

    What is done stays done when it ends early: the next run goes over it and changes the rest.
    """
    tenant, slot = caller.tenant, caller.tenant.slot
    book = ctx.prices.anew()
    with ctx.db.reading(tenant.no) as tx:
        run, last = ctx.new_id(tx.now_us), walking.last_block(tx, slot)
        tolerance_us = ctx.settings.future_tolerance_seconds * SECOND_US
        since_us = (period.first - _ZONES_DAYS) * DAY_US - tolerance_us
        after: int | None = walking.block_before(tx, slot, since_us)
        book.refresh(tx, [tenant.no], ctx.monotonic())
        wanted = _wanted(tx, period, asked)
    shown = {**_shown(period, asked), "dry_run": is_dry}
    if not is_dry:
        _note(ctx, caller, "reprice.started", run, None, shown)
    repricing, report = Repricing(ctx, caller, wanted, book, run), Report()
    while after is not None:
        if not may_go_on():
            raise errors.StoreUnavailable(
                "The server is stopping; calls that were priced again stay so. Run it once more.",
                retry_after_seconds=1,
            )
        after = repricing.step(after, last, report, is_dry=is_dry)
    if not is_dry:
        _note(ctx, caller, "reprice.finished", run, shown, report.total.shown())
    return {"id": run, **shown, **report.shown()}


def _wanted(tx: Tx, period: Period, asked: Row) -> again.Wanted:
    number = None
    if asked["integration_id"] is not None:
        number = integrations.number_of(tx, asked["integration_id"], 0)
        if number is None:
            raise errors.UnknownIntegration
    return again.Wanted(period.first, period.last, number, asked["provider"], asked["model"])


def _shown(period: Period, asked: Row) -> Row:
    days: list[date] = [calendar.day_of_number(day) for day in (period.first, period.last)]
    return {"period_start": str(days[0]), "period_end": str(days[1]), **asked}


def _note(
    ctx: Context, caller: Caller, action: str, run: str, before: Row | None, after: Row
) -> None:
    with ctx.db.writing(caller.tenant.no) as tx:
        record_change(ctx, tx, caller, caller.tenant, action, run, before, after)
