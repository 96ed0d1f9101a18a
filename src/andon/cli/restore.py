"""`andon restore`: put a backup in the place of the embedded store."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from andon.cli.options import as_json, load_settings
from andon.cli.output import print_facts, print_json


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--replace", is_flag=True, help="Take the place of a store that is there; it is kept."
)
@as_json
def restore(file: Path, *, replace: bool, as_json: bool) -> None:
    """Put the backup FILE in the place of the store in ANDON_HOME; no server may run on it."""
    settings = load_settings()
    from andon.runtime import backup

    done = backup.restore(settings, file, replace=replace, clock_us=_clock_us)
    if as_json:
        print_json(done)
    else:
        _print(done)


def _clock_us() -> int:
    return time.time_ns() // 1000


def _print(done: dict[str, Any]) -> None:
    facts = [("store", done["path"]), ("state of", done["at"]), ("records", done["records"])]
    facts.append(("tenants", done["tenants"]))
    if done["kept"]:
        facts.append(("the old store", done["kept"]))
    print_facts(facts)
    if done["needs_migration"]:
        click.echo("An older Andon made it; the next start brings its schema to this version.")
