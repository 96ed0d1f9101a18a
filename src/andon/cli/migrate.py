"""`andon migrate`: bring the store's schema to this version."""

from __future__ import annotations

import click

from andon.cli.options import as_json, load_settings
from andon.cli.output import print_json


@click.command()
@as_json
def migrate(*, as_json: bool) -> None:
    """Bring the store's schema to this version; on PostgreSQL with ANDON_MIGRATE_URL."""
    settings = load_settings()
    from andon import app

    level = app.migrate(settings)
    if as_json:
        print_json({"level": level})
    else:
        click.echo(f"The store is at schema level {level}.")
