"""A batch: one bad record does not sink the others, and a bad body is refused as a whole."""

from __future__ import annotations

from typing import Any

import pytest

from andon.adapters.telemetry import (
    BatchRefused,
    RecordRefused,
    Rejection,
    decode_batch,
    decode_one,
)
from tests.unit.telemetry_decode.records import batch, body, values


def refusal_of(raw: bytes) -> BatchRefused:
    with pytest.raises(BatchRefused) as caught:
        decode_batch(raw)
    return caught.value


def test_good_records_keep_their_places() -> None:
    decoded = decode_batch(batch(body(call_id="a"), body(call_id="b")))
    assert [
        (index, wire.call_id) for index, wire in zip(decoded.places, decoded.records, strict=True)
    ] == [(0, "a"), (1, "b")]
    assert decoded.rejected == []


def test_a_bad_record_is_refused_alone() -> None:
    decoded = decode_batch(batch(body(call_id="a"), body(tokens_in=-1), body(call_id="c")))
    assert list(decoded.places) == [0, 2]
    assert [(one.index, one.code) for one in decoded.rejected] == [(1, "number_out_of_range")]
    assert isinstance(decoded.rejected[0], Rejection)
    assert decoded.rejected[0].message.startswith("tokens_in: ")


BROKEN = [
    b'{"call_id": 01}',
    b'{"call_id": NaN}',
    b'{"call_id": "\xff"}',
    b'{"call_id": "\\ud800"}',
    b'{"call_id": [}',
    b'{"call_id": ]}',
    b'{"call_id": "a",}',
    b'{"call_id": "a"} rubbish',
    b"rubbish",
    b"null",
    b"",
    b'{"call_id": ' + b"[" * 3000 + b"]" * 3000 + b"}",
    b'{"call_id": "\x00"}',
]


@pytest.mark.parametrize("broken", BROKEN, ids=range(len(BROKEN)))
def test_even_what_is_no_json_is_refused_alone(broken: bytes) -> None:
    decoded = decode_batch(batch(body(call_id="a"), broken, body(call_id="c")))
    assert [
        (index, wire.call_id) for index, wire in zip(decoded.places, decoded.records, strict=True)
    ] == [(0, "a"), (2, "c")]
    assert [one.index for one in decoded.rejected] == [1]
    assert len(decoded.records) + len(decoded.rejected) == 3


def test_brackets_and_quotes_in_texts_separate_nothing() -> None:
    tricky = body(call_id='}],"\\', model="a\\\\")
    decoded = decode_batch(batch(tricky, b"rubbish", body()))
    assert decoded.records[0].call_id == '}],"\\'
    assert [one.index for one in decoded.rejected] == [1]


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "invalid_json"),
        (b"{", "invalid_json"),
        (b"\xef\xbb\xbf" + batch(body()), "invalid_json"),
        (batch(body())[:-1], "invalid_json"),
        (batch(body()) + b"}", "invalid_json"),
        (b'{"records": [' + b"[" * 200_000, "invalid_json"),
        (b"[" * 200_000 + b"]" * 200_000, "invalid_json"),
        (b'{"records": ["open', "invalid_json"),
        (b"[]", "invalid_body"),
        (b"null", "invalid_body"),
        (body(), "invalid_body"),
        (b'{"records": {}}', "invalid_body"),
        (b'{"records": null}', "invalid_body"),
        (b'{"records": [], "more": 1}', "invalid_body"),
        (b'{"records": []}', "empty_batch"),
        (b' { "records" : [ ] } ', "empty_batch"),
    ],
)
def test_a_body_that_is_no_batch_is_refused(raw: bytes, code: str) -> None:
    refused = refusal_of(raw)
    assert refused.code == code


@pytest.mark.parametrize("last", [body(), b"rubbish"])
def test_above_100_records_nothing_is_taken(last: bytes) -> None:
    decoded = decode_batch(batch(*[body()] * 99, last))
    assert len(decoded.records) + len(decoded.rejected) == 100
    assert refusal_of(batch(*[body()] * 100, last)).code == "batch_too_large"


@pytest.mark.parametrize("piece", [b"{", b"[", b'"', b"\\", b",", b'"\\', b"{}", b'{"a":[', b"]"])
def test_a_large_hostile_body_comes_to_an_end(piece: bytes) -> None:
    raw = b'{"records": [' + piece * (1_000_000 // len(piece))
    assert refusal_of(raw).code in ("invalid_json", "batch_too_large")


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"error_message": ""},
        {"error_message": "no answer", "error_code": ""},
        {"metadata": {"a": 1}, "labels": {"team": "x"}, "request": {"stream": True}},
        {"cost_cents": 0.0123, "occurred_at": "2026-01-31T12:00:00.123Z"},
        {"end_user": "sk-" + "a" * 40},
        {"policy_id": "Bearer " + "a1" * 20},
        {"tokens_cache_read": 13},
        {"session_id": "a\u0000b"},
    ],
)
def test_a_record_is_the_same_in_a_batch_and_alone(fields: dict[str, Any]) -> None:
    one = body(**fields)
    together = decode_batch(batch(body(call_id="first"), one))
    if together.rejected:
        with pytest.raises(RecordRefused) as alone:
            decode_one(one)
        assert (together.rejected[0].code, list(together.places)) == (alone.value.code, [0])
    else:
        assert values(together.records[1]) == values(decode_one(one))
