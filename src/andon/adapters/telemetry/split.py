"""Take a broken batch apart, so that a bad record is refused alone."""

from __future__ import annotations

import re
from itertools import islice

from andon.adapters.telemetry.refusals import MAX_RECORDS, no_json, too_large

_HEAD = re.compile(rb'[ \t\r\n]*+\{[ \t\r\n]*+"records"[ \t\r\n]*+:[ \t\r\n]*+\[')
_TAIL = re.compile(rb"[ \t\r\n]*+\}[ \t\r\n]*+")
# A text without an end is one token, so that it is walked over once.
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|[{}\[\],]', re.DOTALL)
_MAX_TOKENS = 50_000  # what 100 ordinary records have twice over
_OPENER = {b"}": b"{", b"]": b"["}


def split_batch(body: bytes) -> list[bytes]:
    """Cut out the text of each record; raise BatchRefused where the envelope itself is broken.

    Brackets that do not match close up to the nearest one of their kind, and one that closes
    nothing within a record is passed over, so that a fault stays in its record. Linear, without
    recursion, and bounded: beyond 50,000 texts and marks the body counts as broken.
    """
    head = _HEAD.match(body)
    if head is None:
        raise no_json()
    slices: list[bytes] = []
    start = head.end()
    stack: list[bytes] = []
    for token in islice(_TOKEN.finditer(body, start), _MAX_TOKENS):
        mark = token.group()
        if mark in (b"{", b"["):
            stack.append(mark)
        elif mark in _OPENER and stack:
            _close(stack, _OPENER[mark])
        elif not stack and mark in (b",", b"]"):
            slices.append(body[start : token.start()].strip(b" \t\r\n"))
            start = token.end()
            if len(slices) > MAX_RECORDS:
                raise too_large()
            if mark == b"]":
                return _finish(slices, body, start)
    raise no_json()


def _close(stack: list[bytes], opener: bytes) -> None:
    for place in range(len(stack) - 1, -1, -1):
        if stack[place] == opener:
            del stack[place:]
            return


def _finish(slices: list[bytes], body: bytes, end: int) -> list[bytes]:
    if _TAIL.fullmatch(body, end) is None:
        raise no_json()
    return [] if slices == [b""] else slices
