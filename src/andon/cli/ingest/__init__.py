"""`andon ingest`: report the calls of a file, exactly once however often it is run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from andon.cli.connection import Api, connected
from andon.cli.failures import INTERRUPTED, Failure
from andon.cli.ingest import azure, own, parquet, report
from andon.cli.ingest.costs import Costs
from andon.cli.ingest.entries import Defaults, Entries
from andon.cli.ingest.progress import progress_of
from andon.cli.ingest.sending import Imports, Sender, send_all
from andon.cli.ingest.source import Source
from andon.cli.ingest.tally import Tally
from andon.cli.integrations import find_integration
from andon.cli.options import as_json
from andon.sdk.retries import Retries

FORMATS = ("andon", "azure-llm-trace", "parquet")
TYPES = ("jsonl", "csv", "parquet")
PATIENT = Retries(tries=8, first_seconds=0.25)
"""Half a minute or so: enough for a server to start again."""

_ENDINGS = {"jsonl": "jsonl", "ndjson": "jsonl", "csv": "csv", "parquet": "parquet"}

AGAIN = "run the same command again to go on; nothing is counted twice"


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--format", "form", type=click.Choice(FORMATS), default="andon", show_default=True)
@click.option("--type", "kind", type=click.Choice(TYPES), help="Default: by the file's extension.")
@click.option("--integration", help="Name or id, for records that name none.")
@click.option("--model", help="Model of records that name none.")
@click.option("--provider", help="Provider of records that name none; default: the integration's.")
@click.option(
    "--map-integration",
    "mapped",
    multiple=True,
    metavar="ID=NAME",
    help="Another integration, by name or id, for records that name ID; may be repeated.",
)
@as_json
@click.pass_context
def ingest(
    ctx: click.Context,
    *,
    file: Path,
    form: str,
    kind: str | None,
    integration: str | None,
    model: str | None,
    provider: str | None,
    mapped: tuple[str, ...],
    as_json: bool,
) -> None:
    """Report the calls in FILE, exactly once however often it is run.

    The format `andon` takes JSON Lines of usage records, or CSV or Parquet with their fields as
    columns, and what `andon export usage` wrote; `azure-llm-trace` takes CSV with TIMESTAMP,
    ContextTokens and GeneratedTokens, and needs --integration and --model. Exit status 0 when no
    record was rejected.
    """
    kind = _kind(file, form, kind)
    if form == "azure-llm-trace" and not (integration and model):
        raise click.UsageError("azure-llm-trace needs --integration and --model")
    tally = Tally()
    try:
        with connected() as connection:
            api = replace(connection, retries=PATIENT)
            defaults = Defaults.resolve(api, integration, model, provider)
            defaults = replace(defaults, mapped=_mapped(api, mapped))
            costs = Costs(api)
            imports = Imports(api, file.name)
            sender = Sender(api, imports)
            _run(sender, file, _entries(form, kind, defaults), costs, tally)
            found = report.read(tally, costs, imports.id)
    except KeyboardInterrupt:
        click.echo(f"interrupted after {tally.told()}; {AGAIN}", err=True)
        ctx.exit(INTERRUPTED)
    report.show(found, as_json=as_json)
    ctx.exit(1 if tally.rejected else 0)


def _kind(file: Path, form: str, kind: str | None) -> str:
    ending = file.suffix.lower().lstrip(".")
    if form == "parquet":
        if kind not in (None, "parquet"):
            raise click.UsageError("--format parquet and --type contradict each other")
        return "parquet"
    kind = kind or _ENDINGS.get(ending)
    if form == "azure-llm-trace":
        if kind in ("jsonl", "parquet"):
            raise click.UsageError("azure-llm-trace is CSV")
        return "csv"
    if kind is None:
        raise click.UsageError("the file's extension does not tell its type; give --type")
    return kind


def _mapped(api: Api, asked: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for one in asked:
        before, _, after = one.partition("=")
        if not (before and after):
            raise click.UsageError("--map-integration takes ID=NAME")
        found[before] = find_integration(api, after)["id"]
    return found


def _entries(form: str, kind: str, defaults: Defaults) -> Entries:
    if form == "azure-llm-trace":
        return azure.Trace(defaults)
    if kind == "parquet":
        return parquet.ParquetRecords(defaults)
    return own.CsvRecords(defaults) if kind == "csv" else own.JsonRecords(defaults)


def _run(sender: Sender, file: Path, entries: Entries, costs: Costs, tally: Tally) -> None:
    with file.open("rb") as opened, progress_of(opened, file.name) as moved:
        try:
            send_all(sender, entries.read(Source(opened, moved)), costs, tally)
        except Failure as fault:
            if tally.calls:
                fault.advice = f"({tally.told()}; {AGAIN})"
            raise
