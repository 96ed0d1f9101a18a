"""The golden test of the loop's frozen numbers: another table needs another version."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import andon.schemas
from andon.schemas.loop_events import (
    LOOP_MECHANICS_FROZEN_AT,
    LOOP_MECHANICS_VERSION,
    ConfidenceBand,
    ConfidenceCalculator,
    HumanCheckpoint,
    HumanCheckpointType,
    LoopStage,
    LoopStatus,
    PolicyMode,
    PolicyRule,
    RoutingAdjustment,
)

NOW = datetime(2026, 1, 31, tzinfo=UTC)

FROZEN = {
    "LOOP_MECHANICS_V1": (
        "2026-11-24",
        "dd989eb362525a6a4815331172a8c2af3d9694c6d514ae47e930cfc4d86b5abe",
    ),
}
"""Every version ever released with its date and the digest of its table; only add to it."""

TABLE: dict[str, Any] = {
    "confidence_version": "CONFIDENCE_V1",
    "lowest_strong": 0.85,
    "lowest_weak": 0.60,
    "confirmations_by_band": {"strong_match": 0, "weak_match": 1, "novel": 2},
    "auto_apply_by_band": {"strong_match": True, "weak_match": False, "novel": False},
    "auto_apply_from_occurrences": 3,
    "recovery_confidence_strong": [0.7, 0.7, 0.8, 0.9, 0.9],
    "recovery_confidence_weak": [0.5, 0.5, 0.6, 0.7, 0.7],
    "boosts": [0.0, 0.0, 0.10, 0.20, 0.20],
    "cap": 0.90,
    "policy_mode_by_band": {"strong_match": "shadow", "weak_match": "pending", "novel": "pending"},
    "policy_defaults": {"scope_type": "tenant", "scope_id": None, "confirmations_required": 3},
    "regrets_to_disable": 3,
    "routing_defaults": {
        "capability": None,
        "max_delta": 0.2,
        "decay_days": 7,
        "rollback_threshold": 0.1,
        "kpi_baseline": None,
    },
    "halfway_through_decay": 0.1,
    "checkpoint_options": {
        "approve_policy": ["approve", "reject", "modify"],
        "approve_recovery": ["apply", "reject", "defer"],
        "simulate_routing": ["apply", "cancel"],
        "revert_loop": ["confirm_revert", "cancel"],
        "override_guardrail": ["override", "respect"],
    },
    "total_stages": 5,
}

_SAMPLES = {
    ConfidenceBand.STRONG_MATCH: 0.9,
    ConfidenceBand.WEAK_MATCH: 0.7,
    ConfidenceBand.NOVEL: 0.1,
}


def _lowest(band: ConfidenceBand) -> float:
    """Find the lowest confidence of a band, to a hundredth of a percent."""
    steps = [step / 10_000 for step in range(10_001)]
    return next(step for step in steps if ConfidenceBand.from_confidence(step) is band)


def _recoveries(strong: bool) -> list[tuple[float, dict[str, Any]]]:
    calculate = ConfidenceCalculator.calculate_recovery_confidence
    return [calculate(0.5, occurrences, strong)[::2] for occurrences in range(5)]


def _defaults(create: Callable[..., Any]) -> dict[str, Any]:
    """Give the defaults of the arguments that are fields."""
    return {
        name: parameter.default
        for name, parameter in inspect.signature(create).parameters.items()
        if parameter.default is not parameter.empty and parameter.kind is not parameter.KEYWORD_ONLY
    }


def _policy(confidence: float) -> PolicyRule:
    return PolicyRule.create("n", "", "custom", "stream", "warn", "", "", confidence)


def _regrets() -> int:
    policy = _policy(0.9)
    while policy.mode is not PolicyMode.DISABLED:
        policy.record_regret()
    return policy.regret_count


def _options(kind: HumanCheckpointType) -> list[str]:
    stage = LoopStage.POLICY_GENERATED
    return HumanCheckpoint.create(kind, "inc_1", "ten_1", stage, "pol_1", "").options


def _half_decayed() -> float:
    adjustment = RoutingAdjustment.create("a", "weight_shift", 9, "r", "pol_1", now=NOW)
    return adjustment.effective_magnitude_at(NOW + timedelta(days=3, hours=12))


def measured_table() -> dict[str, Any]:
    """Measure the mechanics by what the code does, not by the constants that it names."""
    auto = ConfidenceCalculator.should_auto_apply
    level = ConfidenceCalculator.get_confirmation_level
    details = [step for _, step in _recoveries(strong=True)]
    return {
        "confidence_version": details[0]["version"],
        "lowest_strong": _lowest(ConfidenceBand.STRONG_MATCH),
        "lowest_weak": _lowest(ConfidenceBand.WEAK_MATCH),
        "confirmations_by_band": {band.value: level(at) for band, at in _SAMPLES.items()},
        "auto_apply_by_band": {band.value: auto(at, 99) for band, at in _SAMPLES.items()},
        "auto_apply_from_occurrences": next(n for n in range(99) if auto(1.0, n)),
        "recovery_confidence_strong": [value for value, _ in _recoveries(strong=True)],
        "recovery_confidence_weak": [value for value, _ in _recoveries(strong=False)],
        "boosts": [step["boost"] for step in details],
        "cap": details[0]["cap"],
        "policy_mode_by_band": {band.value: _policy(at).mode for band, at in _SAMPLES.items()},
        "policy_defaults": _defaults(PolicyRule.create),
        "regrets_to_disable": _regrets(),
        "routing_defaults": _defaults(RoutingAdjustment.create),
        "halfway_through_decay": _half_decayed(),
        "checkpoint_options": {kind.value: _options(kind) for kind in HumanCheckpointType},
        "total_stages": LoopStatus("l", "i", "t", LoopStage.INCIDENT_CREATED).total_stages,
    }


def digest(table: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(table, sort_keys=True).encode()).hexdigest()


@pytest.mark.parametrize("subject", TABLE)
def test_the_code_does_what_the_table_says(subject: str) -> None:
    assert measured_table()[subject] == TABLE[subject]


def test_the_table_is_whole() -> None:
    assert measured_table().keys() == TABLE.keys()


def test_the_table_belongs_to_its_version() -> None:
    """A table that differs needs a new LOOP_MECHANICS_VERSION, a date, and a line in FROZEN."""
    assert (LOOP_MECHANICS_FROZEN_AT, digest(TABLE)) == FROZEN[LOOP_MECHANICS_VERSION]


def test_every_version_has_a_date_and_a_table_of_its_own() -> None:
    assert all(date.fromisoformat(frozen_at) for frozen_at, _ in FROZEN.values())
    assert len({table for _, table in FROZEN.values()}) == len(FROZEN)
    assert list(FROZEN)[-1] == LOOP_MECHANICS_VERSION


def test_a_changed_number_changes_the_digest() -> None:
    assert digest({**TABLE, "lowest_strong": 0.84}) != digest(TABLE)


def test_the_constants_are_what_the_code_does() -> None:
    measured = measured_table()
    named = ConfidenceCalculator
    assert measured["lowest_strong"] == named.STRONG_THRESHOLD
    assert measured["lowest_weak"] == named.WEAK_THRESHOLD
    assert measured["cap"] == named.CAP
    assert measured["confidence_version"] == named.VERSION


def test_the_strong_threshold_is_written_in_one_place() -> None:
    files = Path(andon.schemas.__path__[0]).rglob("*.py")
    assert sum(file.read_text().count("0.85") for file in files) == 1
