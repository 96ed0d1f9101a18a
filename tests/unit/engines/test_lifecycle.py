"""Steps of an integration's lifecycle, and when a change of address drops the credential."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.engines.integrations import drops_credential, step
from andon.models.cus_models import CusIntegrationStatus as Status

ACTIONS = ("enable", "disable", "credential_failed", "credential_passed")


@pytest.mark.parametrize(
    ("status", "action", "following"),
    [
        (Status.CREATED, "enable", Status.ENABLED),
        (Status.CREATED, "disable", Status.DISABLED),
        (Status.ENABLED, "disable", Status.DISABLED),
        (Status.DISABLED, "enable", Status.ENABLED),
        (Status.ENABLED, "credential_failed", Status.ERROR),
        (Status.ERROR, "credential_passed", Status.ENABLED),
        (Status.ERROR, "disable", Status.DISABLED),
    ],
)
def test_a_step_leads_on(status: Status, action: str, following: Status) -> None:
    assert step(status, action) is following


@pytest.mark.parametrize("status", [Status.ENABLED, Status.DISABLED])
def test_a_step_taken_twice_is_taken_once(status: Status) -> None:
    action = "enable" if status is Status.ENABLED else "disable"
    assert step(status, action) is status


def test_a_bad_credential_is_not_enabled_by_hand() -> None:
    assert step(Status.ERROR, "enable") is None


@pytest.mark.parametrize("status", [Status.CREATED, Status.DISABLED, Status.ERROR])
def test_a_credential_fails_only_where_it_is_used(status: Status) -> None:
    assert step(status, "credential_failed") is None


@given(st.lists(st.sampled_from(ACTIONS), max_size=30))
def test_nothing_leads_back_to_created(actions: list[str]) -> None:
    status = Status.CREATED
    for action in actions:
        before, status = status, step(status, action) or status
        assert status is not Status.CREATED or before is Status.CREATED
        if before is Status.ERROR and status is Status.ENABLED:
            assert action == "credential_passed"


@pytest.mark.parametrize(
    ("before", "after", "drops"),
    [
        ({}, {}, False),
        ({}, {"base_url": None}, False),
        ({"base_url": ""}, {}, False),
        ({"base_url": "https://a"}, {"base_url": "https://a", "region": "x"}, False),
        ({"base_url": "https://a"}, {"base_url": "https://b"}, True),
        ({}, {"base_url": "https://b"}, True),
        ({"base_url": "https://a"}, {}, True),
    ],
)
def test_a_credential_stays_with_its_address(
    before: dict[str, Any], after: dict[str, Any], drops: bool
) -> None:
    assert drops_credential(before, after) is drops
