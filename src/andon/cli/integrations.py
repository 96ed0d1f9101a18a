"""`andon integrations`: list, add, show, enable, disable and delete them, and read their limits."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import click

from andon.cli.connection import Api, Refused, connected, part
from andon.cli.failures import Failure
from andon.cli.options import as_json
from andon.cli.output import print_facts, print_json, print_table, usd
from andon.models.cus_models import CusProviderType

LISTED = ("id", "name", "provider_type", "status", "health_state", "default_model")
AMOUNT = click.IntRange(min=0)

Row = dict[str, Any]


@click.group()
def integrations() -> None:
    """List, add and change integrations. NAME is a name or an id."""


@integrations.command("list")
@as_json
def list_integrations(*, as_json: bool) -> None:
    """List the integrations of the tenant."""
    with connected() as api:
        found = list(api.pages("integrations"))
    if as_json:
        print_json(found)
    else:
        print_table(LISTED, ([one[name] for name in LISTED] for one in found))


@integrations.command("add")
@click.argument("name")
@click.option(
    "--provider", type=click.Choice([one.value for one in CusProviderType]), required=True
)
@click.option(
    "--credential-ref",
    help="Where the key is, never the key: env://NAME, file://PATH, vault://PATH#FIELD.",
)
@click.option("--default-model", help="Model of calls that name none.")
@click.option("--budget-cents", type=AMOUNT, default=0, help="US cents a month; 0: no limit.")
@click.option("--token-limit", type=AMOUNT, default=0, help="Tokens a month; 0: no limit.")
@click.option("--rpm", type=AMOUNT, default=0, help="Requests a minute; 0: no limit.")
@click.option("--base-url", help="The provider's address, where it is not the usual one.")
@click.option("--enable", is_flag=True, help="Enable it at once.")
@as_json
def add_integration(*, name: str, enable: bool, as_json: bool, **asked: Any) -> None:
    """Add an integration; its credential is a reference, never a key."""
    body = {
        "name": name,
        "provider_type": asked["provider"],
        "credential_ref": asked["credential_ref"],
        "config": {"base_url": asked["base_url"]} if asked["base_url"] else {},
        "default_model": asked["default_model"],
        "budget_limit_cents": asked["budget_cents"],
        "token_limit_month": asked["token_limit"],
        "rate_limit_rpm": asked["rpm"],
    }
    with connected() as api:
        made = api.post("integrations", body)
        if enable:
            made = api.post(f"integrations/{made['id']}/enable")
    _print(made, as_json=as_json)


@integrations.command("show")
@click.argument("name")
@as_json
def show_integration(name: str, *, as_json: bool) -> None:
    """Show an integration."""
    with connected() as api:
        _print(find_integration(api, name), as_json=as_json)


@integrations.command("enable")
@click.argument("name")
@as_json
def enable_integration(name: str, *, as_json: bool) -> None:
    """Enable an integration; nobody is called."""
    _step(name, "enable", as_json=as_json)


@integrations.command("disable")
@click.argument("name")
@as_json
def disable_integration(name: str, *, as_json: bool) -> None:
    """Disable an integration."""
    _step(name, "disable", as_json=as_json)


@integrations.command("delete")
@click.argument("name")
def delete_integration(name: str) -> None:
    """Delete an integration; its usage stays in the sums and its name is free again."""
    with connected() as api:
        found = find_integration(api, name)
        api.delete(f"integrations/{found['id']}")
    click.echo(f"Deleted {found['id']}.")


@integrations.command("limits")
@click.argument("name")
@as_json
def show_limits(name: str, *, as_json: bool) -> None:
    """Show an integration's limits and what is used of them."""
    with connected() as api:
        found = find_integration(api, name)
        limits = api.get(f"integrations/{found['id']}/limits")
    if as_json:
        print_json(limits)
        return
    click.echo(f"{found['name']}, {limits['period_start']} to {limits['period_end']}")
    columns = ("limit", "used", "of", "percent")
    print_table(columns, _limit_rows(limits), numbers=columns[1:])


def _limit_rows(limits: Row) -> list[tuple[str, object, object, str]]:
    budget = limits["budget_limit_cents"]
    return [
        (
            "budget of the month",
            usd(limits["budget_used_nanousd"]),
            usd(budget * 10**7) if budget else "no limit",
            _percent(limits["budget_percent"]),
        ),
        (
            "tokens of the month",
            limits["tokens_used_month"],
            limits["token_limit_month"] or "no limit",
            _percent(limits["token_percent"]),
        ),
        (
            "requests a minute",
            limits["current_rpm"],
            limits["rate_limit_rpm"] or "no limit",
            _percent(limits["rate_percent"]),
        ),
    ]


def _percent(value: float) -> str:
    return f"{value:.1f} %"


def _step(name: str, action: str, *, as_json: bool) -> None:
    with connected() as api:
        found = find_integration(api, name)
        _print(api.post(f"integrations/{found['id']}/{action}"), as_json=as_json)


def _print(found: Row, *, as_json: bool) -> None:
    if as_json:
        print_json(found)
    else:
        print_facts(found.items())


def find_integration(api: Api, text: str) -> Row:
    """Find an integration by its id, else by its name."""
    if _is_id(text):
        try:
            return api.get(f"integrations/{part(text)}")
        except Refused as refused:
            if refused.code != "not_found":
                raise
    for one in api.pages("integrations", name=text):
        if one["name"] == text:
            return one
    raise Failure(
        "no integration has this name or id; `andon integrations list` shows them", "not_found"
    )


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
