"""Confirmations by people: who has said yes, in order, each counted once."""

from __future__ import annotations

from typing import Protocol

from andon.schemas.loop import checks


class Confirmable(Protocol):
    """Stand for a record that collects confirmations."""

    confirmations_received: int
    confirmed_by: list[str]


def check_confirmations(record: Confirmable) -> None:
    """Refuse a record whose count is below the people that it names."""
    checks.count("confirmations_received", record.confirmations_received)
    record.confirmed_by = checks.texts("confirmed_by", record.confirmed_by)
    if len(record.confirmed_by) > record.confirmations_received:
        raise ValueError("confirmations_received: pass at least the number of confirmed_by")


def count_confirmation(record: Confirmable, confirmed_by: str | None) -> None:
    """Count a person once; a confirmation without a name counts as one each time."""
    person = checks.optional_text("confirmed_by", confirmed_by)
    if person in record.confirmed_by:
        return
    if person is not None:
        record.confirmed_by.append(person)
    record.confirmations_received += 1
