"""How fast usage comes in durably: both databases, empty and large, agentmesh-ai beside them."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

from bench import machine, peers
from bench.fleet import TENANTS, Fleet, serving
from bench.generator import Measured, Orders
from bench.requests import record, span
from scripts.tree import ROOT
from tests.servers.postgres import PostgresServer

RUNS = int(os.environ.get("BENCH_RUNS", "1"))
SECONDS_A_RUN = float(os.environ.get("BENCH_SECONDS", "60"))
ROWS = int(os.environ.get("BENCH_ROWS", "10000000"))
"""How many records of random ids a store holds when it counts as large; 0 leaves that out."""

WARM_UP_SECONDS = min(10.0, SECONDS_A_RUN / 5)
BATCH = 100
REPEATS_PERCENT = 10
FILL_SECONDS = 30.0
_IN_FLIGHT = {BATCH: 16, 1: 64}

_T = TypeVar("_T")
Case = tuple[str, str, str]
"""Store, how it is reported, which ids and how large the store is."""

_ORDERED, _RANDOM = "ordered, from empty", "random, from empty"


def _at_size(rows: int) -> str:
    return f"random, at {rows / 1e6:.1f} M records"


FLOORS = {
    ("SQLite", BATCH, "ordered"): (100_000, 110_000),
    ("SQLite", BATCH, "random at size"): (40_000, 60_000),
    ("SQLite", 1, "ordered"): (15_000, 20_000),
    ("PostgreSQL", BATCH, "random"): (80_000, 100_000),
}
"""Floor and goal in records a second."""

GROUND_FLOOR, RATIO_FLOOR = 30.0, 90.0
"""How many times agentmesh-ai's durable rate: the first floor, and the one at speed."""

P99_MS = 250.0


@dataclass(frozen=True, slots=True)
class Run:
    """One run of one case; over HTTP with what the load generator saw."""

    records_a_second: float
    cpu_us: float
    rss_mib: float
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
            _measure_andon("SQLite", None, results)
            if python is not None:
                _measure_agentmesh(python, results)
            _measure_andon("PostgreSQL", postgres, results)
    print(f"{versions}; fdatasync of 4 KiB {_sync_ms():.1f} ms (median)\n")
    print("\n".join(_table(results)))
    print(f"\n{_conditions()}\n\n" + "\n".join(_verdicts(results)))


def _peer() -> Path | None:
    try:
        return peers.python_of(peers.AGENTMESH)
    except peers.Absent as fault:
        print(f"measured without it: {fault}", file=sys.stderr)
        return None


def _measure_andon(store: str, postgres: PostgresServer | None, results: Results) -> None:
    for size, ids in ((BATCH, "ordered"), (BATCH, "random"), (1, "ordered")):
        with serving(postgres) as fleet:
            how = f"batches of {size}" if size > 1 else "singles"
            run = _load(fleet, size, ids, SECONDS_A_RUN, WARM_UP_SECONDS)
            empty = _ORDERED if ids == "ordered" else _RANDOM
            results.setdefault((store, how, empty), []).append(run)
            if ids == "random" and ROWS:
                _measure_large(store, fleet, run, results)


def _measure_large(store: str, fleet: Fleet, before: Run, results: Results) -> None:
    assert before.http is not None
    held = before.http.requests_with_warm_up * BATCH
    while held < ROWS:
        print(f"{store}: {held:,} records ...", file=sys.stderr, flush=True)
        filled = _load(fleet, BATCH, "random", FILL_SECONDS, 0.0)
        assert filled.http is not None
        held += filled.http.requests_with_warm_up * BATCH
    run = _load(fleet, BATCH, "random", SECONDS_A_RUN, WARM_UP_SECONDS)
    case = (store, f"batches of {BATCH}", _at_size(ROWS))
    results.setdefault(case, []).append(run)


def _load(fleet: Fleet, size: int, ids: str, seconds: float, warm_up_seconds: float) -> Run:
    arguments = {
        "accounts": fleet.accounts,
        "size": size,
        "ids": ids,
        "repeats_percent": REPEATS_PERCENT,
    }
    orders = Orders(
        host="127.0.0.1",
        ports=fleet.ports,
        connections=_IN_FLIGHT[size],
        records_a_request=size,
        expect='"rejected":[]' if size > 1 else '"status":',
        make="usage",
        arguments=arguments,
        seconds=seconds,
        warm_up_seconds=warm_up_seconds,
    )
    return _generate(orders, fleet.cpu_seconds, fleet.rss_mib)


def _measure_agentmesh(python: Path, results: Results) -> None:
    for traces, a_trace in (("one trace a request", BATCH), ("one trace a call", 1)):
        with peers.agentmesh_server(python) as (port, pid):
            orders = Orders(
                host="127.0.0.1",
                ports=[port],
                connections=_IN_FLIGHT[BATCH],
                records_a_request=BATCH,
                expect="partialSuccess",
                make="spans",
                arguments={"size": BATCH, "spans_a_trace": a_trace},
                seconds=SECONDS_A_RUN / 2,
                warm_up_seconds=WARM_UP_SECONDS,
            )
            measured = _generate(
                orders, lambda: machine.cpu_seconds(pid), lambda: machine.rss_mib(pid)
            )
        case = ("agentmesh-ai, OTLP", f"batches of {BATCH}, {traces}", "random")
        results.setdefault(case, []).append(measured)
    attributes = {
        item["key"]: next(iter(item["value"].values())) for item in span("")["attributes"]
    }
    direct = peers.direct_rate(python, BATCH, SECONDS_A_RUN / 2, attributes)
    level = direct["synchronous"]
    case = ("agentmesh-ai, in process", f"ingest_spans of {BATCH}, synchronous={level}", "random")
    results.setdefault(case, []).append(Run(direct["rate"], direct["cpu"] * 1e6, 0.0, None))


def _generate(
    orders: Orders, cpu_seconds: Callable[[], float], rss_mib: Callable[[], float]
) -> Run:
    before = cpu_seconds()
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
    records = measured.requests_with_warm_up * orders.records_a_request
    cpu_us = (cpu_seconds() - before) / records * 1e6
    return Run(measured.records_a_second, cpu_us, rss_mib(), measured)


def _table(results: Results) -> Iterator[str]:
    yield (
        "| store | reported as | ids | records/s | CPU us a record | p50 ms | p99 ms | RSS MiB "
        "| load |"
    )
    yield "|---|---|---|---:|---:|---:|---:|---:|---:|"
    for case, runs in results.items():
        rate, cpu = _median(runs, _rate), _median(runs, lambda run: run.cpu_us)
        cells = [*case, f"{rate:,.0f}", f"{cpu:,.1f}"]
        seen = [run.http for run in runs if run.http is not None]
        if seen:
            cells.append(f"{_median(seen, lambda http: http.p50_ms):.1f}")
            cells.append(f"{_median(seen, lambda http: http.p99_ms):.1f}")
            cells.append(f"{_median(runs, lambda run: run.rss_mib):.0f}")
            cells.append(f"{_median(seen, lambda http: http.generator_cpu):.0%}")
        else:
            cells += ["-"] * 4
        yield f"| {' | '.join(cells)} |"


def _rate(run: Run) -> float:
    return run.records_a_second


def _median(items: Sequence[_T], value: Callable[[_T], float]) -> float:
    return statistics.median(value(item) for item in items)


def _conditions() -> str:
    size = len(json.dumps(record("0" * 36)))
    return (
        f"Medians of {RUNS} run(s) of {SECONDS_A_RUN:.0f} s, every case but the large one on an "
        f"empty database; {TENANTS} tenants in turns, records of about {size} bytes, "
        f"{REPEATS_PERCENT}% of them reported a second time, key checked, everything validated, "
        f"one log line a request; PostgreSQL with row-level security, served by two processes; "
        f"{_IN_FLIGHT[BATCH]} batches or {_IN_FLIGHT[1]} singles in flight. The load comes from "
        "one process on the same cores, whose share of one is the last column. CPU is that of the "
        "server processes (PostgreSQL's own is not in it). Everything is acknowledged after a "
        "commit that was synced (agentmesh-ai: SQLite with WAL, each request one commit, its own "
        "`PRAGMA synchronous` beside it)."
    )


def _verdicts(results: Results) -> Iterator[str]:
    """Set each case against its floor, and Andon against agentmesh at the same job."""
    rates = {case: _median(runs, _rate) for case, runs in results.items()}
    for (store, size, ids), (floor, goal) in FLOORS.items():
        named = {"ordered": _ORDERED, "random": _RANDOM, "random at size": _at_size(ROWS)}[ids]
        case = (store, f"batches of {size}" if size > 1 else "singles", named)
        if case in rates:
            yield (
                f"- {', '.join(case)}: floor {floor:,}/s, goal {goal:,}/s, reached "
                f"{rates[case]:,.0f}/s: {_met(rates[case] >= floor)}"
            )
    slowest = max(
        run.http.p99_ms
        for case, runs in results.items()
        for run in runs
        if run.http is not None and not case[0].startswith("agentmesh")
    )
    yield f"- p99 of every case: at most {P99_MS:.0f} ms, seen {slowest:.0f}: " + _met(
        slowest <= P99_MS
    )
    yield from _ratios(rates)


def _ratios(rates: dict[Case, float]) -> Iterator[str]:
    served = [rate for case, rate in rates.items() if case[0] == "agentmesh-ai, OTLP"]
    if not served:
        yield "- agentmesh-ai was not measured: no ratio."
        return
    best = max(rate for case, rate in rates.items() if case[0].startswith("agentmesh"))
    for ids, floor in ((_RANDOM, GROUND_FLOOR), (_ORDERED, RATIO_FLOOR)):
        ours = rates["SQLite", f"batches of {BATCH}", ids]
        ratio = ours / max(served)
        yield (
            f"- SQLite in batches, {ids}, against agentmesh-ai's server ({max(served):,.0f}/s): "
            f"floor {floor:.0f} times, {ratio:.1f} times: {_met(ratio >= floor)}; "
            f"{ours / best:.1f} times its best without HTTP ({best:,.0f}/s)"
        )


def _met(is_met: bool) -> str:
    return "**met**" if is_met else "**missed**"


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
