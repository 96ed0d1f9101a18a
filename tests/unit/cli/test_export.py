"""`andon export usage` writes a file whole or not at all, and says what it holds."""

from __future__ import annotations

import io
import json
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from andon.adapters.parquet import writing
from andon.adapters.parquet.writing import ParquetWriter
from andon.adapters.usage_text import Csv, JsonLines
from andon.cli.export.sinks import TextSink
from tests.unit.cli.fake import Andon, invoke, running
from tests.unit.sdk.scripted import Answer, Asked, Script, problem
from tests.unit.test_usage_text import columns

EXPORT = "/api/v1/telemetry/llm-usage/export"
MOMENT = "2026-01-31T12:00:00.000001Z"


def records(count: int, **fields: Any) -> dict[str, list[Any]]:
    row = columns(model="m", tokens_in=5, occurred_at=MOMENT, created_at=MOMENT, **fields)
    made = {name: values * count for name, values in row.items()}
    return {**made, "call_id": [f"c{number}" for number in range(count)]}


def lines(count: int, **fields: Any) -> bytes:
    return JsonLines().write(records(count, **fields))


@contextmanager
def exporting(answer: Answer) -> Iterator[Script]:
    def first(asked: Asked) -> Answer | None:
        return answer if asked.path == EXPORT else None

    with running(Andon(first=first)) as script:
        yield script


def cut(text: bytes) -> Answer:
    """Announce more than is sent."""
    return Answer(200, text, {"Content-Length": str(len(text) + 1), "Connection": "close"})


def test_a_file_gets_its_name_its_mode_and_its_count(tmp_path: Path) -> None:
    path = tmp_path / "usage.jsonl"
    with exporting(Answer(200, lines(3))) as script:
        result = invoke(script, "export", "usage", "--output", str(path), "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told == {
        "file": str(path),
        "format": "jsonl",
        "records": 3,
        "bytes": path.stat().st_size,
    }
    assert path.read_bytes() == lines(3)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_standard_output_gets_the_records_and_nothing_else() -> None:
    with exporting(Answer(200, lines(2))) as script:
        result = invoke(script, "export", "usage")
    assert result.stdout_bytes == lines(2)
    assert result.stderr == "exported 2 records\n"


def test_what_is_asked_for_reaches_the_server(tmp_path: Path) -> None:
    words = ("--from", "2026-01-01", "--to", "2026-01-31", "--integration", "chat")
    with exporting(Answer(200, Csv().head())) as script:
        invoke(script, "export", "usage", *words, "--output", str(tmp_path / "a.csv"))
    (asked,) = [one for one in script.asked if one.path == EXPORT]
    assert asked.query == {
        "format": "csv",
        "period_start": "2026-01-01",
        "period_end": "2026-01-31",
        "integration_id": "018f0000-0000-7000-8000-000000000001",
    }


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet"])
def test_an_answer_that_is_cut_off_leaves_no_file(tmp_path: Path, form: str) -> None:
    path = tmp_path / f"usage.{form}"
    with exporting(cut(lines(3))) as script:
        result = invoke(script, "export", "usage", "--output", str(path))
    assert result.exit_code == 1
    assert result.stderr.endswith("[unreachable]\n")
    assert list(tmp_path.iterdir()) == []


def test_parquet_that_is_cut_off_does_not_look_whole() -> None:
    with exporting(cut(lines(3))) as script:
        result = invoke(script, "export", "usage", "--format", "parquet")
    assert result.exit_code == 1
    with pytest.raises(pa.ArrowInvalid):
        pq.ParquetFile(io.BytesIO(result.stdout_bytes))


def test_a_refusal_is_told_and_leaves_no_file(tmp_path: Path) -> None:
    with exporting(problem(403, "not_allowed", "ask an admin")) as script:
        result = invoke(script, "export", "usage", "--output", str(tmp_path / "a.csv"))
    assert (result.exit_code, result.stderr) == (1, "error: ask an admin [not_allowed]\n")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_there_stays_unless_it_may_be_replaced(tmp_path: Path) -> None:
    path = tmp_path / "usage.jsonl"
    path.write_text("precious")
    with exporting(Answer(200, lines(1))) as script:
        refused = invoke(script, "export", "usage", "--output", str(path))
        assert refused.stderr.endswith("[file_exists]\n")
        assert path.read_text() == "precious"
        invoke(script, "export", "usage", "--output", str(path), "--replace")
    assert path.read_bytes() == lines(1)


def test_json_has_no_place_beside_the_records() -> None:
    assert invoke(None, "export", "usage", "--json").exit_code == 2


def test_without_pyarrow_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    path = tmp_path / "usage.parquet"
    with exporting(Answer(200, lines(1))) as script:
        result = invoke(script, "export", "usage", "--output", str(path))
        given = invoke(script, "ingest", str(Path(__file__)), "--format", "parquet")
    for one in (result, given):
        assert one.exit_code == 1
        assert "pip install 'andon[parquet]' [needs_extra]" in one.stderr
    assert not path.exists()


def test_rows_of_csv_are_counted_however_it_is_cut() -> None:
    writer = Csv()
    text = writer.head() + writer.write(records(3, error_message='one\n"two"\n'))
    for size in (1, 2, 7, len(text)):
        sink = TextSink(io.BytesIO(), "csv")
        for start in range(0, len(text), size):
            sink.feed(text[start : start + size])
        assert sink.close() == 3


def parquet_of(text: bytes, size: int) -> Any:
    file = io.BytesIO()
    writer = ParquetWriter(file)
    for start in range(0, len(text), size):
        writer.feed(text[start : start + size])
    writer.close()
    return pq.ParquetFile(io.BytesIO(file.getvalue()))


def test_parquet_keeps_types_and_money(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "GROUP_BYTES", 1000)
    text = lines(10, cost_nanousd=1_000_001, metadata='{"a":1.50}', voided=True)
    text += lines(1, cost_nanousd=None)
    file = parquet_of(text, 333)
    assert file.num_row_groups > 1
    rows = file.read().to_pylist()
    assert [row["call_id"] for row in rows] == [*(f"c{n}" for n in range(10)), "c0"]
    assert rows[0]["cost_cents"] == Decimal("0.1000001")
    assert rows[0]["metadata"] == '{"a":1.50}'
    assert rows[0]["occurred_at"].isoformat() == MOMENT.replace("Z", "+00:00")
    assert (rows[0]["voided"], rows[10]["voided"]) == (True, False)
    assert (rows[10]["cost_nanousd"], rows[10]["cost_cents"]) == (None, None)
    assert rows[10]["request"] is None


def test_parquet_of_nothing_is_a_file_with_its_columns() -> None:
    file = parquet_of(b"", 1)
    assert file.metadata.num_rows == 0
    assert file.schema_arrow.names[:3] == ["id", "integration_id", "call_id"]
