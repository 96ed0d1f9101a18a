"""An export as a Parquet file, made from its JSON Lines a row group at a time."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

import msgspec

from andon.adapters.parquet.library import load
from andon.schemas.usage_file import CENTS, COUNTS, EXPORTED, OBJECTS

if TYPE_CHECKING:
    from typing_extensions import Buffer

GROUP_BYTES = 16 << 20
"""A row group takes so much of JSON Lines: tens of thousands of records as they mostly are."""

_TIMES = ("occurred_at", "created_at")
_CENT_DIGITS = 19
_CENT_DECIMALS = 7


def _field(name: str) -> tuple[str, Any]:
    if name in COUNTS:
        return name, int | None
    if name in OBJECTS:
        return name, msgspec.Raw
    return name, bool if name == "voided" else str | None


_Line: Any = msgspec.defstruct("_Line", [_field(name) for name in EXPORTED if name != CENTS])


class _Gate(io.RawIOBase):
    """Stands before a file: a writer of pyarrow's writes the end even when it is thrown away."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._written = 0
        self.is_shut = False

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._written

    def write(self, data: Buffer, /) -> int:
        size = memoryview(data).nbytes
        if not self.is_shut:
            self._file.write(data)
        self._written += size
        return size


class ParquetWriter:
    """Writes a file from front to back; memory stays bounded by one row group."""

    def __init__(self, file: BinaryIO) -> None:
        self._arrow, parquet = load()
        self._types = {name: self._type(name) for name in EXPORTED}
        self._schema = self._arrow.schema(list(self._types.items()))
        self._gate = _Gate(file)
        self._writer = parquet.ParquetWriter(self._gate, self._schema, compression="zstd")
        self._decode = msgspec.json.Decoder(_Line).decode_lines
        self._waiting = bytearray()
        self.records = 0

    def feed(self, text: bytes) -> None:
        """Take the next bytes of the JSON Lines, cut anywhere."""
        self._waiting += text
        if len(self._waiting) >= GROUP_BYTES:
            end = self._waiting.rfind(b"\n") + 1
            self._write(bytes(self._waiting[:end]))
            del self._waiting[:end]

    def close(self) -> None:
        """Write what is left and the file's end."""
        self._write(bytes(self._waiting))
        self._waiting.clear()
        self._writer.close()

    def abandon(self) -> None:
        """Write no more, so that what was begun is no whole file."""
        self._gate.is_shut = True
        self._writer.close()

    def _type(self, name: str) -> Any:
        arrow = self._arrow
        if name in COUNTS:
            return arrow.int64()
        if name == CENTS:
            return arrow.decimal128(_CENT_DIGITS, _CENT_DECIMALS)
        if name in _TIMES:
            return arrow.timestamp("us", "UTC")
        return arrow.bool_() if name == "voided" else arrow.string()

    def _write(self, text: bytes) -> None:
        lines = self._decode(text)
        if not lines:
            return
        columns = {name: self._column(name, lines) for name in EXPORTED if name != CENTS}
        columns[CENTS] = self._cents(columns["cost_nanousd"])
        arrays = [columns[name] for name in EXPORTED]
        self._writer.write_table(self._arrow.Table.from_arrays(arrays, schema=self._schema))
        self.records += len(lines)

    def _column(self, name: str, lines: Sequence[Any]) -> Any:
        values = [getattr(line, name) for line in lines]
        if name in OBJECTS:
            values = [_text(one) for one in values]
        if name in _TIMES:
            return self._arrow.array(values, self._arrow.string()).cast(self._types[name])
        return self._arrow.array(values, self._types[name])

    def _cents(self, nanousd: Any) -> Any:
        """Move the point: the same digits, exactly."""
        digits = nanousd.cast(self._arrow.decimal128(_CENT_DIGITS, 0))
        return self._arrow.Array.from_buffers(self._types[CENTS], len(digits), digits.buffers())


def _text(raw: msgspec.Raw) -> str | None:
    text = bytes(raw).decode()
    return None if text == "null" else text
