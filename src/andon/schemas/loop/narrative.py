"""The story of a loop in sentences, each told only where the record holds its facts."""

from __future__ import annotations

from typing import TypedDict

from andon.schemas.loop.match import PatternMatchResult
from andon.schemas.loop.policy import PolicyMode, PolicyRule
from andon.schemas.loop.recovery import RecoverySuggestion
from andon.schemas.loop.routing import RoutingAdjustment


class Narrative(TypedDict):
    """Hold one sentence or two a subject, or None where nothing is known of it."""

    before_after: str | None
    policy_origin: str | None
    agent_improvement: str | None


_MODE_WORDS = {
    PolicyMode.SHADOW: "observes in shadow and enforces nothing",
    PolicyMode.PENDING: "waits for confirmations",
    PolicyMode.ACTIVE: "is active",
    PolicyMode.DISABLED: "is disabled",
}


def tell_before_after(
    match: PatternMatchResult | None,
    recovery: RecoverySuggestion | None,
    policy: PolicyRule | None,
) -> str | None:
    """Tell what was found and what came of it; None until both are known."""
    if match is None or not match.matched:
        return None
    after = []
    if recovery is not None and recovery.suggestion_type != "none":
        after.append(f"recovery {recovery.action_type} is {recovery.status}")
    if policy is not None:
        after.append(f"policy {policy.name} {_MODE_WORDS[policy.mode]}")
    if not after:
        return None
    before = f"incident {match.incident_id} matched pattern {match.pattern_id}"
    return f"Before: {before} (confidence {match.confidence:.2f}). After: {'; '.join(after)}."


def tell_policy_origin(policy: PolicyRule | None) -> str | None:
    """Tell where a policy comes from and what speaks for it."""
    if policy is None:
        return None
    sources = _sources(policy)
    told = [f"Policy {policy.name} {sources} (confidence {policy.confidence:.2f})."]
    if policy.shadow_evaluations:
        would = f"would have acted on {policy.shadow_would_block} of {policy.shadow_evaluations}"
        told.append(f"In shadow it {would} calls.")
    told.append(
        f"Confirmed {policy.confirmations_received} of {policy.confirmations_required} times."
    )
    if policy.regret_count:
        told.append(f"Regrets: {policy.regret_count}.")
    return " ".join(told)


def _sources(policy: PolicyRule) -> str:
    pairs = (("pattern", policy.source_pattern_id), ("recovery", policy.source_recovery_id))
    known = [f"{kind} {source}" for kind, source in pairs if source]
    return f"comes from {' and '.join(known)}" if known else "was written by a person"


def tell_agent_improvement(adjustment: RoutingAdjustment | None) -> str | None:
    """Tell how an agent's routing was shifted, and its KPI where that was measured."""
    if adjustment is None:
        return None
    shift = f"{adjustment.adjustment_type} of {adjustment.magnitude:+.2f}"
    told = [f"Agent {adjustment.agent_id} got a {shift}: {_unended(adjustment.reason)}."]
    if adjustment.kpi_baseline is not None and adjustment.kpi_current is not None:
        told.append(f"KPI {adjustment.kpi_baseline:g} before, {adjustment.kpi_current:g} since.")
    if adjustment.was_rolled_back:
        because = adjustment.rollback_reason
        told.append(f"Rolled back: {_unended(because)}." if because else "Rolled back.")
    return " ".join(told)


def _unended(sentence: str) -> str:
    return sentence.rstrip(" .")
