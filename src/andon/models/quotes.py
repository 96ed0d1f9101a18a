"""Masking of long quotes in error texts: what a provider quotes at length is a user's prompt."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import count

_LONG_QUOTE_CHARS = 40
_DEEPEST = 4
_MOST_MARKS = 500  # no error has more; what stands behind them counts as one quote
# An apostrophe opens and closes only at the edge of a word; a backslash belongs to its quote.
_OPEN = re.compile(r"(?<!\\)\\{0,8}(?:[\"`“«]|(?<![\w\"'`\\])'|(?<=\\)')")
_CLOSERS = {"“": "”", "«": "»"}
# The values of these names are the provider's own words, in which the quotes are looked for.
_ENVELOPE = re.compile(
    r"(?:^|[\s{,(\"'])(?:message|msg|error|errors|detail|details|title|reason|description"
    r"|error_description|error_message|response_?[Bb]ody)\\{0,8}[\"']?"
    r"\s{0,4}(?::|=>|=)\s{0,4}[buf]?$"
)
_ENVELOPE_CHARS = 48
# An address, a type or a path is no prose: it says where, not what.
_ADDRESS = re.compile(r"(?!data:)(?=[^./]{0,100}[./])[A-Za-z0-9_.:/%@{}-]{1,200}")


def mask_quotes(text: str) -> str:
    """Replace each quote of 40 characters or more by `"[quoted N characters]"`.

    Addresses and dotted names stay. The message of a JSON error envelope is no quote: it is
    masked inside. A quote that never ends counts to the end of the text, unless an apostrophe
    opened it. Linear in the text.
    """
    return _mask(text, 0, count(1))


def _mask(text: str, depth: int, marks: Iterator[int]) -> str:
    parts: list[str] = []
    endless: set[str] = set()
    at = 0
    while (opened := _OPEN.search(text, at)) is not None:
        if next(marks) > _MOST_MARKS:
            return "".join(parts) + _masked_tail(text[at:])
        mark = opened.group()
        end = _find_end(text, opened.end(), mark, endless)
        parts.append(text[at : opened.end()])
        at = opened.end()
        if end is None:
            continue
        body, closed = text[at : end[0]], text[end[0] : end[1]]
        is_envelope = depth < _DEEPEST and _is_envelope(text, opened.start())
        parts[-1] = parts[-1][: len(parts[-1]) - len(mark)]
        if is_envelope:
            parts.append(mark + _mask(body, depth + 1, marks) + closed)
        else:
            parts.append(_masked_quote(mark, body, closed))
        at = end[1]
    parts.append(text[at:])
    return "".join(parts)


def _masked_quote(mark: str, body: str, closed: str) -> str:
    if len(body) < _LONG_QUOTE_CHARS or _ADDRESS.fullmatch(body):
        return mark + body + closed
    return _quoted(body)


def _masked_tail(text: str) -> str:
    return text if len(text) < _LONG_QUOTE_CHARS else _quoted(text)


def _quoted(text: str) -> str:
    return f'"[quoted {len(text)} characters]"'


def _is_envelope(text: str, start: int) -> bool:
    return _ENVELOPE.search(text[max(0, start - _ENVELOPE_CHARS) : start]) is not None


def _find_end(text: str, start: int, mark: str, endless: set[str]) -> tuple[int, int] | None:
    """Find where the closing quote begins and ends; None where an apostrophe opens nothing."""
    if mark in endless:
        return None
    pattern = _closer(mark)
    found = pattern.search(text, start)
    if found is not None:
        return found.span()
    if mark.endswith("'"):
        endless.add(mark)
        return None
    return len(text), len(text)


@lru_cache(maxsize=64)
def _closer(mark: str) -> re.Pattern[str]:
    quote = _CLOSERS.get(mark[-1], mark[-1])
    edge = r"(?!\w)" if quote == "'" else ""
    return re.compile(r"(?<!\\)" + re.escape(mark[:-1] + quote) + edge)
