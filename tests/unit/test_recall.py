"""Answers of the store are remembered for a short time, and asked for once for all who wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from andon.runtime.recall import Recall


class Store:
    """A store whose answers a test lets through one by one, and a clock that it sets."""

    def __init__(self) -> None:
        self.now = 100.0
        self.asked = 0
        self.answers: list[asyncio.Future[int]] = []
        self.recall: Recall[str, int] = Recall(
            lambda: self.now, lambda work: asyncio.ensure_future(work), 1.0, 3
        )

    async def ask(self) -> int:
        self.asked += 1
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.answers.append(answer)
        return await answer

    def get(self, key: str = "key") -> asyncio.Task[int]:
        return asyncio.ensure_future(self.recall.get(key, self.ask))

    async def answered(self, value: int, key: str = "key") -> int:
        waiting = self.get(key)
        await settle()
        self.answers[-1].set_result(value)
        return await waiting


async def settle() -> None:
    """Let everything run that can."""
    for _ in range(10):
        await asyncio.sleep(0)


Test = Callable[[Store], Coroutine[Any, Any, None]]


def run(test: Test) -> None:
    async def with_store() -> None:
        await test(Store())

    asyncio.run(with_store())


def test_all_who_wait_for_a_key_ask_once() -> None:
    async def test(store: Store) -> None:
        waiting = [store.get() for _ in range(64)]
        await settle()
        assert store.asked == 1
        store.answers[0].set_result(7)
        assert await asyncio.gather(*waiting) == [7] * 64

    run(test)


def test_an_answer_is_trusted_for_its_time_from_when_it_was_asked_for() -> None:
    async def test(store: Store) -> None:
        waiting = store.get()
        await settle()
        store.now += 0.4
        store.answers[0].set_result(7)
        await waiting
        store.now += 0.59
        assert await store.recall.get("key", store.ask) == 7
        store.now += 0.02
        assert await store.answered(8) == 8

    run(test)


def test_a_busy_key_is_renewed_before_its_time_is_over() -> None:
    async def test(store: Store) -> None:
        await store.answered(7)
        store.now += 0.6
        assert await store.recall.get("key", store.ask) == 7
        await settle()
        assert store.asked == 2
        store.answers[1].set_result(8)
        await settle()
        store.now += 0.45
        assert await store.recall.get("key", store.ask) == 8

    run(test)


def test_what_is_asked_for_when_all_is_forgotten_is_not_remembered() -> None:
    async def test(store: Store) -> None:
        before = store.get()
        await settle()
        store.recall.forget()
        after = store.get()
        await settle()
        assert store.asked == 2
        store.answers[1].set_result(2)
        store.answers[0].set_result(1)
        assert (await before, await after) == (1, 2)
        assert await store.recall.get("key", store.ask) == 2

    run(test)


def test_an_error_is_told_to_all_and_not_remembered() -> None:
    async def test(store: Store) -> None:
        waiting = [store.get(), store.get()]
        await settle()
        store.answers[0].set_exception(PermissionError())
        found = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(one) for one in found] == [PermissionError] * 2
        assert await store.answered(3) == 3

    run(test)


def test_a_renewal_that_is_refused_ends_the_trust_at_once() -> None:
    async def test(store: Store) -> None:
        await store.answered(7)
        store.now += 0.6
        await store.recall.get("key", store.ask)
        await settle()
        store.answers[1].set_exception(PermissionError())
        await settle()
        waiting = store.get()
        await settle()
        assert store.asked == 3
        store.answers[2].set_exception(PermissionError())
        with pytest.raises(PermissionError):
            await waiting

    run(test)


def test_one_who_gives_up_takes_nothing_from_the_others() -> None:
    async def test(store: Store) -> None:
        first, second = store.get(), store.get()
        await settle()
        first.cancel()
        await settle()
        store.answers[0].set_result(7)
        assert await second == 7

    run(test)


def test_it_does_not_grow_without_end() -> None:
    async def test(store: Store) -> None:
        for number in range(10):
            await store.answered(number, f"key-{number}")
        assert len(store.recall) <= 3

    run(test)
