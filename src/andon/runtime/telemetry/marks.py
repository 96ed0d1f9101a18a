"""What is kept beside a record so that its part in the sums can be told again years later."""

from __future__ import annotations

from collections.abc import Sequence, Set
from operator import attrgetter

from andon.drivers.telemetry.packing import AGENT_FOLDED, HAD_TEXT, MODEL_FOLDED
from andon.engines.telemetry import Place
from andon.runtime.telemetry.batch import Integers
from andon.runtime.telemetry.parcel import UsageRecord

Folded = Set[tuple[int, int, str, str]]
"""Tenant, day, kind and name of what a group summed under another name."""

_text = attrgetter("error_message")


def marks_of(
    records: Sequence[UsageRecord], places: Sequence[Place], spot: Integers, folded: Folded
) -> list[int | None]:
    """Mark the records whose error text or names cannot be told from the record alone."""
    texts = list(map(_text, records))
    if not folded and not any(texts):
        return [None] * len(records)
    by_place = [_folds(place, folded) for place in places]
    marks = (
        by_place[at] | (HAD_TEXT if text else 0)
        for at, text in zip(spot.tolist(), texts, strict=True)
    )
    return [mark or None for mark in marks]


def _folds(place: Place, folded: Folded) -> int:
    model = (place.tenant, place.day, "model", place.model) in folded
    agent = (place.tenant, place.day, "agent", place.agent_id) in folded
    return model * MODEL_FOLDED + agent * AGENT_FOLDED
