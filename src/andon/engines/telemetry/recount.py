"""What records that are stored already add to the sums, told from the records alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from andon.engines.telemetry.rollups import (
    OTHER,
    Columns,
    Flags,
    Integers,
    Place,
    Rollups,
    Sums,
    have_failed,
    roll_up,
)
from andon.engines.telemetry.timing import HOUR_US

_K = TypeVar("_K")

Folds = tuple[int, int, int]
"""The marks of records whose model is summed as (other), whose agent is, that had an error text."""


def recount(tenant: int, columns: Mapping[str, Sequence[Any]], folds: Folds) -> Rollups:
    """Sum records of one tenant again, from columns of equal length as they are packed."""
    by_model, by_agent, by_text = folds
    marks = [mark or 0 for mark in columns["marks"]]
    known: dict[tuple[Any, ...], int] = {}
    place = [
        known.setdefault(spot, len(known))
        for spot in zip(
            columns["day"],
            [at_us // HOUR_US for at_us in columns["occurred_us"]],
            columns["integration"],
            columns["agent_id"],
            columns["model"],
            [mark & (by_model | by_agent) for mark in marks],
            strict=True,
        )
    ]
    places = [
        Place(
            tenant,
            day,
            hour,
            integration,
            OTHER if mark & by_agent else agent,
            OTHER if mark & by_model else model,
        )
        for day, hour, integration, agent, model, mark in known
    ]
    texts = ["text" if mark & by_text else None for mark in marks]
    return roll_up(places, _columns(place, columns, texts), _itself)


def _itself(_tenant: int, _day: int, _kind: str, name: str, _calls: int) -> str:
    return name


def _columns(
    place: list[int], columns: Mapping[str, Sequence[Any]], texts: list[str | None]
) -> Columns:
    results = columns["policy_result"]
    return Columns(
        place=np.array(place, np.int64),
        tokens_in=_numbers(columns["tokens_in"]),
        tokens_out=_numbers(columns["tokens_out"]),
        cost_nanousd=_numbers(columns["cost_nanousd"]),
        is_error=have_failed(
            columns["error_code"], columns["error_class"], texts, columns["status_code"]
        ),
        is_blocked=np.array([result == "blocked" for result in results], np.bool_),
        is_unpriced=~_present(columns["cost_nanousd"]),
        latency_ms=_numbers(columns["latency_ms"]),
        is_timed=_present(columns["latency_ms"]),
    )


def _numbers(values: Sequence[int | None]) -> Integers:
    return np.array([value or 0 for value in values], np.int64)


def _present(values: Sequence[int | None]) -> Flags:
    return np.array([value is not None for value in values], np.bool_)


def add_rollups(total: Rollups, part: Rollups, sign: int = 1) -> None:
    """Add sums to a total in place, or take them out of it."""
    _add_each(total.hourly, part.hourly, sign)
    _add_each(total.daily, part.daily, sign)


def _add_each(total: dict[_K, Sums], part: Mapping[_K, Sums], sign: int) -> None:
    for key, values in part.items():
        present = total.get(key)
        if present is None:
            total[key] = [sign * value for value in values]
        else:
            for place, value in enumerate(values):
                present[place] += sign * value


def change_between(before: Rollups, after: Rollups) -> Rollups:
    """Give what leads from sums to other sums; rows that stay as they are are left out."""
    made = Rollups({}, {})
    add_rollups(made, after)
    add_rollups(made, before, -1)
    return Rollups(_moved(made.hourly), _moved(made.daily))


def _moved(sums: dict[_K, Sums]) -> dict[_K, Sums]:
    return {key: values for key, values in sums.items() if any(values)}
