"""An application reports a call once, whatever happens on the way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from andon.sdk import Client, Recorded, ReportFailed, Retries, ServerUnavailable, UsageRefused
from tests.unit.sdk.scripted import (
    DROP,
    Answer,
    Script,
    one_after_another,
    problem,
    serving,
)

KEY = "andon_12345678_thisisnotarealkeybutlookslikeonetothetest"
CALL: dict[str, Any] = {
    "integration_id": "i",
    "provider": "openai",
    "model": "gpt-4o",
    "tokens_in": 3,
    "tokens_out": 4,
}
ACCEPTED = Answer(200, {"status": "accepted", "id": "018f"})
DUPLICATE = Answer(200, {"status": "duplicate", "id": "018f"})


@contextmanager
def reporting(*answers: Answer, tries: int = 3) -> Iterator[tuple[Client, Script, list[float]]]:
    slept: list[float] = []
    retries = Retries(tries=tries, sleep=slept.append)
    with (
        serving(one_after_another(*answers)) as script,
        Client(script.url, KEY, timeout_seconds=5.0, retries=retries) as client,
    ):
        yield client, script, slept


def test_record_is_posted_with_the_key() -> None:
    with reporting(ACCEPTED) as (client, script, _):
        assert client.record(**CALL, call_id="c1") == Recorded("accepted", "018f", "c1")
    (asked,) = script.asked
    assert (asked.method, asked.path) == ("POST", "/api/v1/telemetry/llm-usage")
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert asked.json == {**CALL, "call_id": "c1"}


def test_call_id_is_made_where_none_is_given() -> None:
    with reporting(ACCEPTED) as (client, script, _):
        recorded = client.record(**CALL)
    assert UUID(recorded.call_id).version == 7
    assert script.asked[0].json["call_id"] == recorded.call_id


def test_cost_and_time_arrive_exactly() -> None:
    moment = datetime(2026, 5, 1, 12, 0, 0, 1, UTC)
    with reporting(ACCEPTED) as (client, script, _):
        client.record(**CALL, cost_cents=Decimal("0.1234567"), occurred_at=moment)
    read = json.loads(script.asked[0].body, parse_float=Decimal)
    assert read["cost_cents"] == Decimal("0.1234567")
    assert read["occurred_at"] == "2026-05-01T12:00:00.000001+00:00"


def test_lost_connection_and_busy_server_are_tried_again_under_one_call_id() -> None:
    busy = problem(503, "intake_full", Retry_After="2")
    with reporting(DROP, busy, DUPLICATE) as (client, script, slept):
        recorded = client.record(**CALL)
    assert recorded.status == "duplicate"
    assert {asked.json["call_id"] for asked in script.asked} == {recorded.call_id}
    assert len(script.asked) == 3
    assert slept[1] == 2.0


def test_refusal_tells_code_and_reason() -> None:
    refusal = problem(409, "call_id_conflict", "the first record stays")
    with reporting(refusal) as (client, script, _), pytest.raises(UsageRefused) as caught:
        client.record(**CALL, call_id="c1")
    assert (caught.value.code, caught.value.status) == ("call_id_conflict", 409)
    assert str(caught.value) == "the first record stays [call_id_conflict]"
    assert caught.value.call_id == "c1"
    assert len(script.asked) == 1


def test_server_that_stays_busy_is_given_up_with_the_call_id() -> None:
    busy = problem(503, "store_unavailable")
    with (
        reporting(busy, tries=2) as (client, script, _),
        pytest.raises(ServerUnavailable) as caught,
    ):
        client.record(**CALL)
    assert caught.value.code == "store_unavailable"
    assert caught.value.call_id == script.asked[1].json["call_id"]


def test_absent_server_is_named() -> None:
    with serving(lambda _: ACCEPTED) as script:
        gone = script.url
    with (
        Client(gone, KEY, retries=Retries(tries=1)) as client,
        pytest.raises(ServerUnavailable, match=rf"no server answers at {gone}"),
    ):
        client.record(**CALL)


def test_foreign_server_is_told_apart() -> None:
    with reporting(Answer(200, ["hello"])) as (client, _, _), pytest.raises(ServerUnavailable):
        client.record(**CALL)
    with reporting(Answer(404, ["hello"])) as (client, _, _), pytest.raises(UsageRefused) as caught:
        client.record(**CALL)
    assert caught.value.code == "http_404"


def test_key_is_in_no_text_of_client_or_error() -> None:
    with reporting(DROP, tries=1) as (client, _, _), pytest.raises(ReportFailed) as caught:
        client.record(**CALL)
    assert KEY not in repr(client) + repr(caught.value) + str(caught.value)


@pytest.mark.parametrize("key", ["", " ", f"{KEY}\nX-Evil: 1", f"{KEY} {KEY}", "ключ"])
def test_key_of_wrong_form_is_refused_without_repeating_it(key: str) -> None:
    with pytest.raises(ValueError, match="ANDON_KEY") as caught:
        Client("http://127.0.0.1:1", key)
    assert not key.strip() or key not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["127.0.0.1:8750", "ftp://host", "http://", "http://u:secret@host", "http://h?q=1"]
)
def test_address_of_wrong_form_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ValueError, match="ANDON_URL") as caught:
        Client(url, KEY)
    assert "secret" not in str(caught.value)


def test_environment_gives_what_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(lambda _: ACCEPTED) as script:
        monkeypatch.setenv("ANDON_URL", script.url + "/")
        monkeypatch.setenv("ANDON_KEY", KEY)
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
        with Client() as client:
            assert client.record(**CALL).status == "accepted"
    assert script.asked[0].headers["authorization"] == f"Bearer {KEY}"
