"""A request is sent again a bounded number of times, with pauses that the server may set."""

from __future__ import annotations

import httpx2
import pytest

from andon.sdk.retries import Retries, retry_after_seconds


def answers(*found: httpx2.Response | Exception) -> tuple[Retries, list[float], object]:
    slept: list[float] = []
    waiting = list(found)

    def send() -> httpx2.Response:
        one = waiting.pop(0)
        if isinstance(one, Exception):
            raise one
        return one

    retries = Retries(tries=3, first_seconds=1.0, sleep=slept.append, spread=lambda: 1.0)
    return retries, slept, send


BUSY = httpx2.Response(503, headers={"Retry-After": "7"})
DONE = httpx2.Response(200)


def run(*found: httpx2.Response | Exception) -> tuple[httpx2.Response, list[float]]:
    retries, slept, send = answers(*found)
    assert callable(send)
    return retries.run(send), slept


def test_first_answer_is_kept() -> None:
    assert run(DONE) == (DONE, [])


def test_refusal_is_kept_at_once() -> None:
    refused = httpx2.Response(422)
    assert run(refused) == (refused, [])


def test_pause_is_as_long_as_the_server_says() -> None:
    assert run(BUSY, DONE) == (DONE, [7.0])


def test_pauses_grow_after_lost_connections() -> None:
    lost = httpx2.ConnectError("refused")
    assert run(lost, httpx2.ReadTimeout("late"), DONE) == (DONE, [1.0, 2.0])


def test_last_failure_is_the_callers() -> None:
    lost = httpx2.ConnectError("refused")
    with pytest.raises(httpx2.ConnectError):
        run(lost, lost, lost)
    assert run(BUSY, BUSY, BUSY)[0] is BUSY


def test_what_can_never_be_sent_is_not_tried_again() -> None:
    with pytest.raises(httpx2.UnsupportedProtocol):
        run(httpx2.UnsupportedProtocol("ftp"), DONE)


@pytest.mark.parametrize(
    ("header", "seconds"), [("5", 5.0), ("99999999999", 60.0), ("soon", 0.0), ("-1", 0.0)]
)
def test_retry_after_is_bounded(header: str, seconds: float) -> None:
    answer = httpx2.Response(503, headers={"Retry-After": header})
    assert retry_after_seconds(answer) == seconds
