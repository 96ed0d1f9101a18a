"""`andon doctor`: check what the server stands on."""

from __future__ import annotations

import click

from andon.cli.options import as_json, load_settings
from andon.cli.output import print_json, print_table


@click.command()
@as_json
@click.pass_context
def doctor(ctx: click.Context, *, as_json: bool) -> None:
    """Check database, clock, disk and fsync; exit status 1 if something is not right."""
    settings = load_settings()
    from andon import app

    findings = app.diagnose(settings)
    if as_json:
        print_json([{"name": one.name, "ok": one.ok, "detail": one.detail} for one in findings])
    else:
        rows = [(one.name, "ok" if one.ok else "NOT OK", one.detail) for one in findings]
        print_table(("check", "result", "detail"), rows)
    ctx.exit(0 if all(one.ok for one in findings) else 1)
