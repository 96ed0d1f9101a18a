"""What each role may do, cell by cell, and what holds in the tenant `default` alone."""

from __future__ import annotations

import pytest

from andon.engines.tenants.roles import DEFAULT_TENANT, GRANTS, Permission, Role, allows

EXPECTED = {
    #                               ingest viewer operator admin
    Permission.REPORT_USAGE: "x.xx",
    Permission.BACKFILL_USAGE: "..xx",
    Permission.READ_USAGE: ".xxx",
    Permission.READ_INTEGRATIONS: ".xxx",
    Permission.WRITE_INTEGRATIONS: "..xx",
    Permission.READ_PRICES: ".xxx",
    Permission.WRITE_PRICES: "...x",
    Permission.READ_TENANT: ".xxx",
    Permission.WRITE_TENANT: "...x",
    Permission.MANAGE_KEYS: "...x",
    Permission.MANAGE_TENANTS: "...x",
    Permission.READ_AUDIT: "...x",
    Permission.READ_METRICS: "xxxx",
    Permission.BACK_UP: "...x",
    Permission.CORRECT_USAGE: "...x",
    Permission.VERIFY_BOOKS: "...x",
    Permission.ERASE_END_USERS: "...x",
}
DEFAULT_ONLY = {Permission.MANAGE_TENANTS, Permission.READ_METRICS, Permission.BACK_UP}


def test_every_permission_is_decided() -> None:
    assert set(EXPECTED) == set(Permission)


@pytest.mark.parametrize("permission", Permission)
@pytest.mark.parametrize("role", Role)
def test_a_role_may_do_what_the_table_says(role: Role, permission: Permission) -> None:
    expected = EXPECTED[permission][list(Role).index(role)] == "x"
    assert allows(role, permission, DEFAULT_TENANT) is expected


@pytest.mark.parametrize("permission", Permission)
@pytest.mark.parametrize("role", Role)
def test_another_tenant_has_no_more_than_the_first(role: Role, permission: Permission) -> None:
    elsewhere = allows(role, permission, "another")
    if permission in DEFAULT_ONLY:
        assert not elsewhere
    else:
        assert elsewhere is allows(role, permission, DEFAULT_TENANT)


def test_an_ingest_key_reads_nothing_of_a_tenant() -> None:
    reads = {one for one in Permission if one.value.startswith("read")}
    assert GRANTS[Role.INGEST] & reads == {Permission.READ_METRICS}


def test_roles_grow_from_viewer_to_admin() -> None:
    assert GRANTS[Role.VIEWER] < GRANTS[Role.OPERATOR] < GRANTS[Role.ADMIN]
