"""What the slow pass finds goes into the metrics and, by name, into the log."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any, cast

import pytest

from andon.runtime.books import watching
from andon.runtime.books.findings import MOST_NAMED, Difference, Findings
from andon.runtime.context import Context
from andon.runtime.meters import Meters


def _difference(day: int) -> Difference:
    return Difference("usage_daily", {"day": day}, {"calls": 2}, {"calls": 3})


def _told(findings: Findings) -> Meters:
    meters = Meters()
    watching.tell(cast("Context", SimpleNamespace(meters=meters)), findings)
    return meters


def _value(meters: Meters, name: str, **labels: str) -> Any:
    return meters.registry.get_sample_value(name, labels)


def test_a_difference_is_counted_and_named(caplog: pytest.LogCaptureFixture) -> None:
    findings = Findings()
    findings.note(_difference(20_000))
    with caplog.at_level(logging.ERROR, "andon.books"):
        meters = _told(findings)
    assert _value(meters, "andon_books_differences") == 1
    assert _value(meters, "andon_verify_runs_total", outcome="different") == 1
    (record,) = caplog.records
    told: dict[str, Any] = vars(record)
    assert (told["table"], told["row"]) == ("usage_daily", '{"day": 20000}')
    assert (told["expected"], told["found"]) == ('{"calls": 2}', '{"calls": 3}')


def test_books_that_balance_say_so(caplog: pytest.LogCaptureFixture) -> None:
    meters = _told(Findings(records=7))
    assert _value(meters, "andon_books_differences") == 0
    assert _value(meters, "andon_verify_runs_total", outcome="balanced") == 1
    assert caplog.records == []


def test_very_many_differences_are_counted_and_some_named() -> None:
    findings = Findings()
    for day in range(MOST_NAMED + 5):
        findings.note(_difference(day))
    shown = findings.shown()
    assert shown["difference_count"] == MOST_NAMED + 5
    assert len(shown["differences"]) == MOST_NAMED
    assert not shown["balanced"]
