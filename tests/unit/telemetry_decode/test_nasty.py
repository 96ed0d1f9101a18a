"""Single records that other readers get wrong: each has one verdict, with a code of its own."""

from __future__ import annotations

import pytest

from andon.adapters.telemetry import RecordRefused, decode_one
from tests.unit.telemetry_decode.records import MINIMAL, body, with_raw

CANARY = "sk-proj-Canary0123456789abcdefXYZ"


def refusal_of(raw: bytes) -> RecordRefused:
    with pytest.raises(RecordRefused) as caught:
        decode_one(raw)
    return caught.value


@pytest.mark.parametrize("number", ["5.0", "1e3", "true", '"5"', "null", "[5]", "-0.0"])
def test_tokens_are_whole_numbers_written_as_such(number: str) -> None:
    refused = refusal_of(with_raw("tokens_in", number))
    assert (refused.code, refused.message.split(":")[0]) == ("wrong_type", "tokens_in")


@pytest.mark.parametrize("number", ["-1", "1000000001", "9223372036854775808", "1" + "0" * 30])
def test_tokens_have_bounds(number: str) -> None:
    assert refusal_of(with_raw("tokens_out", number)).code == "number_out_of_range"


def test_minus_zero_is_zero() -> None:
    assert decode_one(with_raw("tokens_in", "-0")).tokens_in == 0


def test_the_last_of_two_equal_names_counts() -> None:
    raw = body()[:-1] + b', "tokens_in": 7}'
    assert decode_one(raw).tokens_in == 7


@pytest.mark.parametrize(
    "token", ["NaN", "Infinity", "-Infinity", "1" * 5000, "01", "1.", "+1", "tru"]
)
def test_what_is_no_json_is_said_to_be_none(token: str) -> None:
    assert refusal_of(with_raw("latency_ms", token)).code == "invalid_json"


@pytest.mark.parametrize("raw", [b"", b"\xef\xbb\xbf" + body(), b"{", b'"\xff"', body() + b"x"])
def test_a_body_that_is_no_json_is_refused(raw: bytes) -> None:
    assert refusal_of(raw).code == "invalid_json"


@pytest.mark.parametrize("raw", [b"[]", b"null", b"7", b'"text"'])
def test_a_record_is_an_object(raw: bytes) -> None:
    assert refusal_of(raw).code == "not_an_object"


def test_invalid_utf8_in_a_text_is_refused() -> None:
    assert refusal_of(with_raw("model", b'"\xff\xfe"')).code == "invalid_json"


@pytest.mark.parametrize("escape", [r"\u0000", r"\ud800", r"\udc00\ud800"])
@pytest.mark.parametrize("field", ["call_id", "model", "error_message", "end_user"])
def test_texts_hold_neither_nul_nor_half_a_pair(field: str, escape: str) -> None:
    assert refusal_of(with_raw(field, f'"a{escape}b"')).code == "invalid_text"


@pytest.mark.parametrize("escape", [r"\u0000", r"\ud800"])
@pytest.mark.parametrize(
    ("field", "form"),
    [
        ("metadata", '{{"a": ["{}"]}}'),
        ("metadata", '{{"{}": 1}}'),
        ("labels", '{{"{}": "x"}}'),
        ("request", '{{"params": {{"a": "{}"}}}}'),
    ],
)
def test_nor_do_the_texts_inside_of_objects(field: str, form: str, escape: str) -> None:
    assert refusal_of(with_raw(field, form.format(escape))).code == "invalid_text"


def test_a_whole_pair_is_one_character() -> None:
    assert decode_one(with_raw("model", r'"\ud83d\ude00"')).model == "😀"


def test_an_unknown_field_is_named_and_refused() -> None:
    refused = refusal_of(body(tokens_inn=3))
    assert (refused.code, "tokens_inn" in refused.message) == ("unknown_field", True)


def test_a_missing_field_is_named() -> None:
    refused = refusal_of(b'{"call_id": "x"}')
    assert (refused.code, refused.message) == (
        "missing_field",
        "integration_id: is required; add it",
    )


@pytest.mark.parametrize("field", sorted(MINIMAL))
def test_a_refusal_never_repeats_a_key(field: str) -> None:
    refused = refusal_of(with_raw(field, f'{{"{CANARY}": "{CANARY}"}}'))
    assert CANARY not in refused.message + str(refused) + repr(refused)


def test_a_key_as_the_name_of_a_field_is_not_repeated() -> None:
    refused = refusal_of(body(**{CANARY: 1}))
    assert refused.code == "unknown_field"
    assert CANARY not in refused.message


@pytest.mark.parametrize(
    ("levels", "code"), [(32, None), (33, "metadata_too_deep"), (600, "metadata_too_deep")]
)
def test_metadata_has_32_levels(levels: int, code: str | None) -> None:
    raw = with_raw("metadata", '{"a":' * levels + "1" + "}" * levels)
    if code is None:
        assert decode_one(raw).metadata_json is not None
    else:
        assert refusal_of(raw).code == code


def test_a_depth_bomb_is_no_json() -> None:
    assert refusal_of(with_raw("metadata", "[" * 100_000 + "]" * 100_000)).code == "invalid_json"


@pytest.mark.parametrize(("size", "fits"), [(16_384, True), (16_385, False)])
def test_metadata_has_16_kib_of_compact_json(size: int, fits: bool) -> None:
    text = '{"a":  "' + "x" * (size - len('{"a":""}')) + '"}'
    if fits:
        stored = decode_one(with_raw("metadata", text)).metadata_json
        assert stored is not None
        assert len(stored) == size
    else:
        assert refusal_of(with_raw("metadata", text)).code == "metadata_too_large"


def test_metadata_out_of_the_range_of_floats_is_refused() -> None:
    assert refusal_of(with_raw("metadata", '{"a": 1e400}')).code == "number_out_of_range"


def test_labels_are_at_most_eight() -> None:
    eight = {f"l{n}": "v" for n in range(8)}
    assert decode_one(body(labels=eight)).labels_json is not None
    assert refusal_of(body(labels={**eight, "l8": "v"})).code == "too_many_labels"


@pytest.mark.parametrize(
    ("at", "code"),
    [
        ("2026-01-01T00:00:00", "timezone_missing"),
        ("2026-01-01", "time_form"),
        ("1700000000", "time_form"),
        ("2024-W01-1T00:00:00Z", "time_form"),
        ("2026-12-31T23:59:60Z", "time_out_of_range"),
        ("2026-02-30T00:00:00Z", "time_out_of_range"),
        ("0001-01-01T00:00:00+01:00", "time_out_of_range"),
        ("9999-12-31T23:59:59-01:00", "time_out_of_range"),
        (1700000000, "wrong_type"),
    ],
)
def test_times_that_are_refused(at: object, code: str) -> None:
    assert refusal_of(body(occurred_at=at)).code == code


@pytest.mark.parametrize(
    ("at", "micros"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1970-01-01t00:00:00.5z", 500_000),
        ("1970-01-01 00:00:00.1234569Z", 123_456),
        ("0001-01-01T00:00:00Z", -62_135_596_800_000_000),
        ("9999-12-31T23:59:59.999999Z", 253_402_300_799_999_999),
    ],
)
def test_times_are_microseconds_of_utc(at: str, micros: int) -> None:
    assert decode_one(body(occurred_at=at)).occurred_at_us == micros


@pytest.mark.parametrize(
    ("number", "nanousd"),
    [
        ("0", 0),
        ("-0.0", 0),
        ("1E2", 1_000_000_000),
        ("1e-7", 1),
        ("0.0123", 123_000),
        ("0.1000000000", 1_000_000),
        ("99999999.9999999", 999_999_999_999_999),
        ("100000000", 10**15),
        ("null", None),
    ],
)
def test_a_cost_is_exact(number: str, nanousd: int | None) -> None:
    assert decode_one(with_raw("cost_cents", number)).cost_stated_nanousd == nanousd


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("0.00000001", "too_many_decimals"),
        ("0.10000000000000000001", "too_many_decimals"),
        ("1e-400", "too_many_decimals"),
        ("100000000.0000001", "number_out_of_range"),
        ("1e400", "number_out_of_range"),
        ("-0.01", "number_out_of_range"),
        ('"0.01"', "wrong_type"),
        ("true", "wrong_type"),
    ],
)
def test_costs_that_are_refused(number: str, code: str) -> None:
    assert refusal_of(with_raw("cost_cents", number)).code == code


def test_two_stated_costs_must_agree() -> None:
    assert decode_one(body(cost_cents=0.5, cost_nanousd=5_000_000)).cost_stated_nanousd == 5_000_000
    assert refusal_of(body(cost_cents=0.5, cost_nanousd=5_000_001)).code == "cost_mismatch"


def test_cached_and_reasoning_tokens_are_included_in_their_totals() -> None:
    assert refusal_of(body(tokens_cache_read=8, tokens_cache_write=5)).code == "tokens_exceed_total"
    assert refusal_of(body(tokens_reasoning=4)).code == "tokens_exceed_total"
    assert decode_one(body(tokens_cache_read=7, tokens_cache_write=5)).tokens_cache_write == 5
