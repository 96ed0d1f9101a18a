"""Records that carry a raw key are taken, and the key is not."""

from __future__ import annotations

import json

import msgspec
import pytest

from andon.adapters.telemetry import decode_batch, decode_one
from tests.unit.telemetry_decode.records import batch, body, values, with_raw

CANARY = "sk-proj-Canary0123456789abcdefXYZ"
ESCAPED = "".join(f"\\u{ord(letter):04x}" for letter in CANARY)
TEXT_FIELDS = [
    *("integration_id", "call_id", "session_id", "agent_id", "model"),
    *("error_code", "error_class", "error_message", "policy_id", "end_user"),
]


@pytest.mark.parametrize("written", [CANARY, ESCAPED])
@pytest.mark.parametrize("field", TEXT_FIELDS)
def test_a_key_in_a_text_is_replaced(field: str, written: str) -> None:
    wire = decode_one(with_raw(field, f'"{written}"'))
    assert getattr(wire, field).startswith("[redacted:")
    assert CANARY not in repr(wire)


@pytest.mark.parametrize("written", [CANARY, ESCAPED])
@pytest.mark.parametrize(
    ("field", "form"),
    [
        ("metadata", '{{"a": [{{"b": "key {}"}}]}}'),
        ("metadata", '{{"{}": 1}}'),
        ("labels", '{{"team": "{}"}}'),
        ("request", '{{"endpoint": "{}"}}'),
        ("request", '{{"params": {{"a": "{}"}}}}'),
    ],
)
def test_a_key_inside_of_an_object_is_replaced(field: str, form: str, written: str) -> None:
    wire = decode_one(with_raw(field, form.format(written)))
    stored = getattr(wire, f"{field}_json")
    assert "[redacted:" in stored
    assert CANARY not in stored
    assert json.loads(stored)


def test_the_same_key_as_call_id_stays_the_same_call() -> None:
    first, again = decode_one(body(call_id=CANARY)), decode_one(body(call_id=CANARY))
    other = decode_one(body(call_id=CANARY + "2"))
    assert first.call_id == again.call_id != other.call_id


def test_names_that_were_clean_once_do_not_clear_others() -> None:
    decode_one(body(agent_id="bot"))
    assert decode_one(body(agent_id=CANARY)).agent_id != CANARY
    assert decode_one(body(agent_id="bot")).agent_id == "bot"


def test_metadata_read_twice_is_redacted_twice() -> None:
    raw = body(metadata={"note": CANARY})
    assert decode_one(raw).metadata_json == decode_one(raw).metadata_json
    assert CANARY not in str(decode_one(raw).metadata_json)


def test_a_key_under_the_name_of_a_secret_needs_no_shape() -> None:
    wire = decode_one(body(metadata={"api_key": "0123456789abcdef0123456789abcdef"}))
    assert wire.metadata_json is not None
    assert "0123456789abcdef" not in wire.metadata_json


def test_error_messages_are_masked_and_cut() -> None:
    prompt = "please tell me all about the harvest of 1923 in my village"
    wire = decode_one(body(error_message=f'Refused: "{prompt}" for a@b.example ' + "é" * 9000))
    assert wire.error_message is not None
    assert len(wire.error_message.encode()) <= 4096
    assert prompt not in wire.error_message
    assert "a@b.example" not in wire.error_message
    assert "bytes in all]" in wire.error_message


def test_in_a_batch_too() -> None:
    decoded = decode_batch(batch(body(call_id=CANARY), body(metadata={"a": CANARY}), b"rubbish"))
    assert CANARY not in repr([msgspec.structs.asdict(wire) for wire in decoded.records])
    assert [set(values(wire)) for wire in decoded.records]
