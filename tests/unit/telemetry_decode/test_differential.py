"""The fast reading accepts nothing that the model refuses, and says the same where both accept."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from andon.adapters.telemetry import RecordRefused, decode_one, fast
from tests.unit.telemetry_decode import records
from tests.unit.telemetry_decode.records import by_model, values, with_raw

TEXTS = st.one_of(
    st.text(max_size=12),
    st.text(st.characters(codec="utf-8"), min_size=95, max_size=105),
    st.sampled_from(
        ["", "gpt-4o", "a\0b", "sk-proj-abcdefghijklmnop1234", "https://u:p@h/", "é" * 50, "x" * 51]
    ),
)
TOKENS = st.one_of(st.integers(0, 2000), st.sampled_from([-1, 10**9, 10**9 + 1, 2**63, 10**30]))
COSTS = st.one_of(
    st.none(),
    st.integers(-1, 10**8 + 1),
    st.floats(),
    st.decimals(0, 200, places=8).map(float),
    st.integers(0, 10**15).map(lambda nanos: nanos / 10**7),
)
TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
TIMES = st.one_of(
    st.datetimes().map(lambda at: at.isoformat() + "Z"),
    st.datetimes().map(lambda at: at.isoformat()),
    st.datetimes().map(lambda at: at.isoformat() + "+05:30"),
    st.sampled_from(["2024-W01-1T00:00:00Z", "2024-02-30T00:00:00Z", "2024-01-01", "1700000000"]),
    TEXTS,
)
MAPS = st.dictionaries(TEXTS, TEXTS, max_size=10)
REQUESTS = st.fixed_dictionaries(
    {},
    optional={
        "endpoint": TEXTS | st.none(),
        "capability": TEXTS,
        "max_tokens_out": TOKENS | st.none(),
        "stream": st.booleans() | st.none() | st.integers(0, 1),
        "has_tools": st.booleans(),
        "params": MAPS | st.none(),
        "other": st.just(1),
    },
)
OPTIONAL: dict[str, st.SearchStrategy[Any]] = {
    "session_id": TEXTS | st.none(),
    "agent_id": TEXTS | st.none(),
    "cost_cents": COSTS,
    "cost_nanousd": st.none() | st.integers(-1, 10**15 + 1),
    "latency_ms": TOKENS | st.none() | st.floats(0, 10),
    "policy_result": st.sampled_from(["allowed", "warned", "blocked", "Allowed", None, 1]),
    "error_code": TEXTS,
    "error_message": TEXTS | st.text(min_size=4000, max_size=4200),
    "metadata": st.dictionaries(TEXTS, TREES, max_size=4) | TREES,
    "tokens_cache_read": TOKENS | st.none(),
    "tokens_cache_write": TOKENS | st.none(),
    "tokens_reasoning": TOKENS | st.none(),
    "usage_source": st.sampled_from(["reported", "estimated", "unknown", "guessed"]),
    "request": REQUESTS | st.none() | st.just([]),
    "status_code": st.integers(98, 601) | st.none(),
    "error_class": TEXTS,
    "policy_id": TEXTS,
    "end_user": TEXTS,
    "labels": MAPS | st.none(),
    "occurred_at": TIMES | st.none() | st.integers(),
    "surprise": st.just(True),
}
RECORDS = st.fixed_dictionaries(
    {
        "integration_id": st.sampled_from(["int_1", "int_2"]) | TEXTS,
        "call_id": st.uuids().map(str) | TEXTS,
        "provider": st.just("openai") | TEXTS,
        "model": st.just("gpt-4o") | TEXTS,
        "tokens_in": TOKENS,
        "tokens_out": TOKENS,
    },
)


@st.composite
def reported(draw: st.DrawFn) -> bytes:
    """Write a record with a few optional fields, escaped or not, compact or not."""
    fields = draw(RECORDS)
    for name in draw(st.lists(st.sampled_from(sorted(OPTIONAL)), max_size=4, unique=True)):
        fields[name] = draw(OPTIONAL[name])
    if draw(st.integers(0, 9)) == 0:
        del fields[draw(st.sampled_from(sorted(fields)))]
    separators = draw(st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", "\t: ")]))
    text = json.dumps(fields, ensure_ascii=draw(st.booleans()), separators=separators)
    return text.encode("utf-8", "surrogatepass")


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """Break a record at a few bytes."""
    raw = bytearray(draw(reported()))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(raw) - 1))
        piece = draw(
            st.sampled_from([b"", b"0", b"-", b".", b"e", b'"', b"}", b"[", b"\\", b"\0", b"\xff"])
        )
        raw[at : at + draw(st.integers(0, 2))] = piece
        raw = raw or bytearray(b"{")
    return bytes(raw)


def fast_alone(raw: bytes) -> dict[str, Any] | None:
    """Read a record by the fast way alone; None when it leaves it to the model."""
    try:
        record = fast.read_record(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return values(record) if fast.finish(record) else None


@settings(max_examples=400, deadline=None)
@given(reported() | mutated())
def test_what_the_fast_reading_takes_the_model_takes_alike(raw: bytes) -> None:
    quick = fast_alone(raw)
    if quick is not None:
        assert quick == by_model(raw)


@settings(max_examples=200, deadline=None)
@given(reported() | mutated())
def test_a_record_is_decoded_exactly_when_the_model_takes_it(raw: bytes) -> None:
    try:
        decoded: dict[str, Any] | None = values(decode_one(raw))
    except RecordRefused:
        decoded = None
    assert decoded == by_model(raw)


@settings(max_examples=300, deadline=None)
@given(
    st.from_regex(r"-?(0|[1-9][0-9]{0,9})(\.[0-9]{1,12})?([eE][+-]?[0-9]{1,2})?", fullmatch=True)
)
def test_every_way_to_write_a_cost_is_read_alike(number: str) -> None:
    raw = with_raw("cost_cents", number)
    quick = fast_alone(raw)
    if quick is not None:
        assert quick == by_model(raw)


def test_the_usual_record_needs_no_model() -> None:
    raw = records.body(
        session_id="s-1",
        agent_id="bot",
        cost_cents=0.0472,
        latency_ms=1830,
        metadata={"feature": "chat", "n": 1.5},
        labels={"team": "red"},
        request={"endpoint": "/v1/chat/completions", "stream": True, "params": {"seed": "1"}},
        occurred_at="2026-01-01T12:34:56.789Z",
        error_message="429 Rate limit reached",
        status_code=429,
    )
    assert fast_alone(raw) == by_model(raw) is not None


@pytest.mark.parametrize(
    "at",
    [
        "2026-01-01T12:34:56Z",
        "2026-01-01T12:34:56.789Z",
        "2026-01-01T12:34:56.789012Z",
        "1969-12-31T23:59:59.999999Z",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
    ],
)
def test_a_time_in_utc_is_read_fast_and_alike(at: str) -> None:
    raw = records.body(occurred_at=at)
    assert fast_alone(raw) == by_model(raw) is not None
