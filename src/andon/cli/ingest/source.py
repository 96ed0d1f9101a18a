"""A file's lines, numbered, of bounded length, whatever bytes it holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

LONGEST_LINE = 1 << 20
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Line:
    """One line without its end; `raw` is None when it is too long to be read."""

    number: int
    raw: bytes | None


@dataclass(frozen=True, slots=True)
class Source:
    """A file that is read once, from its beginning to its end."""

    file: BinaryIO
    moved: Callable[[int], None]

    def lines(self) -> Iterator[Line]:
        """Read line after line, telling `moved` how many bytes each took; memory is bounded."""
        number = 0
        while raw := self.file.readline(LONGEST_LINE + 1):
            number += 1
            self.moved(len(raw))
            if len(raw) > LONGEST_LINE and not raw.endswith(b"\n"):
                self._skip()
                yield Line(number, None)
                continue
            if number == 1:
                raw = raw.removeprefix(_BOM)
            yield Line(number, raw.rstrip(b"\r\n"))

    def _skip(self) -> None:
        while raw := self.file.readline(LONGEST_LINE):
            self.moved(len(raw))
            if raw.endswith(b"\n"):
                return
