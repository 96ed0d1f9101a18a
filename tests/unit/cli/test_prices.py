"""A tenant's own prices are listed, added and ended over the API."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.unit.cli.fake import Andon, Row, invoke, running
from tests.unit.sdk.scripted import Answer, Asked, problem

PRICE: Row = {
    "id": "p1",
    "tenant_id": "default",
    "provider": None,
    "model": "gpt-4o",
    "valid_from": "2026-01-01T00:00:00Z",
    "valid_until": None,
    "currency": "USD",
    "input_usd_per_mtok": "2.25",
    "output_usd_per_mtok": "0.000000001",
    "cache_read_usd_per_mtok": None,
    "cache_write_usd_per_mtok": None,
    "reasoning_usd_per_mtok": None,
    "usd_per_request": "0.01",
    "note": "",
}


def run(answer: Answer, *words: str) -> tuple[Any, Asked]:
    """Run a command whose only request gets this answer."""
    with running(Andon(lambda _: answer)) as script:
        result = invoke(script, "prices", *words)
    assert result.exit_code == 0, result.output
    return result, script.asked[-1]


def test_prices_are_listed_as_a_table_and_as_json() -> None:
    page = Answer(200, {"items": [PRICE], "next_cursor": None})
    at = "2026-01-31T12:00:00+02:00"
    table, asked = run(page, "list", "--model", "gpt-4o", "--at", at)
    assert (asked.query["model"], asked.query["at"]) == ("gpt-4o", at)
    assert "provider" not in asked.query
    for cell in ("p1", "any", "2.25", "0.000000001", "0.01"):
        assert cell in table.stdout.split()
    listed, _ = run(page, "list", "--json")
    assert json.loads(listed.stdout) == [PRICE]


def test_a_price_is_added_to_the_digit() -> None:
    words = ["--provider", "openai", "--input", "2.25", "--output", "0.000000001"]
    words += ["--cache-read", "1", "--cache-write", "2", "--reasoning", "3", "--per-request", "4"]
    words += ["--from", "2026-01-01T00:00:00Z", "--until", "2026-02-01T00:00:00Z", "--note", "new"]
    result, asked = run(Answer(201, PRICE), "add", "gpt-4o", *words, "--json")
    assert (asked.method, asked.path) == ("POST", "/api/v1/prices")
    assert asked.json == {
        "model": "gpt-4o",
        "provider": "openai",
        "input_usd_per_mtok": "2.25",
        "output_usd_per_mtok": "0.000000001",
        "cache_read_usd_per_mtok": "1",
        "cache_write_usd_per_mtok": "2",
        "reasoning_usd_per_mtok": "3",
        "usd_per_request": "4",
        "valid_from": "2026-01-01T00:00:00Z",
        "valid_until": "2026-02-01T00:00:00Z",
        "note": "new",
    }
    assert json.loads(result.stdout) == PRICE


def test_what_is_not_given_is_left_to_the_server() -> None:
    result, asked = run(Answer(201, PRICE), "add", "gpt-4o", "--input", "1", "--output", "2")
    assert set(asked.json) == {"model", "input_usd_per_mtok", "output_usd_per_mtok"}
    assert "2.25" in result.stdout


def test_a_price_is_ended_when_it_is_told() -> None:
    at = "2026-06-01T00:00:00Z"
    _, asked = run(Answer(200, PRICE), "end", "../keys", "--at", at)
    assert (asked.method, asked.path) == ("PATCH", "/api/v1/prices/..%2Fkeys")
    assert asked.json == {"valid_until": at}


def test_a_price_ends_with_the_present_minute_unless_told() -> None:
    before = datetime.now(UTC)
    result, asked = run(Answer(200, PRICE), "end", "p1", "--json")
    ended = datetime.fromisoformat(asked.json["valid_until"])
    assert (ended.second, ended.microsecond) == (0, 0)
    assert before < ended <= datetime.now(UTC) + timedelta(minutes=1)
    assert json.loads(result.stdout) == PRICE


def test_a_refusal_is_told_with_its_code() -> None:
    refusal = problem(409, "price_overlaps", "The price p1 holds for this provider and model.")
    with running(Andon(lambda _: refusal)) as script:
        result = invoke(script, "prices", "add", "m", "--input", "1", "--output", "2")
    assert result.exit_code == 1
    assert "p1" in result.stderr
    assert "[price_overlaps]" in result.stderr


def test_a_price_needs_both_rates() -> None:
    with running(Andon()) as script:
        result = invoke(script, "prices", "add", "m", "--input", "1")
    assert result.exit_code == 2
    assert script.asked == []
