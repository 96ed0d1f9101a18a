"""A file of usage records is reported once, however often and however badly."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from andon.cli import ingest as command
from andon.sdk.retries import Retries
from tests.unit.cli.fake import BATCH, ID, KEY, Andon, Row, integration, invoke, running
from tests.unit.sdk.scripted import DROP, Answer, Asked, Script, problem

NOW = datetime.now(UTC).isoformat()


@pytest.fixture(autouse=True)
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "PATIENT", Retries(tries=4, first_seconds=0.001))


def record(number: int, **fields: Any) -> Row:
    return {
        "integration_id": ID,
        "call_id": f"c{number}",
        "provider": "openai",
        "model": "gpt-4o",
        "tokens_in": 10,
        "tokens_out": 1,
        "occurred_at": NOW,
        **fields,
    }


def write(path: Path, *lines: Row | str | bytes) -> Path:
    texts = [json.dumps(line) if isinstance(line, dict) else line for line in lines]
    path.write_bytes(b"\n".join(t.encode() if isinstance(t, str) else t for t in texts) + b"\n")
    return path


def ingest(script: Script, path: Path, *words: str) -> tuple[Row, Result]:
    result = invoke(script, "ingest", str(path), "--json", *words)
    assert result.stdout, result.stderr
    return json.loads(result.stdout), result


def batches(script: Script) -> list[Asked]:
    return [asked for asked in script.asked if asked.path == BATCH]


@pytest.fixture
def three(tmp_path: Path) -> Path:
    return write(tmp_path / "calls.jsonl", record(1), record(2), record(3))


def test_file_is_reported_and_summed(three: Path) -> None:
    andon = Andon()
    with running(andon) as script:
        found, result = ingest(script, three)
    assert result.exit_code == 0
    assert result.stderr == ""
    assert list(andon.usage) == ["c1", "c2", "c3"]
    assert found == {
        "read": 3,
        "accepted": 3,
        "duplicates": 0,
        "rejected": 0,
        "skipped": 0,
        "reasons": {},
        "examples": [],
        "calls": 3,
        "tokens_in": 30,
        "tokens_out": 3,
        "import_id": None,
        "cost_added_nanousd": 330,
        "cost_nanousd": 330,
        "unpriced_calls": 0,
        "first_day": NOW[:10],
        "last_day": NOW[:10],
    }


def test_second_run_adds_nothing_and_finds_its_own(three: Path) -> None:
    with running(Andon()) as script:
        ingest(script, three)
        found, result = ingest(script, three)
    assert result.exit_code == 0
    assert (found["accepted"], found["duplicates"]) == (0, 3)
    assert (found["calls"], found["tokens_in"]) == (3, 30)
    assert (found["cost_added_nanousd"], found["cost_nanousd"]) == (0, 330)


def test_cost_of_other_integrations_is_left_out(three: Path) -> None:
    other = record(9, integration_id="other", tokens_in=1000)
    with running(Andon(usage={"c9": other})) as script:
        found, _ = ingest(script, three)
    assert (found["cost_added_nanousd"], found["cost_nanousd"]) == (330, 330)


def test_unknown_price_is_no_zero(three: Path) -> None:
    with running(Andon(priced=False)) as script:
        found, _ = ingest(script, three)
        table = invoke(script, "ingest", str(three)).stdout
    assert found["cost_nanousd"] is None
    assert found["cost_added_nanousd"] is None
    assert found["unpriced_calls"] == 3
    assert "unknown" in table


def test_numbers_go_to_the_server_as_they_are_written(tmp_path: Path) -> None:
    line = json.dumps(record(1))[:-1] + ', "cost_cents": 0.10000000000000000001}'
    with running(Andon()) as script:
        ingest(script, write(tmp_path / "a.jsonl", line))
    assert batches(script)[0].body == b'{"records":[' + line.encode() + b"]}"


def test_bad_lines_are_told_by_number_and_others_go_on(tmp_path: Path) -> None:
    secret = "sk-very-secret"
    path = write(
        tmp_path / "a.jsonl",
        record(1),
        '{"call_id": "' + secret,
        "",
        b'{"call_id": "\xff"}',
        "[1]",
        '{"tokens_in": NaN}',
        "[" * 100_000,
        '{"a": "' + "x" * (1 << 20) + '"}',
        record(2, tokens_in="many"),
        record(3),
    )
    andon = Andon()
    with running(andon) as script:
        found, result = ingest(script, path)
    assert result.exit_code == 1
    assert list(andon.usage) == ["c1", "c3"]
    assert (found["read"], found["accepted"], found["rejected"]) == (9, 2, 7)
    assert found["reasons"] == {
        "malformed_line": 4,
        "invalid_tokens_in": 1,
        "invalid_utf8": 1,
        "line_too_long": 1,
    }
    assert [one["line"] for one in found["examples"]] == [2, 4, 5, 6, 7]
    assert secret not in result.output


def test_rejections_are_shown_in_the_table(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", record(1, tokens_in="many"))
    with running(Andon()) as script:
        result = invoke(script, "ingest", str(path))
    assert result.exit_code == 1
    assert "invalid_tokens_in" in result.stdout
    assert "it is invalid_tokens_in" in result.stdout


def test_batches_hold_a_hundred(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", *(record(number) for number in range(250)))
    with running(Andon()) as script:
        found, _ = ingest(script, path)
    assert found["accepted"] == 250
    assert sorted(len(asked.json["records"]) for asked in batches(script)) == [50, 100, 100]


def test_first_record_of_a_call_stays_whatever_the_order_of_arrival(tmp_path: Path) -> None:
    many = [record(number) for number in range(200)]
    path = write(tmp_path / "a.jsonl", *many, record(0, tokens_in=99), record(150))
    andon = Andon()
    with running(andon) as script:
        found, _ = ingest(script, path)
    assert andon.usage["c0"]["tokens_in"] == 10
    assert (found["accepted"], found["duplicates"]) == (200, 1)
    assert found["reasons"] == {"call_id_conflict": 1}
    assert found["examples"][0]["line"] == 201


def failing_first(*answers: Answer) -> Callable[[Asked], Answer | None]:
    waiting = list(answers)
    return lambda asked: waiting.pop(0) if asked.path == BATCH and waiting else None


def test_busy_server_and_lost_connection_are_tried_again(three: Path) -> None:
    first = failing_first(problem(503, "intake_full", Retry_After="0"), DROP)
    with running(Andon(first)) as script:
        found, result = ingest(script, three)
    assert (result.exit_code, found["accepted"]) == (0, 3)
    assert len({asked.body for asked in batches(script)}) == 1
    assert len(batches(script)) == 3


def test_server_that_stays_away_is_told_with_what_to_do(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", *(record(number) for number in range(900)))
    taken: list[int] = []

    def first(asked: Asked) -> Answer | None:
        if asked.path != BATCH or not taken:
            taken.extend([1] if asked.path == BATCH else [])
            return None
        return DROP

    with running(Andon(first)) as script:
        result = invoke(script, "ingest", str(path), "--json")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "no server answers" in result.stderr
    assert "run the same command again to go on" in result.stderr
    assert result.stderr.count("\n") == 1


def test_record_that_sinks_its_batch_is_found(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", record(1), record(2, model="poison"), record(3))

    def first(asked: Asked) -> Answer | None:
        if asked.path == BATCH and b"poison" in asked.body:
            return problem(422, "invalid_json", "The body is not valid JSON.")
        return None

    andon = Andon(first)
    with running(andon) as script:
        found, result = ingest(script, path)
    assert result.exit_code == 1
    assert sorted(andon.usage) == ["c1", "c3"]
    assert found["examples"] == [
        {"line": 2, "code": "invalid_json", "message": "The body is not valid JSON."}
    ]


def test_wrong_key_ends_the_run(three: Path) -> None:
    with running(Andon()) as script:
        result = invoke(script, "ingest", str(three), ANDON_KEY=KEY + "x")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "error: No valid key came with the request. [not_authenticated]\n"


def test_old_calls_open_one_import(tmp_path: Path) -> None:
    old = [record(n, occurred_at="2023-11-16T18:15:46Z") for n in range(300)]
    andon = Andon()
    with running(andon) as script:
        found, result = ingest(script, write(tmp_path / "old.jsonl", *old))
    assert (result.exit_code, found["accepted"]) == (0, 300)
    assert andon.imports == ["old.jsonl"]
    assert {asked.query.get("import_id") for asked in batches(script)} == {"import-1"}
    assert (found["import_id"], found["first_day"]) == ("import-1", "2023-11-16")


def test_server_that_asks_for_an_import_gets_one(tmp_path: Path) -> None:
    # A time that this command cannot read, and the server can.
    first = failing_first(
        Answer(
            200,
            {
                "accepted": 1,
                "duplicates": 0,
                "rejected": [{"index": 1, "code": "backfill_needs_import", "message": "old"}],
            },
        )
    )
    andon = Andon(first)
    with running(andon) as script:
        found, result = ingest(script, write(tmp_path / "a.jsonl", record(1), record(2)))
    assert (result.exit_code, found["accepted"], found["rejected"]) == (0, 2, 0)
    assert andon.imports == ["a.jsonl"]
    assert list(andon.usage) == ["c2"]


def test_key_that_only_reports_still_reports(three: Path) -> None:
    def first(asked: Asked) -> Answer | None:
        return None if asked.path == BATCH else problem(403, "not_allowed", "ask an admin")

    with running(Andon(first)) as script:
        found, result = ingest(script, three)
        named = invoke(script, "ingest", str(three), "--integration", "chat")
    assert (result.exit_code, found["accepted"]) == (0, 3)
    assert found["cost_nanousd"] is None
    assert found["cost_added_nanousd"] is None
    assert "give --integration as an id, and --provider" in named.stderr


def test_defaults_fill_what_a_record_leaves_out(tmp_path: Path) -> None:
    lines = ('{"call_id": "a", "tokens_in": 1, "tokens_out": 2, "model": "own"}', "{}")
    andon = Andon(integrations=[integration(provider_type="openai")])
    with running(andon) as script:
        path = write(tmp_path / "a.jsonl", *lines)
        found, _ = ingest(script, path, "--integration", "chat", "--model", "gpt-4o")
    assert found["reasons"] == {"invalid_tokens_in": 1}
    assert andon.usage["a"] == {
        "integration_id": ID,
        "provider": "openai",
        "call_id": "a",
        "tokens_in": 1,
        "tokens_out": 2,
        "model": "own",
    }


def test_interruption_says_that_a_rerun_goes_on(
    three: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "send_all", interrupted)
    with running(Andon()) as script:
        result = invoke(script, "ingest", str(three), "--json")
    assert (result.exit_code, result.stdout) == (130, "")
    assert result.stderr == (
        "interrupted after 0 records were recorded; run the same command again to go on; nothing "
        "is counted twice\n"
    )


def test_file_of_unknown_type_needs_to_be_told(tmp_path: Path) -> None:
    path = write(tmp_path / "calls.txt", record(1))
    assert invoke(None, "ingest", str(path)).exit_code == 2
    with running(Andon()) as script:
        assert ingest(script, path, "--type", "jsonl")[0]["accepted"] == 1


def test_empty_file_is_no_error(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.touch()
    with running(Andon()) as script:
        found, result = ingest(script, path)
    assert (result.exit_code, found["read"], found["cost_added_nanousd"]) == (0, 0, 0)
