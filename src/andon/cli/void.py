"""`andon void`: take one wrong usage record out of the sums."""

from __future__ import annotations

import click

from andon.cli.connection import connected, part
from andon.cli.options import as_json
from andon.cli.output import print_facts, print_json


@click.command()
@click.argument("record_id", metavar="ID")
@click.option("--reason", required=True, help="Why it is wrong; kept with it.")
@as_json
def void(record_id: str, reason: str, *, as_json: bool) -> None:
    """Void the usage record ID: it stays in lists and counts no more.

    Its call_id stays taken; report the call anew under another one if it happened otherwise.
    """
    with connected() as api:
        done = api.post(f"telemetry/llm-usage/{part(record_id)}/void", {"reason": reason})
    if as_json:
        print_json(done)
        return
    voided = done["voided"]
    facts = [("record", done["id"]), ("call", done["call_id"]), ("voided", voided["at"])]
    print_facts([*facts, ("by", voided["by"]), ("reason", voided["reason"])])
