"""`andon serve`: run the server."""

from __future__ import annotations

import click

from andon.cli.options import load_settings


@click.command()
@click.option("--host", help="Address to listen on; default ANDON_HOST, else 127.0.0.1.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port; default ANDON_PORT, else 8750.")
@click.pass_context
def serve(ctx: click.Context, host: str | None, port: int | None) -> None:
    """Serve the API and the console until stopped."""
    given = {"host": host, "port": port}
    settings = load_settings(**{name: value for name, value in given.items() if value is not None})
    from andon import app

    ctx.exit(app.serve(settings))
