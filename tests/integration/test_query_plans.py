"""At size, sums are read from rollups by their keys, and a list of records never sorts them."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import Engine, event

from andon.drivers.database import Database, open_database
from tests.integration.conftest import ServeWith
from tests.integration.doors import Tenancy
from tests.integration.records import USAGE, report_all, usage
from tests.integration.serving import Andon

Asked = tuple[str, Any]

_ROWS = 60_000
_MANY = f"WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {_ROWS})"
_SUMS = "1, 10, 10, 100, 0, 0, 0, 5, 1"
# Ten tenants beside the one that asks, each with as much as it.
_DAILY = (
    f"INSERT INTO usage_daily {_MANY} SELECT 0, 9000 + i % 10, {{day}} - (i / 10) % 300,"
    f" 1 + (i / 3000) % 4, '', 'm' || (i / 12000), 0, {_SUMS} FROM n"
)
_HOURLY = (
    f"INSERT INTO usage_hourly {_MANY} SELECT 0, 9000 + i % 10, {{hour}} - (i / 10) % 1500,"
    f" 1 + (i / 15000), 'm', 0, {_SUMS} FROM n"
)
_RAW = (
    f"INSERT INTO usage {_MANY} SELECT 0, 9000 + i % 10, 100000 + i, u.month, 1, u.id,"
    " u.records, u.body FROM n, (SELECT * FROM usage ORDER BY block LIMIT 1) AS u"
)


@dataclass(frozen=True, slots=True)
class Filled:
    """A server on a store with much in it, and a tenant with a little."""

    andon: Andon
    tenant: Tenancy
    number: int
    db: Database

    def asked(self, path: str, **params: Any) -> list[Asked]:
        """Ask the API, and give the statements about usage that this took."""
        with _heard() as statements:
            self.tenant.admin.read(path, **params)
        return [one for one in statements if "usage" in one[0]]

    def plan(self, asked: Asked, *, freely: bool = False) -> str:
        """Tell how the database goes about a statement; freely: whatever the service forbids."""
        statement, parameters = asked
        explain = "EXPLAIN QUERY PLAN " if self.db.dialect == "sqlite" else "EXPLAIN "
        if self.db.dialect != "sqlite" and _is_raw(asked):
            # Records are streamed, and PostgreSQL plans a cursor for its first rows.
            explain += "DECLARE walk CURSOR FOR "
        with self.db.reading(self.number) as tx:
            if freely and self.db.dialect != "sqlite":
                tx.conn.exec_driver_sql("SET LOCAL enable_seqscan = on")
            rows = tx.conn.exec_driver_sql(explain + statement, parameters)
            return "\n".join(str(row[-1]) for row in rows)


@contextmanager
def _heard() -> Iterator[list[Asked]]:
    statements: list[Asked] = []

    def hear(_conn: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.lstrip().startswith("SELECT"):
            statements.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", hear)
    try:
        yield statements
    finally:
        event.remove(Engine, "before_cursor_execute", hear)


@pytest.fixture(scope="module")
def filled(serve_with: ServeWith) -> Iterator[Filled]:
    andon = serve_with()
    tenant = andon.tenant()
    report_all(tenant.admin, [usage(tenant.integrate()) for _ in range(20)])
    number = andon.rows(f"SELECT tenant FROM tenants WHERE id = '{tenant.id}'")[0][0]
    values = {
        "day": andon.rows("SELECT max(day) FROM usage_daily")[0][0],
        "hour": andon.rows("SELECT max(hour) FROM usage_hourly")[0][0],
    }
    for fill in (_DAILY, _HOURLY, _RAW):
        andon.change(fill.format(**values))
    # The tenant that asks gets the share of one of the ten.
    for table in ("usage_daily", "usage_hourly", "usage"):
        andon.change(f"UPDATE {table} SET tenant = {number} WHERE tenant = 9003")
    andon.change("ANALYZE")
    db = open_database(andon.settings, lambda: time.time_ns() // 1000)
    yield Filled(andon, tenant, number, db)
    db.close()


SUMS = [
    ("telemetry/usage-summary", {}, "usage_daily"),
    (
        "telemetry/usage-summary",
        {"period_start": "2026-01-01", "period_end": "2026-12-31"},
        "usage_daily",
    ),
    ("telemetry/daily-aggregates", {}, "usage_daily"),
    ("telemetry/daily-aggregates", {"model": "m1"}, "usage_daily"),
    ("telemetry/usage-history", {"bucket": "day"}, "usage_daily"),
    ("telemetry/usage-history", {"bucket": "hour"}, "usage_hourly"),
]


@pytest.mark.parametrize(("path", "params", "table"), SUMS)
def test_sums_come_from_a_rollup_by_its_key(
    filled: Filled, path: str, params: dict[str, Any], table: str
) -> None:
    asked = filled.asked(path, **params)
    assert len(asked) == 1
    statement = asked[0][0]
    assert re.search(rf"\b{table}\b", statement)
    assert not re.search(r"\busage\b(?!_)", statement), "raw usage is read"
    bucket = "hour" if table == "usage_hourly" else "day"
    plan = filled.plan(asked[0], freely=True)
    if filled.db.dialect == "sqlite":
        wanted = rf"SEARCH {table} USING PRIMARY KEY \(slot=\? AND tenant=\? AND {bucket}>\? AND"
        assert re.search(wanted, plan), plan
        assert "SCAN" not in plan, plan
    else:
        assert "Seq Scan on usage" not in plan, plan
        assert f"{table}_pkey" in plan, plan
        assert re.search(rf"Index Cond: .*\btenant\b.*\({bucket} >= ", plan), plan


@pytest.mark.parametrize(
    "params", [{}, {"model": "gpt-4o"}, {"unpriced": "true"}, {"end_user": "a"}]
)
def test_a_list_of_records_walks_along_the_key(filled: Filled, params: dict[str, str]) -> None:
    asked = [one for one in filled.asked(USAGE, limit=5, **params) if _is_raw(one)]
    assert len(asked) == 1
    plan = filled.plan(asked[0])
    if filled.db.dialect == "sqlite":
        assert re.search(r"SEARCH usage USING INDEX \w+ \(slot=\? AND tenant=\?", plan), plan
        assert "SCAN" not in plan, plan
        assert "TEMP B-TREE" not in plan, plan
    else:
        assert "Seq Scan on usage" not in plan, plan
        assert "Sort  (" not in plan, plan
        assert re.search(r"Index Cond: .*\btenant\b", plan), plan


def test_a_call_is_found_by_its_key_alone(filled: Filled) -> None:
    call_id = filled.tenant.admin.read(USAGE, limit=1)["items"][0]["call_id"]
    for asked in filled.asked(USAGE, call_id=call_id):
        plan = filled.plan(asked)
        assert not re.search(r"SCAN usage\b|Seq Scan on usage_2", plan), plan


def _is_raw(asked: Asked) -> bool:
    return re.search(r"FROM usage\b(?!_)", asked[0]) is not None
