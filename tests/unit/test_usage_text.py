"""An export as text: exact money, one line a record, and no formula for a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.adapters.usage_text import Csv, JsonLines, cents_of
from andon.schemas.cus.usage import CusLLMUsageIngest
from andon.schemas.usage_file import EXPORTED, MADE, REPORTED, guarded, unguarded

MOST_NANOUSD = 10**15


def columns(**fields: Any) -> dict[str, list[Any]]:
    row = dict.fromkeys(name for name in EXPORTED if name != "cost_cents")
    return {name: [value] for name, value in {**row, "voided": False, **fields}.items()}


def as_csv(**fields: Any) -> dict[str, str]:
    writer = Csv()
    text = (writer.head() + writer.write(columns(**fields))).decode()
    (row,) = csv.DictReader(io.StringIO(text, newline=""))
    return row


def as_json(**fields: Any) -> dict[str, Any]:
    text = JsonLines().write(columns(**fields)).decode()
    assert text.count("\n") == 1
    row: dict[str, Any] = json.loads(text, parse_float=Decimal)
    return row


def test_columns_are_those_of_the_contract_and_what_the_server_adds() -> None:
    assert set(CusLLMUsageIngest.model_fields) == REPORTED
    assert set(EXPORTED) == REPORTED | MADE
    assert len(set(EXPORTED)) == len(EXPORTED)


@given(st.text())
def test_every_text_comes_back_from_behind_its_guard(text: str) -> None:
    assert unguarded(guarded(text)) == text


@pytest.mark.parametrize("start", list("=+-@\t\r\n＝＋－＠"))
def test_no_cell_begins_like_a_formula(start: str) -> None:
    for name in ("call_id", "model", "end_user", "error_message", "price_ref", "session_id"):
        assert as_csv(**{name: f"{start}1+1"})[name] == f"'{start}1+1"


def test_an_apostrophe_is_doubled_and_all_else_stays() -> None:
    row = as_csv(call_id="'x", model="a=b", tokens_in=7, metadata='{"a":"=1"}')
    assert (row["call_id"], row["model"]) == ("''x", "a=b")
    assert (row["tokens_in"], row["metadata"]) == ("7", '{"a":"=1"}')


@given(st.integers(0, MOST_NANOUSD))
def test_cents_are_the_nano_dollars_exactly(nanousd: int) -> None:
    (cents,) = cents_of({"cost_nanousd": [nanousd]})
    assert cents is not None
    assert Decimal(cents) == Decimal(nanousd) / 10_000_000
    assert "e" not in cents.lower()
    assert as_json(cost_nanousd=nanousd)["cost_cents"] == Decimal(cents)
    assert as_csv(cost_nanousd=nanousd)["cost_cents"] == cents


def test_an_unknown_cost_is_nothing_and_a_free_call_is_zero() -> None:
    assert as_json(cost_nanousd=None)["cost_cents"] is None
    assert as_csv(cost_nanousd=None)["cost_cents"] == ""
    assert as_csv(cost_nanousd=0)["cost_cents"] == "0"


def test_objects_are_objects_in_lines_and_text_in_cells() -> None:
    kept = {"metadata": '{"a":[1.50]}', "request": '{"stream":true}', "labels": None}
    line = as_json(**kept)
    assert line["metadata"] == {"a": [Decimal("1.50")]}
    assert (line["request"], line["labels"]) == ({"stream": True}, {})
    assert as_json()["request"] is None
    assert as_csv(**kept)["metadata"] == '{"a":[1.50]}'


def test_a_void_is_told() -> None:
    assert as_json(voided=True)["voided"] is True
    assert as_csv(voided=True)["voided"] == "true"
    assert as_csv()["voided"] == "false"


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_a_row_of_csv_holds_any_text(text: str) -> None:
    row = next(csv.reader(io.StringIO(Csv().write(columns(model=text)).decode(), newline="")))
    assert unguarded(row[EXPORTED.index("model")]) == text
