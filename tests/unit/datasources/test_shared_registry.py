"""One registry serves a whole process, from any number of threads."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

import pytest

from andon.schemas import datasource_model
from andon.schemas.datasource_model import (
    CustomerDataSource,
    DataSourceConfig,
    DataSourceError,
    DataSourceRegistry,
    DataSourceType,
    create_datasource,
    get_datasource,
    get_datasource_registry,
    list_datasources,
)

THREADS = 16
T = TypeVar("T")


@pytest.fixture(autouse=True)
def _eager_switching() -> Iterator[None]:
    """Let threads interrupt each other often, so that a missing lock is seen."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    datasource_model._reset_registry()
    yield
    datasource_model._reset_registry()


def at_once(act: Callable[[int], T]) -> list[T]:
    """Run `act` in every thread, all let go at the same moment."""
    barrier = Barrier(THREADS)

    def run(number: int) -> T:
        barrier.wait(timeout=30)
        return act(number)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(run, range(THREADS)))


def attempt(act: Callable[[], T]) -> T | None:
    try:
        return act()
    except DataSourceError:
        return None


def test_the_registry_is_one_until_it_is_reset() -> None:
    first = get_datasource_registry()
    assert get_datasource_registry() is first
    datasource_model._reset_registry()
    assert get_datasource_registry() is not first


def test_every_thread_gets_the_same_registry() -> None:
    assert len({id(registry) for registry in at_once(lambda _: get_datasource_registry())}) == 1


def test_a_source_is_created_found_and_listed() -> None:
    config = DataSourceConfig(host="db")
    made = create_datasource(
        "acme", "orders", DataSourceType.DATABASE, config, "Orders", ["eu"], "usr_1", "ds_1"
    )
    create_datasource("other", "mail", DataSourceType.API)
    assert get_datasource("ds_1") is made
    assert get_datasource("ds_2") is None
    assert (made.config, made.tags, made.owner_id) == (config, ["eu"], "usr_1")
    assert [source.name for source in list_datasources()] == ["mail", "orders"]
    assert list_datasources("acme") == [made]
    assert list_datasources("acme", DataSourceType.API) == []


def test_the_short_list_is_not_cut() -> None:
    for number in range(101):
        create_datasource("acme", f"source {number}", DataSourceType.FILE)
    assert len(list_datasources("acme")) == 101


def test_of_many_threads_one_gets_the_name() -> None:
    registry = DataSourceRegistry()
    for round_ in range(20):
        name = f"orders {round_}"

        def register(_: int, name: str = name) -> CustomerDataSource | None:
            return attempt(lambda: registry.register("acme", name, DataSourceType.DATABASE))

        winners = [made for made in at_once(register) if made is not None]
        assert [registry.get_by_name("acme", name)] == winners


def test_of_many_threads_one_gets_the_id() -> None:
    registry = DataSourceRegistry()

    def register(number: int) -> CustomerDataSource | None:
        kind = DataSourceType.DATABASE
        return attempt(lambda: registry.register(f"tenant {number}", "a", kind, source_id="ds_1"))

    winners = [made for made in at_once(register) if made is not None]
    assert registry.list() == winners
    assert len(winners) == 1


def test_of_many_renames_onto_one_name_one_wins() -> None:
    registry = DataSourceRegistry()
    for number in range(THREADS):
        registry.register("acme", f"old {number}", DataSourceType.FILE, source_id=f"ds_{number}")
    at_once(lambda number: attempt(lambda: registry.update(f"ds_{number}", name="new")))
    assert [source.name for source in registry.list()].count("new") == 1


def test_different_names_all_get_in_while_others_read() -> None:
    registry = DataSourceRegistry()

    def work(number: int) -> None:
        for step in range(20):
            made = registry.register("acme", f"{number} {step}", DataSourceType.STREAM)
            registry.activate(made.source_id)
            registry.list("acme")
            registry.get_statistics()
            if step % 2:
                registry.delete(made.source_id)

    at_once(work)
    assert registry.get_statistics("acme").active_sources == THREADS * 10
