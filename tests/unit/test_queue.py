"""The queue of usage records serves tenants in turns."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from andon.runtime.telemetry.parcel import Parcel
from andon.runtime.telemetry.queue import FairQueue, Waiting
from andon.runtime.tenants.caller import Tenant

SENT = st.lists(st.tuples(st.integers(1, 4), st.integers(1, 30)), max_size=40)


def waiting(tenant: int, size: int) -> Waiting:
    of = Tenant(tenant, f"t{tenant}", 0, "name", (("UTC", 0),), "{}", "active", 0, 0, 1)
    records: Any = [None] * size
    nobody: Any = None
    return Waiting(Parcel(of, records, [1] * size, range(size)), nobody)


def filled(sent: list[tuple[int, int]]) -> FairQueue:
    queue = FairQueue()
    for tenant, size in sent:
        queue.put(waiting(tenant, size))
    return queue


def taken(queue: FairQueue, most: int) -> list[tuple[int, int]]:
    return [(one.parcel.tenant.no, len(one.parcel.records)) for one in queue.take(most)]


def test_a_flood_does_not_keep_another_tenant_waiting() -> None:
    queue = filled([(1, 10)] * 50 + [(2, 1)])
    assert (2, 1) in taken(queue, 20)


def test_who_had_a_turn_waits_behind_the_others() -> None:
    queue = filled([(1, 10), (1, 10), (2, 10), (2, 10), (3, 10)])
    assert taken(queue, 20) == [(1, 10), (2, 10)]
    assert taken(queue, 20) == [(3, 10), (1, 10)]
    assert taken(queue, 20) == [(2, 10)]
    assert not queue


@given(SENT, st.integers(1, 60))
def test_everything_is_taken_once_and_each_tenants_in_order(
    sent: list[tuple[int, int]], most: int
) -> None:
    queue, out = filled(sent), []
    while queue:
        group = taken(queue, most)
        assert len(group) == 1 or sum(size for _, size in group) <= most
        out += group
    for tenant in range(1, 5):
        assert [one for one in out if one[0] == tenant] == [o for o in sent if o[0] == tenant]
    assert len(out) == len(sent)
