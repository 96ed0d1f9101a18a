"""`andon init`: make the store and its first admin key."""

from __future__ import annotations

import click

from andon.cli.options import load_settings


@click.command()
def init() -> None:
    """Make the store ready and print its first admin key, once.

    The key goes to standard output, all else to standard error: export ANDON_KEY=$(andon init)
    """
    settings = load_settings()
    from andon import app

    key = app.init(settings)
    if key is None:
        click.echo("The store is ready and has its first admin key already.", err=True)
        return
    click.echo(key)
    click.echo(
        "This is the first admin key, shown this once: keep it safe and set it as ANDON_KEY.",
        err=True,
    )
