"""Whatever is done to a policy in whatever order, its modes keep their rules."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from andon.schemas.loop_events import PolicyMode, PolicyRule
from tests.unit.loop_events.examples import NOW, a_policy

LEGAL = {
    PolicyMode.SHADOW: {PolicyMode.SHADOW, PolicyMode.ACTIVE, PolicyMode.DISABLED},
    PolicyMode.PENDING: set(PolicyMode),
    PolicyMode.ACTIVE: {PolicyMode.ACTIVE, PolicyMode.DISABLED},
    PolicyMode.DISABLED: {PolicyMode.DISABLED},
}
PEOPLE = st.sampled_from(["ann", "bob", "cem", "dee", None])


class PolicyLife(RuleBasedStateMachine):
    """Drive one policy beside a small model of who agreed and who regretted."""

    policy: PolicyRule

    @initialize(confidence=st.floats(0, 1), required=st.integers(1, 4))
    def propose(self, confidence: float, required: int) -> None:
        self.policy = a_policy(confidence, confirmations_required=required)
        self.people: set[object] = set()
        self.regrets = 0
        self.approved = False
        self.minutes = 0
        self.last = self.policy.mode
        assert self.last is (PolicyMode.SHADOW if confidence >= 0.85 else PolicyMode.PENDING)

    @contextlib.contextmanager
    def _refused(self, expected: bool) -> Iterator[None]:
        """Demand that an action is refused exactly when expected, and then changes nothing."""
        before = self.policy.to_dict()
        try:
            yield
        except ValueError:
            assert expected
            assert self.policy.to_dict() == before
        else:
            assert not expected

    @rule(person=PEOPLE)
    def confirm(self, person: str | None) -> None:
        self.minutes += 1
        before = self.policy.mode
        with self._refused(before is PolicyMode.DISABLED):
            at = NOW + timedelta(minutes=self.minutes)
            reached = self.policy.add_confirmation(person, now=at)
            if before is not PolicyMode.ACTIVE:
                self.people.add(self.minutes if person is None else person)
                self.approved = len(self.people) >= self.policy.confirmations_required
            assert reached is (self.policy.mode is PolicyMode.ACTIVE) is self.approved

    @rule()
    def activate(self) -> None:
        with self._refused(self.policy.mode in (PolicyMode.ACTIVE, PolicyMode.DISABLED)):
            self.policy.activate(now=NOW)
            self.approved = True

    @rule()
    def enter_shadow(self) -> None:
        with self._refused(self.policy.mode is not PolicyMode.PENDING):
            self.policy.enter_shadow()

    @rule()
    def disable(self) -> None:
        with self._refused(self.policy.mode is PolicyMode.DISABLED):
            self.policy.disable()

    @rule()
    def regret(self) -> None:
        self.regrets += 1
        assert self.policy.record_regret() is (self.policy.mode is PolicyMode.DISABLED)

    @rule(would_block=st.booleans())
    def observe(self, would_block: bool) -> None:
        before_it_may = self.policy.mode in (PolicyMode.SHADOW, PolicyMode.PENDING)
        with self._refused(not before_it_may):
            self.policy.record_shadow_evaluation(would_block)

    @invariant()
    def only_legal_changes(self) -> None:
        assert self.policy.mode in LEGAL[self.last]
        self.last = self.policy.mode

    @invariant()
    def active_means_approved(self) -> None:
        if self.policy.mode is PolicyMode.ACTIVE:
            assert self.approved
        assert (self.policy.activated_at is not None) is self.approved

    @invariant()
    def people_are_counted_once(self) -> None:
        named = {person for person in self.people if isinstance(person, str)}
        assert set(self.policy.confirmed_by) == named
        assert len(self.policy.confirmed_by) == len(named)
        assert self.policy.confirmations_received == len(self.people)

    @invariant()
    def three_regrets_end_it(self) -> None:
        assert self.policy.regret_count == self.regrets
        if self.regrets >= 3:
            assert self.policy.mode is PolicyMode.DISABLED

    @invariant()
    def the_rate_is_a_fraction(self) -> None:
        assert 0.0 <= self.policy.shadow_block_rate <= 1.0


TestPolicyLife = PolicyLife.TestCase
TestPolicyLife.settings = settings(max_examples=100, stateful_step_count=25, deadline=None)
