"""`andon tenants`: list, create, suspend, resume and erase tenants."""

from __future__ import annotations

from typing import Any

import click

from andon.cli.connection import connected, part
from andon.cli.options import as_json
from andon.cli.output import print_json, print_table

COLUMNS = ("id", "name", "status", "time_zone", "created_at")


@click.group()
def tenants() -> None:
    """List, create, suspend, resume and erase tenants."""


@tenants.command("list")
@as_json
def list_tenants(*, as_json: bool) -> None:
    """List all tenants, or the key's own for whoever may not see the others."""
    with connected() as api:
        _print(list(api.pages("tenants")), as_json=as_json, many=True)


@tenants.command("create")
@click.argument("name")
@click.option("--time-zone", default="UTC", show_default=True, help="IANA name.")
@as_json
def create_tenant(name: str, time_zone: str, *, as_json: bool) -> None:
    """Create a tenant; give it a key with `andon keys create --tenant`."""
    with connected() as api:
        _print([api.post("tenants", {"name": name, "time_zone": time_zone})], as_json=as_json)


@tenants.command("suspend")
@click.argument("tenant_id")
@as_json
def suspend_tenant(tenant_id: str, *, as_json: bool) -> None:
    """Let a tenant's keys get 403 until it is resumed."""
    with connected() as api:
        _print([api.post(f"tenants/{part(tenant_id)}/suspend")], as_json=as_json)


@tenants.command("resume")
@click.argument("tenant_id")
@as_json
def resume_tenant(tenant_id: str, *, as_json: bool) -> None:
    """Let a suspended tenant's keys work again."""
    with connected() as api:
        _print([api.post(f"tenants/{part(tenant_id)}/resume")], as_json=as_json)


@tenants.command("erase")
@click.argument("tenant_id")
@click.confirmation_option(prompt="The tenant cannot be brought back. Erase it?")
@as_json
def erase_tenant(tenant_id: str, *, as_json: bool) -> None:
    """Erase a suspended tenant for good; sums and the ids in its audit stay.

    The server does it in the background; `erased_at` tells in the list when it is done.
    """
    with connected() as api:
        erased = api.post(f"tenants/{part(tenant_id)}/erase")
        _print([erased], as_json=as_json)


def _print(found: list[dict[str, Any]], *, as_json: bool, many: bool = False) -> None:
    if as_json:
        print_json(found if many else found[0])
    else:
        print_table(COLUMNS, ([one[name] for name in COLUMNS] for one in found))
