"""`andon export`: all single records of the tenant as a file."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import click

from andon.adapters.parquet import library
from andon.adapters.parquet.writing import ParquetWriter
from andon.cli.connection import Api, connected
from andon.cli.export.sinks import ParquetSink, Sink, TextSink
from andon.cli.export.target import file_at
from andon.cli.failures import Failure
from andon.cli.integrations import find_integration
from andon.cli.options import as_json
from andon.cli.output import print_facts, print_json

FORMATS = ("jsonl", "csv", "parquet")
DATE = click.DateTime(["%Y-%m-%d"])
STDOUT = "-"


@click.group()
def export() -> None:
    """Write single records to a file."""


@export.command("usage")
@click.option("--from", "start", type=DATE, help="First day, in the tenant's time zone.")
@click.option("--to", "end", type=DATE, help="Last day, included; default: no end.")
@click.option("--integration", help="Only calls of this one, by name or id.")
@click.option("--format", "form", type=click.Choice(FORMATS), help="Default: by FILE, or jsonl.")
@click.option(
    "--output", default=STDOUT, show_default=True, metavar="FILE", help="Where to write; -: here."
)
@click.option("--replace", is_flag=True, help="Replace FILE if it exists.")
@as_json
def usage(
    *,
    start: datetime | None,
    end: datetime | None,
    integration: str | None,
    form: str | None,
    output: str,
    replace: bool,
    as_json: bool,
) -> None:
    """Export usage records in the order in which they were stored.

    What is stored while the command runs is not in it. Without days it exports all there is. CSV
    puts an apostrophe before texts that a spreadsheet would take for formulas; `andon ingest` takes
    it off again.
    """
    form = form or _form_of(output)
    if output == STDOUT and as_json:
        raise click.UsageError("--json needs --output FILE, since the records go where it would")
    if output == STDOUT and form == "parquet" and sys.stdout.isatty():
        raise click.UsageError("Parquet is no text; give --output FILE")
    _require_library(form)
    with connected() as api:
        asked = {
            "format": "csv" if form == "csv" else "jsonl",
            "period_start": start.date().isoformat() if start else None,
            "period_end": end.date().isoformat() if end else None,
            "integration_id": find_integration(api, integration)["id"] if integration else None,
        }
        if output == STDOUT:
            records = _write(api, asked, form, sys.stdout.buffer)
            click.echo(f"exported {records:,} records", err=True)
            return
        path = Path(output)
        with file_at(path, replace=replace) as file:
            records = _write(api, asked, form, file)
    _tell({"file": str(path.absolute()), "format": form, "records": records}, path, as_json)


def _form_of(output: str) -> str:
    ending = Path(output).suffix.lower().lstrip(".")
    return {"csv": "csv", "parquet": "parquet"}.get(ending, "jsonl")


def _require_library(form: str) -> None:
    """Tell what is missing before anything is asked for."""
    if form == "parquet":
        try:
            library.load()
        except library.ParquetMissing as fault:
            raise Failure(str(fault), "needs_extra") from None


def _write(api: Api, asked: dict[str, str | None], form: str, file: BinaryIO) -> int:
    sink: Sink = ParquetSink(ParquetWriter(file)) if form == "parquet" else TextSink(file, form)
    try:
        with api.stream("telemetry/llm-usage/export", **asked) as pieces:
            for piece in pieces:
                sink.feed(piece)
        return sink.close()
    except BaseException:
        sink.abandon()
        raise


def _tell(told: dict[str, str | int], path: Path, as_json: bool) -> None:
    told["bytes"] = path.stat().st_size
    if as_json:
        print_json(told)
    else:
        print_facts(told.items())
