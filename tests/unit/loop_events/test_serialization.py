"""The guard on what JSON can hold."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.schemas.loop_events import LoopStage, ensure_json_serializable
from tests.unit.loop_events.examples import NOW, a_match

_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**64), 2**64)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
)
_JSON = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


class Answer:
    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def to_dict(self) -> Any:
        return self.answer


class Broken:
    def to_dict(self) -> dict[str, Any]:
        raise TypeError("no fields")


class Share(Enum):
    UNKNOWN = float("nan")
    HALF = 0.5


@given(_JSON)
def test_json_passes_unchanged(value: Any) -> None:
    assert ensure_json_serializable(value) == value


def test_a_time_becomes_iso_8601() -> None:
    assert ensure_json_serializable(datetime(2026, 1, 2, tzinfo=UTC)) == "2026-01-02T00:00:00+00:00"


def test_an_enum_becomes_its_value_also_as_a_key() -> None:
    checked = ensure_json_serializable({LoopStage.POLICY_GENERATED: Share.HALF})
    assert json.dumps(checked) == '{"policy_generated": 0.5}'


def test_a_tuple_becomes_a_list() -> None:
    assert ensure_json_serializable({"a": (1, (2, 3))}) == {"a": [1, [2, 3]]}


def test_an_object_with_to_dict_becomes_its_checked_dict() -> None:
    assert ensure_json_serializable([Answer({"at": (NOW,)})]) == [{"at": [NOW.isoformat()]}]
    assert ensure_json_serializable({"match": a_match()})["match"]["pattern_id"] == "pat_1"


def test_the_result_is_a_copy() -> None:
    source: dict[str, Any] = {"a": [1]}
    checked = ensure_json_serializable(source)
    source["a"].append(2)
    assert checked == {"a": [1]}


def test_one_object_in_two_places_is_no_cycle() -> None:
    shared = [1]
    assert ensure_json_serializable([shared, shared]) == [[1], [1]]


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"a": [1, 2, float("nan")]}, r"root\.a\[2\]"),
        ({"a": float("inf")}, r"root\.a"),
        ([float("-inf")], r"root\[0\]"),
        ({"a": {1: 2}}, r"root\.a"),
        ({"a": {None: 2}}, r"root\.a"),
        ({"a": ({1, 2},)}, r"root\.a\[0\]"),
        (b"bytes", "root"),
        (Decimal(1), "root"),
        (date(2026, 1, 1), "root"),
        (UUID(int=0), "root"),
        (object(), "root"),
        (Answer, "root"),
        (Share.UNKNOWN, "root"),
        ({"a": Answer({"b": {1}})}, r"root\.a\.b"),
        ({"a": Answer([1])}, r"root\.a"),
        ({"a": Broken()}, r"root\.a"),
        ({"a": "\ud800"}, r"root\.a"),
        ({"a": 10**5000}, r"root\.a"),
    ],
)
def test_what_json_cannot_hold_is_named_by_its_path(value: Any, path: str) -> None:
    with pytest.raises(TypeError, match=rf"^{path}\W"):
        ensure_json_serializable(value)


def test_the_path_may_start_elsewhere() -> None:
    with pytest.raises(TypeError, match=r"^details\[0\]:"):
        ensure_json_serializable([{1}], path="details")


def test_a_cycle_is_named_by_its_path() -> None:
    looped: dict[str, Any] = {"a": [0]}
    looped["a"].append(looped)
    with pytest.raises(TypeError, match=r"^root\.a\[1\]: holds itself"):
        ensure_json_serializable(looped)


def test_a_cycle_through_to_dict_is_found() -> None:
    looped = Answer({})
    looped.answer["again"] = looped
    with pytest.raises(TypeError, match=r"^root\.again: holds itself"):
        ensure_json_serializable(looped)


def test_what_nests_too_deep_is_refused_before_the_stack_ends() -> None:
    deep: list[Any] = []
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(TypeError, match="deeper than 100"):
        ensure_json_serializable(deep)


def test_the_error_repeats_no_value() -> None:
    with pytest.raises(TypeError) as caught:
        ensure_json_serializable({"k" * 500: {"very secret"}})
    assert "secret" not in str(caught.value)
    assert len(str(caught.value)) < 200
