"""Where the text of an export goes, and how many records it held."""

from __future__ import annotations

from typing import BinaryIO, Protocol

from andon.adapters.parquet.writing import ParquetWriter


class Sink(Protocol):
    """Takes the text of an export, cut anywhere."""

    def feed(self, text: bytes) -> None:
        """Take the next bytes."""
        ...

    def close(self) -> int:
        """Write what is left; give the number of records."""
        ...

    def abandon(self) -> None:
        """Leave the file without its end."""
        ...


class TextSink:
    """Writes the text as it comes, and counts its rows."""

    def __init__(self, file: BinaryIO, form: str) -> None:
        self._file = file
        self._is_csv = form == "csv"
        self._is_quoted = False
        self._rows = 0

    def feed(self, text: bytes) -> None:
        """Write; a line break within quotes ends no row of CSV."""
        self._file.write(text)
        if not self._is_csv:
            self._rows += text.count(b"\n")
            return
        for place, part in enumerate(text.split(b'"')):
            if place:
                self._is_quoted = not self._is_quoted
            if not self._is_quoted:
                self._rows += part.count(b"\n")

    def close(self) -> int:
        """Give the number of rows without the header."""
        self._file.flush()
        return self._rows - 1 if self._is_csv else self._rows

    def abandon(self) -> None:
        """Do nothing: text has no end of its own."""


class ParquetSink:
    """Makes Parquet of JSON Lines."""

    def __init__(self, writer: ParquetWriter) -> None:
        self._writer = writer

    def feed(self, text: bytes) -> None:
        """Take the next bytes of JSON Lines."""
        self._writer.feed(text)

    def close(self) -> int:
        """Write the end of the file."""
        self._writer.close()
        return self._writer.records

    def abandon(self) -> None:
        """Keep the file from looking whole."""
        self._writer.abandon()
