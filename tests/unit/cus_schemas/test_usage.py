"""Usage records: strict types, exact money, bounded texts and objects."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from andon.models.cus_models import CusPolicyResult
from andon.schemas.cus_schemas import (
    CusLLMRequestFacts,
    CusLLMUsageBatchIngest,
    CusLLMUsageIngest,
    CusLLMUsageResponse,
)

CALL: dict[str, Any] = {
    "integration_id": "int_1",
    "call_id": "call-1",
    "provider": "openai",
    "model": "gpt-4o",
    "tokens_in": 12,
    "tokens_out": 3,
}
NANOS = st.integers(0, 10**15)


def code_of(**fields: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        CusLLMUsageIngest(**{**CALL, **fields})
    return str(caught.value.errors()[0]["type"])


def test_the_required_fields_suffice() -> None:
    usage = CusLLMUsageIngest(**CALL)
    assert usage.policy_result is CusPolicyResult.ALLOWED
    assert (usage.usage_source, usage.metadata, usage.labels) == ("reported", {}, {})
    assert usage.cost_nanousd_stated is None


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("tokens_in", "5", "int_type"),
        ("tokens_in", True, "int_type"),
        ("tokens_in", 5.0, "int_type"),
        ("tokens_in", 10**9 + 1, "less_than_equal"),
        ("tokens_out", -1, "greater_than_equal"),
        ("latency_ms", 1.5, "int_type"),
        ("latency_ms", 2**63, "less_than_equal"),
        ("status_code", 99, "greater_than_equal"),
        ("status_code", 600, "less_than_equal"),
        ("policy_result", "maybe", "enum"),
        ("policy_result", None, "enum"),
        ("usage_source", "guessed", "literal_error"),
        ("call_id", "", "string_too_short"),
        ("call_id", "x" * 101, "string_too_long"),
        ("call_id", 5, "string_type"),
        ("call_id", b"x", "string_type"),
        ("agent_id", "x" * 101, "string_too_long"),
        ("provider", "x" * 51, "string_too_long"),
        ("model", "x" * 101, "string_too_long"),
        ("error_code", "x" * 51, "string_too_long"),
        ("error_class", "x" * 101, "string_too_long"),
        ("error_message", "a\0", "invalid_text"),
        ("cost_cents", "0.1", "number_type"),
        ("cost_cents", True, "number_type"),
        ("cost_cents", [], "number_type"),
        ("cost_cents", float("nan"), "number_out_of_range"),
        ("cost_cents", float("inf"), "number_out_of_range"),
        ("cost_cents", Decimal("-0.1"), "number_out_of_range"),
        ("cost_cents", Decimal("sNaN"), "number_out_of_range"),
        ("cost_cents", Decimal("1E+999999"), "number_out_of_range"),
        ("cost_cents", Decimal("1E-999999"), "too_many_decimals"),
        ("cost_nanousd", 10**15 + 1, "less_than_equal"),
        ("cost_nanousd", 1.0, "int_type"),
        ("metadata", None, "dict_type"),
        ("metadata", {"a": {1, 2}}, "not_json"),
        ("metadata", {"a": {5: 1}}, "not_json"),
        ("labels", {"a": 1}, "string_type"),
        ("labels", {"": "x"}, "text_too_long"),
        ("labels", {"a": "x" * 101}, "text_too_long"),
        ("labels", {str(n): "x" for n in range(9)}, "too_many_labels"),
        ("request", {"params": {str(n): "x" for n in range(33)}}, "too_many_params"),
        ("request", {"params": {"a": 1}}, "string_type"),
        ("request", {"prompt": "tell me"}, "extra_forbidden"),
        ("request", {"stream": 1}, "bool_type"),
        ("occurred_at", datetime(2026, 1, 1), "timezone_missing"),  # noqa: DTZ001
        ("occurred_at", 1_700_000_000, "time_type"),
        ("tokens", 5, "extra_forbidden"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(field: str, value: Any, code: str) -> None:
    assert code_of(**{field: value}) == code


def test_an_object_that_contains_itself_is_too_deep() -> None:
    endless: dict[str, Any] = {}
    endless["again"] = endless
    assert code_of(metadata=endless) == "metadata_too_deep"


def test_more_fields_than_there_are_is_one_error() -> None:
    fields: dict[str, Any] = {**CALL, **{f"x{n}": 1 for n in range(1000)}}
    with pytest.raises(ValidationError) as caught:
        CusLLMUsageIngest(**fields)
    assert caught.value.error_count() == 1


@given(NANOS)
def test_cents_are_nano_dollars_exactly_however_they_come(nanousd: int) -> None:
    cents = Decimal(nanousd).scaleb(-7)
    written = json.dumps({**CALL, "cost_cents": 0}).replace(
        '"cost_cents": 0', f'"cost_cents": {cents:f}'
    )
    assert CusLLMUsageIngest(**CALL, cost_cents=cents).cost_nanousd_stated == nanousd
    assert CusLLMUsageIngest.model_validate_json(written).cost_nanousd_stated == nanousd
    as_float: Any = float(cents)
    assert CusLLMUsageIngest(**CALL, cost_cents=as_float).cost_nanousd_stated == nanousd


@given(NANOS)
def test_what_is_written_as_json_is_read_as_the_same(nanousd: int) -> None:
    usage = CusLLMUsageIngest(
        **CALL,
        cost_cents=Decimal(nanousd).scaleb(-7),
        occurred_at=datetime(2026, 1, 31, 12, 0, 0, 123_456, tzinfo=UTC),
        metadata={"a": [1, 2.5, None, "x"]},
    )
    written = usage.model_dump_json(exclude_unset=True)
    assert CusLLMUsageIngest.model_validate_json(written) == usage


@given(st.integers(1, 10**9), st.integers(8, 30))
def test_finer_than_a_nano_dollar_is_refused(digits: int, decimals: int) -> None:
    cents = Decimal(digits * 10 + 1).scaleb(-decimals)
    if cents <= 10**8:
        assert code_of(cost_cents=cents) == "too_many_decimals"


@given(NANOS, st.integers(-3, 3))
def test_two_stated_costs_agree_or_clash(nanousd: int, off: int) -> None:
    stated = max(0, nanousd + off)
    fields: dict[str, Any] = {"cost_cents": Decimal(nanousd).scaleb(-7), "cost_nanousd": stated}
    if stated == nanousd:
        assert CusLLMUsageIngest(**CALL, **fields).cost_nanousd_stated == nanousd
    elif stated <= 10**15:
        assert code_of(**fields) == "cost_mismatch"


def test_times_are_kept_in_utc() -> None:
    east = timezone(timedelta(hours=5, minutes=30))
    usage = CusLLMUsageIngest(**CALL, occurred_at=datetime(2026, 1, 1, 5, 30, tzinfo=east))
    assert usage.occurred_at == datetime(2026, 1, 1, tzinfo=UTC)
    assert usage.occurred_at.tzinfo is UTC


def test_included_tokens_do_not_exceed_their_total() -> None:
    assert code_of(tokens_cache_read=13) == "tokens_exceed_total"
    assert code_of(tokens_reasoning=4) == "tokens_exceed_total"
    assert CusLLMUsageIngest(**CALL, tokens_cache_read=12, tokens_reasoning=3)


def test_a_request_is_facts_alone() -> None:
    usage = CusLLMUsageIngest(**CALL, request=CusLLMRequestFacts(stream=True, params={"n": "1"}))
    assert usage.request is not None
    assert usage.request.model_dump(exclude_none=True) == {"stream": True, "params": {"n": "1"}}


def test_a_batch_holds_1_to_100() -> None:
    usage = CusLLMUsageIngest(**CALL)
    assert len(CusLLMUsageBatchIngest(records=[usage] * 100).records) == 100
    for size in (0, 101):
        with pytest.raises(ValidationError):
            CusLLMUsageBatchIngest(records=[usage] * size)


def test_the_json_schema_says_that_a_cost_is_a_number() -> None:
    properties = CusLLMUsageIngest.model_json_schema()["properties"]
    assert {"type": "null"} in properties["cost_cents"]["anyOf"]
    assert [one.get("type") for one in properties["cost_cents"]["anyOf"]] == ["number", "null"]
    assert properties["occurred_at"]["anyOf"][0]["format"] == "date-time"


def test_an_answer_shows_the_cost_on_both_scales() -> None:
    shown: dict[str, Any] = {**CALL, "id": "u1", "created_at": datetime(2026, 1, 1, tzinfo=UTC)}
    from_cents = CusLLMUsageResponse(**shown, cost_cents=Decimal("0.0123"))
    from_nanos = CusLLMUsageResponse(**shown, cost_nanousd=123_000)
    unknown = CusLLMUsageResponse(**shown)
    assert from_cents.cost_nanousd == from_nanos.cost_nanousd == 123_000
    assert from_nanos.cost_cents == Decimal("0.0123")
    assert (unknown.cost_cents, unknown.cost_nanousd) == (None, None)
    assert json.loads(from_nanos.model_dump_json())["cost_cents"] == 0.0123
