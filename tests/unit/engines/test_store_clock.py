"""The embedded store's clock follows the process's and never falls behind what is stored."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import create_engine

from andon.drivers.database import Database


def database(clock_us: Callable[[], int]) -> Database:
    nowhere = create_engine("sqlite://")
    return Database("sqlite", nowhere, nowhere, clock_us, 1.0)


def test_a_step_back_of_the_clock_is_not_followed() -> None:
    steps = iter([100, 250, 90, 249, 251])
    store = database(lambda: next(steps))
    assert [store.now_us() for _ in range(5)] == [100, 250, 250, 250, 251]


def test_a_restart_goes_on_from_the_latest_time_stored() -> None:
    store = database(lambda: 100)
    store.raise_floor(700)
    assert store.now_us() == 700
    store.raise_floor(300)
    assert store.now_us() == 700
