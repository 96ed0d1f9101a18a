"""CSV is read row by row: Andon's own columns, and the Azure LLM inference trace."""

from __future__ import annotations

import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from andon.cli.ingest.entries import Bad
from andon.cli.ingest.source import Source
from andon.cli.ingest.table import read_rows
from tests.unit.cli.fake import BATCH, ID, Andon, Row, integration, invoke, running
from tests.unit.sdk.scripted import Script

TRACE = """TIMESTAMP,ContextTokens,GeneratedTokens
2023-11-16 18:15:46.6805900,374,44
2023-11-16 18:15:50.9951690,396,109
2023-11-16 18:15:50.9951690,396,109
"""
AS_TRACE = ("--format", "azure-llm-trace", "--integration", "chat", "--model", "gpt-4o")
HEADER = "integration_id,call_id,provider,model,tokens_in,tokens_out"


def ingest(script: Script, path: Path, *words: str) -> tuple[Row, Result]:
    result = invoke(script, "ingest", str(path), "--json", *words)
    assert result.stdout, result.stderr
    return json.loads(result.stdout), result


def saved(path: Path, text: str) -> Path:
    path.write_bytes(text.encode())
    return path


def rows(text: str | bytes) -> list[Any]:
    raw = text.encode() if isinstance(text, str) else text
    source = Source(io.BytesIO(raw), lambda _: None)
    return [
        (row.number, row.code) if isinstance(row, Bad) else (row[0], *row[1].values())
        for row in read_rows(source, lambda _: None)
    ]


def test_trace_is_read_with_its_microseconds(tmp_path: Path) -> None:
    andon = Andon()
    with running(andon) as script:
        found, result = ingest(script, saved(tmp_path / "conv.csv", TRACE), *AS_TRACE)
    assert result.exit_code == 0
    assert (found["accepted"], found["tokens_in"], found["tokens_out"]) == (3, 1166, 262)
    first = next(iter(andon.usage.values()))
    assert first == {
        "integration_id": ID,
        "call_id": first["call_id"],
        "provider": "azure_openai",
        "model": "gpt-4o",
        "tokens_in": 374,
        "tokens_out": 44,
        "occurred_at": "2023-11-16T18:15:46.680590+00:00",
    }


def test_renamed_and_grown_trace_finds_its_own(tmp_path: Path) -> None:
    with running(Andon()) as script:
        ingest(script, saved(tmp_path / "conv.csv", TRACE), *AS_TRACE)
        again = TRACE.replace("\n", "\r\n") + "2023-11-16 18:15:50.9951690,396,109"
        found, _ = ingest(script, saved(tmp_path / "renamed", again), *AS_TRACE)
    assert (found["accepted"], found["duplicates"], found["calls"]) == (1, 3, 4)


def test_another_model_is_a_conflict_and_another_integration_is_not(tmp_path: Path) -> None:
    path = saved(tmp_path / "conv.csv", TRACE)
    other = integration(id="018f0000-0000-7000-8000-000000000002", name="other")
    with running(Andon(integrations=[integration(), other])) as script:
        ingest(script, path, *AS_TRACE)
        found, _ = ingest(script, path, *AS_TRACE, "--model", "o3")
        assert found["reasons"] == {"call_id_conflict": 3}
        found, _ = ingest(script, path, *AS_TRACE, "--integration", "other")
    assert found["accepted"] == 3


def test_bad_rows_of_a_trace_are_told_by_number(tmp_path: Path) -> None:
    text = TRACE + 'yesterday,1,2\n2023-11-16 18:15:51.0,x,2\n2023-11-16 18:15:52.0,"1,2\n1\n'
    text += "2023-11-16 18:15:53.0,1,2\n"
    with running(Andon()) as script:
        found, result = ingest(script, saved(tmp_path / "conv.csv", text), *AS_TRACE)
    assert result.exit_code == 1
    assert (found["accepted"], found["rejected"]) == (4, 4)
    assert [one["line"] for one in found["examples"]] == [5, 6, 7, 8]
    assert "yesterday" not in result.output


@pytest.mark.parametrize("missing", ["--integration", "--model"])
def test_trace_needs_integration_and_model(tmp_path: Path, missing: str) -> None:
    place = AS_TRACE.index(missing)
    words = AS_TRACE[:place] + AS_TRACE[place + 2 :]
    result = invoke(None, "ingest", str(saved(tmp_path / "conv.csv", TRACE)), *words)
    assert result.exit_code == 2


def test_other_columns_are_told_before_anything_is_sent(tmp_path: Path) -> None:
    path = saved(tmp_path / "other.csv", "a,b\n1,2\n")
    with running(Andon()) as script:
        result = invoke(script, "ingest", str(path), *AS_TRACE)
        own = invoke(script, "ingest", str(path))
    assert "no column TIMESTAMP, ContextTokens, GeneratedTokens" in result.stderr
    assert "column 1, 2 [bad_header]" in own.stderr
    assert not [asked for asked in script.asked if asked.path == BATCH]


def test_own_columns_become_fields(tmp_path: Path) -> None:
    text = (
        f"{HEADER},cost_cents,metadata,agent_id,error_message\n"
        f'{ID},c1,openai,gpt-4o,10,1,0.1000001,"{{""a"": 1.5}}",,"two\nlines"\n'
    )
    with running(Andon()) as script:
        found, result = ingest(script, saved(tmp_path / "a.csv", text))
    assert (result.exit_code, found["accepted"]) == (0, 1)
    (sent,) = [asked for asked in script.asked if asked.path == BATCH]
    assert json.loads(sent.body, parse_float=Decimal)["records"] == [
        {
            "integration_id": ID,
            "call_id": "c1",
            "provider": "openai",
            "model": "gpt-4o",
            "tokens_in": 10,
            "tokens_out": 1,
            "cost_cents": Decimal("0.1000001"),
            "metadata": {"a": Decimal("1.5")},
            "error_message": "two\nlines",
        }
    ]


def test_cell_of_wrong_kind_is_refused(tmp_path: Path) -> None:
    text = f"{HEADER},metadata\n{ID},c1,openai,m,ten,1,\n{ID},c2,openai,m,1,1,nothing\n"
    with running(Andon()) as script:
        found, _ = ingest(script, saved(tmp_path / "a.csv", text))
    assert found["reasons"] == {"invalid_tokens_in": 1, "malformed_cell": 1}


def test_missing_column_is_named_unless_it_is_given(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.csv", "call_id,tokens_in,tokens_out,model\nc1,1,1,m\n")
    with running(Andon()) as script:
        result = invoke(script, "ingest", str(path))
        assert "no column integration_id, provider" in result.stderr
        assert ingest(script, path, "--integration", ID)[0]["accepted"] == 1


def test_stray_quote_costs_its_own_line() -> None:
    assert rows('a,b\n1,"2\n3,4\n\n5,"6\n7,8"\n9,10\n') == [
        (2, "malformed_row"),
        (3, "3", "4"),
        (5, "5", "6\n7,8"),
        (7, "9", "10"),
    ]


def test_quote_that_nothing_closes_costs_its_own_line() -> None:
    assert rows('a,b\n1,"2\n3,4\n5,6') == [(2, "malformed_row"), (3, "3", "4"), (4, "5", "6")]


def test_row_over_several_lines_has_its_first_number() -> None:
    assert rows('a,b\r\n1,"x\r\ny"\r\n2,"say ""hi"""\r\n') == [
        (2, "1", "x\ny"),
        (4, "2", 'say "hi"'),
    ]


def test_line_that_is_not_utf8_is_told() -> None:
    assert rows(b"\xef\xbb\xbfa,b\n\xff,1\n2,3\n") == [(2, "invalid_utf8"), (3, "2", "3")]


def test_row_longer_than_the_bound_is_refused() -> None:
    long = "x" * (1 << 20)
    assert rows(f"a,b\n{long},1\n2,3\n") == [(2, "line_too_long"), (3, "2", "3")]


@pytest.mark.parametrize("text", ["", "\n1,2\n", '"a\n'])
def test_file_without_a_header_is_told(tmp_path: Path, text: str) -> None:
    with running(Andon()) as script:
        result = invoke(script, "ingest", str(saved(tmp_path / "a.csv", text)))
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.endswith("[no_header]\n")
