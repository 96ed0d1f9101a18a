"""The narrative of a loop: what the record holds, and nothing else."""

from __future__ import annotations

from typing import Any

from andon.schemas.loop_events import (
    LoopStage,
    LoopStatus,
    Narrative,
    PatternMatchResult,
    PolicyRule,
    RecoverySuggestion,
)
from tests.unit.loop_events.examples import (
    NOW,
    a_match,
    a_policy,
    a_recovery,
    an_adjustment,
)


def narrate(**known: Any) -> Narrative:
    status = LoopStatus("loop_1", "inc_1", "ten_1", LoopStage.INCIDENT_CREATED, **known)
    shown: Narrative = status.to_console_display()["narrative"]
    assert shown == status._generate_narrative()
    return shown


def test_an_empty_record_has_no_story() -> None:
    assert narrate() == {"before_after": None, "policy_origin": None, "agent_improvement": None}


def test_before_needs_an_after() -> None:
    assert narrate(pattern_match_result=a_match())["before_after"] is None
    assert narrate(recovery_suggestion=a_recovery())["before_after"] is None


def test_what_was_not_matched_is_not_told_as_matched() -> None:
    nothing = PatternMatchResult.no_match("inc_1", "sig_1")
    assert narrate(pattern_match_result=nothing, policy_rule=a_policy())["before_after"] is None


def test_a_recovery_that_does_not_exist_is_no_after() -> None:
    none = RecoverySuggestion.none_available("inc_1", "pat_1")
    told = narrate(pattern_match_result=a_match(), recovery_suggestion=none)
    assert told["before_after"] is None


def test_before_and_after_name_pattern_recovery_and_policy() -> None:
    told = narrate(
        pattern_match_result=a_match(),
        recovery_suggestion=a_recovery(),
        policy_rule=a_policy(),
    )
    assert told["before_after"] == (
        "Before: incident inc_1 matched pattern pat_1 (confidence 0.90). "
        "After: recovery retry_elsewhere is pending; "
        "policy No huge prompts observes in shadow and enforces nothing."
    )


def test_a_policy_tells_its_sources_and_evidence() -> None:
    policy = a_policy(0.7)
    policy.record_shadow_evaluation(True)
    policy.record_shadow_evaluation(False)
    policy.add_confirmation("ann")
    policy.record_regret()
    assert narrate(policy_rule=policy)["policy_origin"] == (
        "Policy No huge prompts comes from pattern pat_1 and recovery rec_1 (confidence 0.70). "
        "In shadow it would have acted on 1 of 2 calls. Confirmed 1 of 3 times. Regrets: 1."
    )


def test_a_policy_without_sources_was_written_by_a_person() -> None:
    policy = PolicyRule.create("n", "", "custom", "stream", "warn", "", "", 0.5)
    assert narrate(policy_rule=policy)["policy_origin"] == (
        "Policy n was written by a person (confidence 0.50). Confirmed 0 of 3 times."
    )


def test_an_agent_without_a_measured_kpi_has_no_kpi_in_its_story() -> None:
    assert narrate(routing_adjustment=an_adjustment())["agent_improvement"] == (
        "Agent agent_1 got a confidence_penalty of -0.10: timeouts on long prompts."
    )
    half_known = an_adjustment(kpi_baseline=0.9)
    assert "KPI" not in str(narrate(routing_adjustment=half_known)["agent_improvement"])


def test_a_measured_kpi_is_told_before_and_since() -> None:
    adjustment = an_adjustment(kpi_baseline=0.8)
    adjustment.check_kpi_regression(0.95)
    told = narrate(routing_adjustment=adjustment)["agent_improvement"]
    assert told is not None
    assert told.endswith("KPI 0.8 before, 0.95 since.")


def test_a_rollback_is_told_with_its_reason() -> None:
    adjustment = an_adjustment(now=NOW, kpi_baseline=1.0)
    adjustment.check_kpi_regression(0.5)
    told = narrate(routing_adjustment=adjustment)["agent_improvement"]
    assert told is not None
    assert told.endswith("Rolled back: the KPI fell from 1 to 0.5, by more than 10%.")
