"""`andon end-users`: erase what was recorded of an end user."""

from __future__ import annotations

import click

from andon.cli.connection import connected
from andon.cli.options import as_json
from andon.cli.output import print_json


@click.group("end-users")
def end_users() -> None:
    """Erase end users of your applications."""


@end_users.command("erase")
@click.argument("end_user")
@click.confirmation_option(prompt="The records cannot be brought back. Erase them?")
@as_json
def erase_end_user(end_user: str, *, as_json: bool) -> None:
    """Erase all usage records of END_USER in the key's tenant; sums stay.

    What is reported from now on is kept: stop the reports first.
    """
    erased, cursor = 0, None
    with connected() as api:
        while True:
            sent = {"end_user": end_user, "cursor": cursor}
            answer = api.post("end-users/erase", sent)
            erased += answer["erased_records"]
            cursor = answer["next_cursor"]
            if answer["complete"]:
                break
    if as_json:
        print_json({"erased_records": erased})
    else:
        click.echo(f"{erased:,} records erased; their sums stay.")
