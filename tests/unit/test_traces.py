"""Rows of the Azure LLM inference trace become usage records with a call_id of their own."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.adapters.traces import RowRefused, TraceRow, call_id_of, digest_of, read_row, usage_of

ROW = {
    "TIMESTAMP": "2023-11-16 18:15:46.6805900",
    "ContextTokens": "374",
    "GeneratedTokens": "44",
}
READ = TraceRow(datetime(2023, 11, 16, 18, 15, 46, 680590, UTC), 374, 44)

ROWS = st.builds(
    TraceRow,
    st.datetimes(timezones=st.just(UTC)),
    st.integers(0, 10**9),
    st.integers(0, 10**9),
)


def test_row_is_read_to_the_microsecond() -> None:
    assert read_row(ROW) == READ


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2023-11-16 18:15:46", datetime(2023, 11, 16, 18, 15, 46, tzinfo=UTC)),
        ("2023-11-16T18:15:46.5", datetime(2023, 11, 16, 18, 15, 46, 500000, UTC)),
        ("2024-05-10 00:00:00.009930+00:00", datetime(2024, 5, 10, 0, 0, 0, 9930, UTC)),
        ("2024-05-10 01:00:00+02:00", datetime(2024, 5, 9, 23, 0, tzinfo=UTC)),
    ],
)
def test_times_of_other_forms_are_read(text: str, moment: datetime) -> None:
    assert read_row({**ROW, "TIMESTAMP": text}).occurred_at == moment


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("TIMESTAMP", "yesterday"),
        ("TIMESTAMP", "2023-02-30 00:00:00"),
        ("TIMESTAMP", "0001-01-01 00:00:00+14:00"),
        ("ContextTokens", ""),
        ("ContextTokens", "-1"),
        ("GeneratedTokens", "1.5"),
        ("GeneratedTokens", "١٢"),
    ],
)
def test_row_of_wrong_form_is_refused_by_its_column(column: str, cell: str) -> None:
    with pytest.raises(RowRefused, match=column) as caught:
        read_row({**ROW, column: cell})
    assert not cell or cell not in str(caught.value)


def test_usage_says_what_the_row_says() -> None:
    assert usage_of(READ, "c", "i", "azure_openai", "gpt-4o") == {
        "integration_id": "i",
        "call_id": "c",
        "provider": "azure_openai",
        "model": "gpt-4o",
        "tokens_in": 374,
        "tokens_out": 44,
        "occurred_at": "2023-11-16T18:15:46.680590+00:00",
    }


def test_call_id_stays_the_same_in_every_version() -> None:
    # Stored call_ids were derived like this: another derivation would count old files again.
    expected = "trace-b8c73764946ec65e1bc24b979d19ac6fe8f7c472"
    assert call_id_of("018f0000-0000-7000-8000-000000000001", digest_of(READ), 1) == expected


@given(ROWS, ROWS, st.integers(1, 10**6), st.integers(1, 10**6))
def test_call_ids_are_equal_only_for_the_same_occurrence(
    one: TraceRow, other: TraceRow, nth: int, mth: int
) -> None:
    first, second = (
        call_id_of("i", digest_of(one), nth),
        call_id_of("i", digest_of(other), mth),
    )
    assert (first == second) == ((one, nth) == (other, mth))
    assert len(first) <= 100


def test_another_integration_has_other_call_ids() -> None:
    assert call_id_of("a", digest_of(READ), 1) != call_id_of("b", digest_of(READ), 1)


def test_digest_does_not_depend_on_how_the_row_is_written() -> None:
    same = {"TIMESTAMP": " 2023-11-16 18:15:46.68059 ", "ContextTokens": "0374"}
    assert digest_of(read_row({**ROW, **same})) == digest_of(READ)
