"""Fields become JSON text in which no number is changed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.models.cus_models import CusPolicyResult
from andon.sdk.encoding import to_json

COSTS = st.decimals(min_value=0, max_value=10**8, places=7)


@given(COSTS)
def test_cost_arrives_as_the_decimal_that_it_was(cost: Decimal) -> None:
    text = to_json({"cost_cents": cost})
    read = json.loads(text, parse_float=Decimal, parse_int=Decimal)
    assert read["cost_cents"] == cost
    assert "e" not in text.removeprefix('{"cost_cents":').lower()


def test_cost_of_one_nano_dollar_is_written_in_full() -> None:
    assert to_json({"cost_cents": Decimal("1E-7")}) == '{"cost_cents":0.0000001}'


def test_float_is_written_as_it_is_read_by_people() -> None:
    assert to_json(0.1) == "0.1"
    assert to_json(1e-07) == "0.0000001"


def test_time_keeps_its_zone_and_its_microseconds() -> None:
    moment = datetime(2026, 5, 1, 12, 0, 0, 123456, timezone(timedelta(hours=2)))
    assert to_json(moment) == '"2026-05-01T12:00:00.123456+02:00"'


def test_enums_ids_and_nested_values_are_written() -> None:
    value = {"a": CusPolicyResult.WARNED, "b": [UUID(int=1), None, True], "c": {"d": "ü"}}
    assert json.loads(to_json(value)) == {
        "a": "warned",
        "b": ["00000000-0000-0000-0000-000000000001", None, True],
        "c": {"d": "ü"},
    }


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("-Infinity"), float("inf")])
def test_what_is_no_number_is_refused_by_its_place(value: object) -> None:
    with pytest.raises(ValueError, match=r"^record\.cost_cents must be a finite number$"):
        to_json({"cost_cents": value})


def test_time_without_a_zone_is_refused() -> None:
    naive = datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None)
    with pytest.raises(ValueError, match=r"record\.occurred_at needs a time zone"):
        to_json({"occurred_at": naive})


def test_what_json_cannot_hold_is_refused_without_its_value() -> None:
    with pytest.raises(TypeError, match=r"^record\.metadata\.raw is a bytes, which JSON"):
        to_json({"metadata": {"raw": b"secret"}})
    with pytest.raises(TypeError, match=r"^record\.metadata has a key that is no text"):
        to_json({"metadata": {1: "x"}})
