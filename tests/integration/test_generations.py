"""A key is new once, whatever generation begins while it is reported, on real connections."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.exc import DBAPIError

from andon.drivers.database import pieces
from andon.drivers.telemetry.columns import KEPT
from tests.integration.generations import DAYS, TENANT, Keys, aged_keys
from tests.servers.postgres import PostgresDatabase


class Undone(Exception):
    """Ends a transaction without its commit."""


@pytest.fixture
def keys(postgres_database: PostgresDatabase, tmp_path: Path) -> Iterator[Keys]:
    with aged_keys(postgres_database, tmp_path) as found:
        yield found


@pytest.fixture
def other() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


def _key() -> bytes:
    return secrets.token_bytes(16)


def test_a_new_generation_begins_after_its_days_and_not_before(keys: Keys) -> None:
    today = keys.switch()
    assert today is not None
    assert keys.switch() is None
    with keys.db.reading(directory=True) as tx:
        assert pieces.read(tx).generations == [today - 10, today]


def test_a_key_of_an_older_generation_is_known(keys: Keys) -> None:
    key, fresh = _key(), _key()
    assert keys.report(key)
    today = keys.switch()
    assert not keys.report(key)
    assert keys.report(fresh)
    assert keys.places(fresh) == [today]
    assert keys.places(key) == [(today or 0) - 10]


def test_known_keys_are_told_among_many_new_ones(keys: Keys) -> None:
    old, newer = _key(), _key()
    keys.report(old)
    keys.switch()
    keys.report(newer)
    many = [*(_key() for _ in range(500)), old, newer]
    with keys.db.writing(TENANT) as tx:
        assert set(keys.claim(tx, many)) == {old, newer}


@pytest.mark.parametrize("commit", [True, False])
def test_a_generation_waits_for_whoever_claims_in_the_one_before(
    keys: Keys, other: ThreadPoolExecutor, *, commit: bool
) -> None:
    key = _key()
    begun: list[Future[int | None]] = []

    with suppress(Undone), keys.db.writing(TENANT) as tx:
        assert keys.claim(tx, [key]) == {}
        begun.append(other.submit(keys.switch))
        keys.await_waiting()
        assert not begun[0].done()
        if not commit:
            raise Undone
    today = begun[0].result(10)
    assert today is not None
    assert keys.report(key) is not commit
    assert keys.places(key) == [today - 10 if commit else today]


@pytest.mark.parametrize("commit", [True, False])
def test_whoever_claims_waits_for_a_generation_that_begins(
    keys: Keys, other: ThreadPoolExecutor, *, commit: bool
) -> None:
    key, today = _key(), 0
    waiting: list[Future[bool]] = []
    with suppress(Undone), keys.db.writing() as tx:
        today = pieces.begin_generation(tx, DAYS) or 0
        waiting.append(other.submit(keys.report, key))
        keys.await_waiting()
        assert not waiting[0].done()
        if not commit:
            raise Undone
    assert waiting[0].result(10)
    assert keys.places(key) == [today if commit else today - 10]
    assert not keys.report(key)


@pytest.mark.parametrize("first_kept", [True, False])
@pytest.mark.parametrize("commit", [True, False])
def test_a_backfill_and_a_timely_report_of_one_call(
    keys: Keys, other: ThreadPoolExecutor, *, commit: bool, first_kept: bool
) -> None:
    keys.switch()
    key = _key()
    waiting: list[Future[bool]] = []
    with suppress(Undone), keys.db.writing(TENANT) as tx:
        assert keys.claim(tx, [key], kept=first_kept) == {}
        waiting.append(other.submit(keys.report, key, kept=not first_kept))
        keys.await_waiting()
        assert not waiting[0].done()
        if not commit:
            raise Undone
    assert waiting[0].result(10) is not commit
    (place,) = keys.places(key)
    assert (place == KEPT) is (first_kept is commit)


@pytest.mark.parametrize("commit", [True, False])
def test_two_timely_reports_of_one_call(
    keys: Keys, other: ThreadPoolExecutor, *, commit: bool
) -> None:
    key = _key()
    waiting: list[Future[bool]] = []
    with suppress(Undone), keys.db.writing(TENANT) as tx:
        assert keys.claim(tx, [key]) == {}
        waiting.append(other.submit(keys.report, key))
        keys.await_waiting()
        if not commit:
            raise Undone
    assert waiting[0].result(10) is not commit
    assert len(keys.places(key)) == 1


def test_groups_of_different_keys_do_not_wait_for_each_other(keys: Keys) -> None:
    with keys.db.writing(TENANT) as first, keys.db.writing(TENANT) as second:
        assert keys.claim(first, [_key()]) == {}
        assert keys.claim(second, [_key()]) == {}


def test_a_generation_is_dropped_with_its_keys_and_backfills_stay(keys: Keys) -> None:
    timely, backfill = _key(), _key()
    keys.report(timely)
    keys.report(backfill, kept=True)
    today = keys.switch()
    assert today is not None
    with keys.db.writing() as tx:
        assert pieces.drop_generation(tx, today - 10)
        assert not pieces.drop_generation(tx, today - 10)
    assert keys.report(timely)
    assert not keys.report(backfill)


@pytest.mark.parametrize("days_ago", [0, 1, KEPT])
def test_what_is_in_use_is_not_dropped(keys: Keys, days_ago: int) -> None:
    today = keys.switch()
    assert today is not None
    wanted = KEPT if days_ago == KEPT else today - days_ago
    if wanted == today:
        with pytest.raises(DBAPIError, match="in use"), keys.db.writing() as tx:
            pieces.drop_generation(tx, wanted)
    else:
        with keys.db.writing() as tx:
            assert not pieces.drop_generation(tx, wanted)
    with keys.db.reading(directory=True) as tx:
        assert len(pieces.read(tx).generations) == 2


def test_the_service_reaches_keys_through_the_whole_alone(keys: Keys) -> None:
    key = _key()
    keys.report(key)
    with psycopg.connect(keys.database.service_dsn) as service:
        with keys.db.reading(directory=True) as tx:
            (generation,) = pieces.read(tx).generations
        for name in (f"usage_keys_{generation}", "usage_keys_kept"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                service.execute(f"SELECT * FROM {name}".encode())
            service.rollback()
