"""The command line: one command a file, all of them over the HTTP API."""

from __future__ import annotations

import sys
from io import TextIOWrapper

import click

from andon import __version__
from andon.cli import (
    backup,
    doctor,
    end_users,
    export,
    ingest,
    init,
    integrations,
    keys,
    migrate,
    prices,
    reprice,
    restore,
    serve,
    tenants,
    usage,
    verify,
    void,
)
from andon.cli.failures import Commands


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="andon")
def main() -> None:
    """Andon: usage, budgets and incidents of LLM integrations.

    Commands talk to the server at ANDON_URL with ANDON_KEY; without ANDON_URL to the server that
    runs on this ANDON_HOME; without one they open the store themselves.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # A name that the terminal's encoding cannot show must not end the command.
            stream.reconfigure(errors="backslashreplace")


for _command in (
    serve.serve,
    init.init,
    migrate.migrate,
    keys.keys,
    tenants.tenants,
    integrations.integrations,
    prices.prices,
    ingest.ingest,
    usage.usage,
    void.void,
    reprice.reprice,
    verify.verify,
    export.export,
    end_users.end_users,
    doctor.doctor,
    backup.backup,
    restore.restore,
):
    main.add_command(_command)
