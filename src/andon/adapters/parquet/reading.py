"""Any Parquet file as rows of plain values, a batch at a time, whatever its types are."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime
from typing import Any, BinaryIO

from andon.adapters.parquet.library import Library, ParquetRefused, load

BATCH_RECORDS = 1_000
_BUFFER_BYTES = 1 << 20


class Unreadable:
    """Stands where a value is that Python has no form for."""


UNREADABLE = Unreadable()

Row = dict[str, Any]


class ParquetFile:
    """An open file; memory stays bounded however large its row groups are."""

    def __init__(self, file: BinaryIO) -> None:
        self._library = load()
        try:
            self._file = self._library.parquet.ParquetFile(
                file, pre_buffer=False, buffer_size=_BUFFER_BYTES
            )
        except (self._library.arrow.ArrowException, OSError):
            raise ParquetRefused("the file is no Parquet file, or its end is missing") from None
        self.records = int(self._file.metadata.num_rows)
        self.columns: list[str] = list(self._file.schema_arrow.names)

    def batches(self) -> Iterator[list[Row]]:
        """Read row after row, those of a batch together."""
        arrow = self._library.arrow
        batches = self._file.iter_batches(BATCH_RECORDS, use_threads=False)
        while True:
            try:
                batch = next(batches, None)
            except (arrow.ArrowException, OSError):
                raise ParquetRefused("the file is damaged in its middle") from None
            if batch is None:
                return
            columns = [_values(self._library, column) for column in batch.columns]
            yield [dict(zip(self.columns, row, strict=True)) for row in zip(*columns, strict=True)]


def _values(library: Library, column: Any) -> list[Any]:
    arrow = library.arrow
    if arrow.types.is_timestamp(column.type) and column.type.unit == "ns":
        # Beyond microseconds a time is cut, as the API does.
        column = column.cast(arrow.timestamp("us", column.type.tz), safe=False)
    try:
        return [_plain(value) for value in column.to_pylist(maps_as_pydicts="lossy")]
    except (ValueError, OverflowError, KeyError):
        return [_one(scalar) for scalar in column]


def _one(scalar: Any) -> Any:
    try:
        return _plain(scalar.as_py(maps_as_pydicts="lossy"))
    except (ValueError, OverflowError, KeyError):
        return UNREADABLE


def _plain(value: Any) -> Any:
    """Give a value as JSON has it; members of a struct that are null are absent."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, float) and math.isnan(value):
        return None
    return value
