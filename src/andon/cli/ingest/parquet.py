"""Andon's own format as Parquet: columns are fields, objects are JSON text, maps or structs."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from andon.adapters.parquet.library import ParquetMissing, ParquetRefused
from andon.adapters.parquet.reading import UNREADABLE, ParquetFile
from andon.cli.failures import Failure
from andon.cli.ingest.entries import Bad, Defaults, Entry, Skipped
from andon.cli.ingest.occurrences import Occurrences
from andon.cli.ingest.own import check_columns, made_entry, read_cell
from andon.cli.ingest.source import Source
from andon.schemas.usage_file import COUNTS, MADE, OBJECTS
from andon.sdk.encoding import to_json


@dataclass(frozen=True, slots=True)
class ParquetRecords:
    """Rows of a Parquet file; a file without call_ids must say when each call was.

    A call_id is then made of what the row says and how often it was there before, so that a
    second run, a renamed file and one that has grown find their own.
    """

    defaults: Defaults

    def read(self, source: Source) -> Iterator[Entry | Bad | Skipped]:
        """Read a file from its beginning."""
        try:
            file = ParquetFile(source.file)
            if len(set(file.columns)) != len(file.columns):
                raise Failure("two columns of the file have the same name", "bad_header")
            check_columns(file.columns, self.defaults, derived="occurred_at" in file.columns)
            yield from self._rows(file, source)
        except ParquetMissing as fault:
            raise Failure(str(fault), "needs_extra") from None
        except ParquetRefused as fault:
            raise Failure(str(fault), "not_parquet") from None

    def _rows(self, file: ParquetFile, source: Source) -> Iterator[Entry | Bad | Skipped]:
        number = 0
        moved = _Moved(source, file.records)
        with closing(Occurrences()) as seen:
            for batch in file.batches():
                for row in batch:
                    number += 1
                    yield self._read(number, row, seen)
                moved.tell(number)

    def _read(self, number: int, row: dict[str, Any], seen: Occurrences) -> Entry | Bad | Skipped:
        record = _record(number, row)
        if isinstance(record, Bad):
            return record
        found = {**self.defaults.fields(), **record}
        if "call_id" not in row:
            try:
                digest = _digest(record)
            except (ValueError, TypeError, RecursionError):
                return Bad(number, "malformed_cell", "the row holds what JSON cannot, NaN for one")
            named = str(found.get("integration_id"))
            found["call_id"] = _call_id(named, digest, seen.count(digest))
        return made_entry(number, found, self.defaults, is_export=row.keys() >= MADE)


class _Moved:
    """Tells how far a file was read; where in it rows stand is not known, so all count the same."""

    def __init__(self, source: Source, records: int) -> None:
        self._source = source
        self._size = source.file.seek(0, os.SEEK_END)
        self._records = max(records, 1)
        self._told = 0

    def tell(self, number: int) -> None:
        moved = self._size * number // self._records
        self._source.moved(moved - self._told)
        self._told = moved


def _record(number: int, row: dict[str, Any]) -> dict[str, Any] | Bad:
    record: dict[str, Any] = {}
    for name, cell in row.items():
        if cell is UNREADABLE:
            return Bad(number, "malformed_cell", f"{name} holds what cannot be read")
        if cell is not None:
            record[name] = _value(name, cell)
            if name in OBJECTS and not isinstance(record[name], dict):
                return Bad(number, "malformed_cell", f"{name} is not a JSON object")
    return record


def _value(name: str, cell: object) -> object:
    """Read a cell as its field's kind; whole numbers that came as floats are whole numbers."""
    if isinstance(cell, str):
        return read_cell(name, cell)
    if name in COUNTS and isinstance(cell, float) and cell.is_integer():
        return int(cell)
    return cell


def _digest(record: dict[str, Any]) -> bytes:
    """Digest what a row says, in whichever order its columns stand."""
    text = to_json({name: record[name] for name in sorted(record)})
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def _call_id(integration_id: str, digest: bytes, nth: int) -> str:
    text = f"parquet\0{integration_id}\0{digest.hex()}\0{nth}"
    return f"row-{hashlib.blake2b(text.encode(), digest_size=20).hexdigest()}"
