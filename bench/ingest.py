"""How fast usage comes in durably: batches and singles, both databases, agentmesh-ai beside it."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from bench import machine, peers
from bench.generator import Measured, Orders
from bench.requests import record, span
from scripts.tree import ROOT
from tests.servers.andon import AndonServer
from tests.servers.postgres import PostgresServer
from tests.servers.stores import PostgresStore, SqliteStore

RUNS = 3
SECONDS_A_RUN = float(os.environ.get("BENCH_SECONDS", "10"))
WARM_UP_SECONDS = SECONDS_A_RUN / 5
BATCH = 100
FLOOR = 30.0
"""How many times agentmesh-ai's durable rate Andon must reach, in batches on SQLite."""

_IN_FLIGHT = {BATCH: 16, 1: 64}
_CASES = [(size, ids) for size in (BATCH, 1) for ids in ("random", "ordered")]
_FLOOR_CASE = ("SQLite", f"batches of {BATCH}", "random")

_T = TypeVar("_T")
Case = tuple[str, str, str]
"""Store, how it is reported, which ids."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of one case; over HTTP with what the load generator saw."""

    records_a_second: float
    cpu_us: float
    http: Measured | None


Results = dict[Case, list[Run]]


def main() -> None:
    """Measure everything in turns, so that a busy moment hits all sides, and print the table."""
    results: Results = {}
    python = _peer()
    with PostgresServer.start() as postgres:
        versions = f"{_versions()}, PostgreSQL {postgres.version // 10_000}"
        for number in range(RUNS):
            print(f"run {number + 1} of {RUNS} ...", file=sys.stderr, flush=True)
            for store in ("SQLite", "PostgreSQL"):
                _measure_andon(store, postgres, results)
            if python is not None:
                _measure_agentmesh(python, results)
    print(f"{versions}; fdatasync of 4 KiB {_sync_ms():.1f} ms (median)\n")
    print("\n".join(_table(results)))
    print(f"\n{_conditions()}\n\n{_verdict(results)}")


def _peer() -> Path | None:
    try:
        return peers.python_of(peers.AGENTMESH)
    except peers.Absent as fault:
        print(f"measured without it: {fault}", file=sys.stderr)
        return None


def _measure_andon(store: str, postgres: PostgresServer, results: Results) -> None:
    with _server(store, postgres) as server:
        integration = server.create_integration("bench")
        for size, ids in _CASES:
            arguments = {"key": server.key, "integration": integration, "size": size, "ids": ids}
            expect = f'"accepted":{size}' if size > 1 else '"status":"accepted"'
            port = urlsplit(server.url).port or 0
            how = f"batches of {size}" if size > 1 else "singles"
            measured = _generate(port, server.pid, size, expect, "usage", arguments)
            results.setdefault((store, how, ids), []).append(measured)


@contextmanager
def _server(store: str, postgres: PostgresServer) -> Iterator[AndonServer]:
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="andon-bench-"))
        home = Path(folder) / "home"
        if store == "SQLite":
            yield stack.enter_context(AndonServer.start(SqliteStore(home)))
            return
        database = postgres.create_database()
        stack.callback(postgres.drop_database, database)
        yield stack.enter_context(AndonServer.start(PostgresStore(home, database)))


def _measure_agentmesh(python: Path, results: Results) -> None:
    for traces, a_trace in (("one trace a request", BATCH), ("one trace a call", 1)):
        with peers.agentmesh_server(python) as (port, pid):
            arguments = {"size": BATCH, "spans_a_trace": a_trace}
            measured = _generate(port, pid, BATCH, "partialSuccess", "spans", arguments)
        case = ("agentmesh-ai, OTLP", f"batches of {BATCH}, {traces}", "random")
        results.setdefault(case, []).append(measured)
    attributes = {
        item["key"]: next(iter(item["value"].values())) for item in span("")["attributes"]
    }
    direct = peers.direct_rate(python, BATCH, SECONDS_A_RUN, attributes)
    level = direct["synchronous"]
    case = ("agentmesh-ai, in process", f"ingest_spans of {BATCH}, synchronous={level}", "random")
    results.setdefault(case, []).append(Run(direct["rate"], direct["cpu"] * 1e6, None))


def _generate(
    port: int, pid: int, size: int, expect: str, make: str, arguments: dict[str, Any]
) -> Run:
    orders = Orders(
        host="127.0.0.1",
        port=port,
        connections=_IN_FLIGHT[size],
        records_a_request=size,
        expect=expect,
        make=make,
        arguments=arguments,
        seconds=SECONDS_A_RUN,
        warm_up_seconds=WARM_UP_SECONDS,
    )
    before = machine.cpu_seconds(pid)
    done = subprocess.run(
        [sys.executable, "-m", "bench.generator"],
        input=json.dumps(asdict(orders)),
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    if done.returncode != 0:
        raise RuntimeError(f"the load generator failed: {done.stderr[-2000:]}")
    measured = Measured(**json.loads(done.stdout))
    cpu = (machine.cpu_seconds(pid) - before) / (measured.requests_with_warm_up * size)
    return Run(measured.records_a_second, cpu * 1e6, measured)


def _table(results: Results) -> Iterator[str]:
    yield "| store | reported as | ids | records/s | CPU us a record | p50 ms | p99 ms | load |"
    yield "|---|---|---|---:|---:|---:|---:|---:|"
    for case, runs in results.items():
        rate, cpu = _median(runs, _rate), _median(runs, lambda run: run.cpu_us)
        cells = [*case, f"{rate:,.0f}", f"{cpu:,.0f}"]
        seen = [run.http for run in runs if run.http is not None]
        if seen:
            cells.append(f"{_median(seen, lambda http: http.p50_ms):.1f}")
            cells.append(f"{_median(seen, lambda http: http.p99_ms):.1f}")
            cells.append(f"{_median(seen, lambda http: http.generator_cpu):.0%}")
        else:
            cells += ["-", "-", "-"]
        yield f"| {' | '.join(cells)} |"


def _rate(run: Run) -> float:
    return run.records_a_second


def _median(items: Sequence[_T], value: Callable[[_T], float]) -> float:
    return statistics.median(value(item) for item in items)


def _conditions() -> str:
    size = len(json.dumps(record("0" * 36)))
    return (
        f"Medians of {RUNS} runs of {SECONDS_A_RUN:.0f} s in turns, each on an empty database, "
        f"records of {size} bytes; {_IN_FLIGHT[BATCH]} batches or {_IN_FLIGHT[1]} singles in "
        "flight; the load comes from one process on the same cores, whose share of one is the "
        "last column. CPU is the server process's (PostgreSQL's own is not in it). Everything "
        "is acknowledged after a commit that was synced (agentmesh-ai: SQLite with WAL, each "
        "request one commit, its own `PRAGMA synchronous` beside it)."
    )


def _verdict(results: Results) -> str:
    """Set Andon against agentmesh at the same job, HTTP included, and against its best at all."""
    rates = {case: _median(runs, _rate) for case, runs in results.items()}
    served = [rate for case, rate in rates.items() if case[0] == "agentmesh-ai, OTLP"]
    if not served:
        return "agentmesh-ai was not measured: no ratio."
    best = max(rate for case, rate in rates.items() if case[0].startswith("agentmesh"))
    ratio, least = rates[_FLOOR_CASE] / max(served), rates[_FLOOR_CASE] / best
    return (
        f"Floor: {FLOOR:.0f} times agentmesh-ai's server ({max(served):,.0f}/s) in batches on "
        f"SQLite with random ids: {ratio:.1f} times, **{'met' if ratio >= FLOOR else 'missed'}**; "
        f"{least:.1f} times its best without HTTP ({best:,.0f}/s)."
    )


def _versions() -> str:
    found = machine.versions()
    peer = peers.AGENTMESH.replace("==", " ")
    return f"Python {found['python']}, Andon {found['andon']}, SQLite {found['sqlite']}, {peer}"


def _sync_ms() -> float:
    """Measure what one append with fdatasync costs where the stores lie."""
    waits = []
    with tempfile.TemporaryFile(prefix="andon-bench-") as file:
        for _ in range(100):
            os.write(file.fileno(), bytes(4096))
            start = time.perf_counter()
            os.fdatasync(file.fileno())
            waits.append(time.perf_counter() - start)
    return statistics.median(waits) * 1000


if __name__ == "__main__":
    main()
