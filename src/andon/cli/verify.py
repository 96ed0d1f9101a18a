"""`andon verify`: tell whether sums, dedupe keys and blocks are what the records say."""

from __future__ import annotations

from typing import Any

import click

from andon.cli.connection import connected
from andon.cli.options import as_json
from andon.cli.output import print_json, print_table


@click.command()
@click.option("--all", "all_tenants", is_flag=True, help="Every tenant's; an admin of `default`.")
@as_json
@click.pass_context
def verify(ctx: click.Context, *, all_tenants: bool, as_json: bool) -> None:
    """Verify the books, also while a server goes on taking records.

    Exit status 1 if a row differs from what the records say; each is named.
    """
    with connected() as api:
        found = api.post_work("verify", {"all_tenants": all_tenants})
    if as_json:
        print_json(found)
    else:
        _print(found)
    ctx.exit(0 if found["balanced"] else 1)


def _print(found: dict[str, Any]) -> None:
    # Blocks are a slot's and not a tenant's, so that without --all none is looked at.
    names = [name for name in ("records", "sums", "keys", "blocks") if found[name]]
    looked = ", ".join(f"{found[name]:,} {name}" for name in names or ["records"])
    if found["balanced"]:
        click.echo(f"The books balance: {looked}")
        return
    if found["unsettled"]:
        click.echo(
            "An erasure came between, so keys are not compared; verify again when it is done"
        )
    if not found["difference_count"]:
        return
    click.echo(f"THE BOOKS DO NOT BALANCE: {found['difference_count']:,} differences in {looked}")
    rows = [
        (one["table"], _words(one["key"]), _words(one["expected"]), _words(one["found"]))
        for one in found["differences"]
    ]
    print_table(("table", "row", "by the records", "found"), rows)


def _words(values: dict[str, Any] | None) -> str | None:
    if values is None:
        return None
    return " ".join(f"{name}={value}" for name, value in values.items())
