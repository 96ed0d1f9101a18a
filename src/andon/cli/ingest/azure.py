"""The Azure LLM inference trace as a file of usage records."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

from andon.adapters import traces
from andon.cli.failures import Failure
from andon.cli.ingest.entries import Bad, Defaults, Entry
from andon.cli.ingest.occurrences import Occurrences
from andon.cli.ingest.source import Source
from andon.cli.ingest.table import read_rows


@dataclass(frozen=True, slots=True)
class Trace:
    """Rows of the trace; the defaults say all that it does not."""

    defaults: Defaults

    def read(self, source: Source) -> Iterator[Entry | Bad]:
        """Read a file from its beginning."""
        with closing(Occurrences()) as seen:
            for row in read_rows(source, _check):
                yield row if isinstance(row, Bad) else self._read(row[0], row[1], seen)

    def _read(self, number: int, cells: dict[str, str], seen: Occurrences) -> Entry | Bad:
        try:
            row = traces.read_row(cells)
        except traces.RowRefused as refused:
            return Bad(number, "malformed_row", str(refused))
        named = self.defaults.fields()
        integration_id = named["integration_id"]
        digest = traces.digest_of(row)
        call_id = traces.call_id_of(integration_id, digest, seen.count(digest))
        fields = traces.usage_of(row, call_id, integration_id, named["provider"], named["model"])
        return Entry(
            number,
            json.dumps(fields),
            call_id,
            integration_id,
            row.tokens_in,
            row.tokens_out,
            row.occurred_at,
        )


def _check(columns: list[str]) -> None:
    missing = [name for name in traces.COLUMNS if name not in columns]
    if missing:
        raise Failure(f"the file has no column {', '.join(missing)}", "bad_header")
