"""The reading of a trace that `test_sync` relies on sees an answer that came too early."""

from __future__ import annotations

import pytest

from tests.durability.trace import calls_of, why_not_durable

_ARRIVES = '7 recvfrom(13<socket:[1]>, "POST / mark-1", 65536, 0, NULL, NULL) = 20'
_WRITES = '8 pwrite64(5</home/andon.db-wal>, "\\0", 4096, 8192) = 4096'
_SYNCS = "8 fdatasync(5</home/andon.db-wal>) = 0"
_SYNC_BEGINS = "8 fdatasync(5</home/andon.db-wal> <unfinished ...>"
_SYNC_ENDS = "8 <... fdatasync resumed>) = 0"
_SYNC_FAILS = "8 fdatasync(5</home/andon.db-wal>) = -1 EIO (Input/output error)"
_SYNCS_ANOTHER = "8 fdatasync(6</home/andon.db>) = 0"
_ANSWERS = '7 sendto(13<socket:[1]>, "HTTP/1.1 200 OK accepted", 20, 0, NULL, 0) = 20'


@pytest.mark.parametrize(
    "lines",
    [
        [_ARRIVES, _WRITES, _SYNCS, _ANSWERS],
        [_ARRIVES, _WRITES, _SYNC_BEGINS, _SYNC_ENDS, _ANSWERS],
        [_ARRIVES, _WRITES, _WRITES, _SYNCS, _ANSWERS],
        [_ARRIVES, _WRITES, _SYNCS, _WRITES, _SYNCS, _ANSWERS],
        [_ARRIVES, _WRITES, _SYNCS, _WRITES, _ANSWERS],
    ],
)
def test_synced_before_the_answer_is_durable(lines: list[str]) -> None:
    assert why_not_durable(calls_of(lines), "mark-1", "accepted") is None


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([_WRITES, _SYNCS, _ANSWERS], "arrival"),
        ([_ARRIVES, _WRITES, _SYNCS], "answer was not seen"),
        ([_ARRIVES, _SYNCS, _ANSWERS], "nothing was written"),
        ([_ARRIVES, _WRITES, _ANSWERS], "not synced"),
        ([_ARRIVES, _WRITES, _ANSWERS, _SYNCS], "not synced"),
        ([_ARRIVES, _SYNCS, _WRITES, _ANSWERS], "not synced"),
        ([_ARRIVES, _WRITES, _SYNCS, _WRITES, _WRITES, _ANSWERS], "not synced"),
        ([_ARRIVES, _WRITES, _SYNC_BEGINS, _ANSWERS, _SYNC_ENDS], "not synced"),
        ([_ARRIVES, _WRITES, _SYNC_FAILS, _ANSWERS], "not synced"),
        ([_ARRIVES, _WRITES, _SYNCS_ANOTHER, _ANSWERS], "not synced"),
    ],
)
def test_an_answer_too_early_is_found(lines: list[str], reason: str) -> None:
    assert reason in (why_not_durable(calls_of(lines), "mark-1", "accepted") or "")
