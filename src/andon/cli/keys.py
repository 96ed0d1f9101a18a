"""`andon keys`: list, create and revoke API keys."""

from __future__ import annotations

from typing import Any

import click

from andon.cli.connection import connected, part
from andon.cli.options import as_json
from andon.cli.output import print_json, print_table

COLUMNS = ("id", "name", "role", "prefix", "principal_id", "created_at", "last_used_at")
ROLES = ("ingest", "viewer", "operator", "admin")


@click.group()
def keys() -> None:
    """List, create and revoke API keys."""


@keys.command("list")
@as_json
def list_keys(*, as_json: bool) -> None:
    """List the keys of the tenant, revoked ones too; never the keys themselves."""
    with connected() as api:
        found = list(api.pages("keys"))
    if as_json:
        print_json(found)
        return
    columns = (*COLUMNS, "revoked_at")
    print_table(columns, ([one[name] for name in columns] for one in found))


@keys.command("create")
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), required=True, help="What the key may do.")
@click.option("--tenant", help="Id of the tenant; for admins of the tenant `default`.")
@click.option("--principal", help="Id of the person or service; default: a service of this name.")
@as_json
def create_key(
    name: str, role: str, tenant: str | None, principal: str | None, *, as_json: bool
) -> None:
    """Create a key and print it, once."""
    body: dict[str, Any] = {"name": name, "role": role}
    if tenant is not None:
        body["tenant_id"] = tenant
    if principal is not None:
        body["principal_id"] = principal
    with connected() as api:
        made = api.post("keys", body)
    if as_json:
        print_json(made)
        return
    click.echo(made["key"])
    click.echo(
        f"This is the key {made['id']} ({role}), shown this once: keep it safe.",
        err=True,
    )


@keys.command("revoke")
@click.argument("key_id")
def revoke_key(key_id: str) -> None:
    """Revoke a key by its id, at once."""
    with connected() as api:
        api.delete(f"keys/{part(key_id)}")
    click.echo(f"Revoked {key_id}.")
