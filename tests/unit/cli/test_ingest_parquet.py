"""`andon ingest` reads Parquet of any writer, a batch at a time, each call once."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import Result

from andon.adapters.parquet import reading
from tests.unit.cli.fake import BATCH, ID, Andon, Row, invoke, running
from tests.unit.sdk.scripted import Script

NOW = datetime.now(UTC)


def table(count: int = 2, **more: Any) -> Any:
    columns = {
        "integration_id": [ID] * count,
        "call_id": [f"c{number}" for number in range(count)],
        "provider": ["openai"] * count,
        "model": ["gpt-4o"] * count,
        "tokens_in": list(range(count)),
        "tokens_out": [1] * count,
        **more,
    }
    return pa.table({name: one for name, one in columns.items() if one is not None})


def saved(path: Path, made: Any, **options: Any) -> Path:
    pq.write_table(made, path, **options)
    return path


def ingest(script: Script, path: Path, *words: str) -> tuple[Row, Result]:
    result = invoke(script, "ingest", str(path), "--json", *words)
    assert result.stdout, result.stderr
    return json.loads(result.stdout), result


def sent(script: Script) -> list[Row]:
    bodies = [asked.body for asked in script.asked if asked.path == BATCH]
    return [one for body in bodies for one in json.loads(body, parse_float=Decimal)["records"]]


def test_columns_become_fields_of_their_kind(tmp_path: Path) -> None:
    made = table(
        1,
        cost_cents=pa.array([Decimal("0.1000001")], pa.decimal128(19, 7)),
        latency_ms=pa.array([12.0], pa.float64()),
        metadata=['{"a": 1.50}'],
        labels=pa.array([[("team", "a")]], pa.map_(pa.string(), pa.string())),
        request=[{"stream": True, "endpoint": None}],
        occurred_at=pa.array([NOW], pa.timestamp("us", "UTC")),
        end_user=pa.array([None], pa.string()),
        session_id=pa.array(["s"]).dictionary_encode(),
    )
    with running(Andon()) as script:
        found, result = ingest(script, saved(tmp_path / "a.parquet", made))
    assert (result.exit_code, found["accepted"]) == (0, 1)
    assert sent(script) == [
        {
            "integration_id": ID,
            "call_id": "c0",
            "provider": "openai",
            "model": "gpt-4o",
            "tokens_in": 0,
            "tokens_out": 1,
            "cost_cents": Decimal("0.1000001"),
            "latency_ms": 12,
            "metadata": {"a": Decimal("1.50")},
            "labels": {"team": "a"},
            "request": {"stream": True},
            "occurred_at": NOW.isoformat(),
            "session_id": "s",
        }
    ]


def test_many_row_groups_are_read_in_order_and_a_second_run_counts_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "BATCH_RECORDS", 7)
    path = saved(tmp_path / "calls", table(250), row_group_size=100)
    andon = Andon()
    with running(andon) as script:
        found, _ = ingest(script, path, "--format", "parquet")
        again, _ = ingest(script, path, "--type", "parquet")
    assert (found["read"], found["accepted"]) == (250, 250)
    assert (again["accepted"], again["duplicates"]) == (0, 250)
    assert andon.usage.keys() == {f"c{number}" for number in range(250)}


def test_rows_without_call_ids_are_told_apart_by_what_they_say(tmp_path: Path) -> None:
    moments = pa.array([NOW] * 3, pa.timestamp("us", "UTC"))
    made = table(3, call_id=None, tokens_in=[5, 5, 6], occurred_at=moments)
    andon = Andon()
    with running(andon) as script:
        found, _ = ingest(script, saved(tmp_path / "a.parquet", made))
        assert (found["accepted"], len(andon.usage)) == (3, 3)
        # Its columns in another order, one row more, another name.
        grown = pa.concat_tables([made, made.slice(2)]).select(made.column_names[::-1])
        found, _ = ingest(script, saved(tmp_path / "b.parquet", grown))
    assert (found["accepted"], found["duplicates"]) == (1, 3)


def test_another_model_for_the_same_rows_is_a_conflict(tmp_path: Path) -> None:
    moments = pa.array([NOW] * 2, pa.timestamp("us", "UTC"))
    path = saved(tmp_path / "a.parquet", table(2, call_id=None, model=None, occurred_at=moments))
    with running(Andon()) as script:
        assert ingest(script, path, "--model", "gpt-4o")[0]["accepted"] == 2
        found, _ = ingest(script, path, "--model", "o3")
    assert found["reasons"] == {"call_id_conflict": 2}


def test_without_call_ids_and_times_nothing_is_sent(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.parquet", table(2, call_id=None))
    with running(Andon()) as script:
        result = invoke(script, "ingest", str(path))
    assert "no column call_id" in result.stderr
    assert sent(script) == []


def test_columns_that_are_no_fields_are_told(tmp_path: Path) -> None:
    with running(Andon()) as script:
        result = invoke(
            script, "ingest", str(saved(tmp_path / "a.parquet", table(voided=["x"] * 2)))
        )
    assert result.stderr.endswith("column 7 [bad_header]\n")


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("metadata", ["[1]", "{}"]),
        ("labels", [["a"], None]),
        ("metadata", [{"a": float("inf")}, {"a": 1.0}]),
        ("session_id", [b"\xff", b"s"]),
    ],
)
def test_a_cell_of_no_use_costs_its_row_only(tmp_path: Path, name: str, column: Any) -> None:
    path = saved(tmp_path / "a.parquet", table(**{name: column}))
    with running(Andon()) as script:
        found, result = ingest(script, path)
    assert (result.exit_code, found["accepted"]) == (1, 1)
    assert found["reasons"] == {"malformed_cell": 1}
    assert found["examples"][0]["line"] == 1


def test_a_time_finer_than_microseconds_is_cut_and_one_without_a_zone_is_not_guessed(
    tmp_path: Path,
) -> None:
    moments = pa.array([1_700_000_000_123_456_789] * 2, pa.timestamp("ns", "Europe/Berlin"))
    with running(Andon()) as script:
        ingest(script, saved(tmp_path / "a.parquet", table(occurred_at=moments)))
        naive = pa.array([datetime(2026, 1, 1)] * 2, pa.timestamp("us"))  # noqa: DTZ001
        path = saved(tmp_path / "b.parquet", table(occurred_at=naive))
        invoke(script, "ingest", str(path))
    assert sent(script)[0]["occurred_at"] == "2023-11-14T23:13:20.123456+01:00"
    assert sent(script)[-1]["occurred_at"] == "2026-01-01T00:00:00"


@pytest.mark.parametrize("content", [b"", b"PAR1", b"call_id,tokens_in\n", b"PAR1" * 100])
def test_what_is_no_parquet_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(content)
    with running(Andon()) as script:
        result = invoke(script, "ingest", str(path))
    assert result.exit_code == 1
    assert "[not_parquet]" in result.stderr


def test_a_file_that_is_damaged_in_its_middle_is_told(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.parquet", table(5000), compression="none")
    content = bytearray(path.read_bytes())
    content[4 : len(content) // 2] = b"\xff" * (len(content) // 2 - 4)
    path.write_bytes(content)
    with running(Andon()) as script:
        result = invoke(script, "ingest", str(path))
    assert result.exit_code == 1
    assert "[not_parquet]" in result.stderr


def test_a_type_that_contradicts_the_format_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.parquet", table())
    words = ("--format", "parquet", "--type", "csv")
    assert invoke(None, "ingest", str(path), *words).exit_code == 2
