"""A restore puts a whole, known state in the store's place, or leaves everything as it was."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from andon import errors
from andon.app import clock_us
from andon.runtime import backup
from andon.settings import Settings
from tests.integration.backups import command
from tests.integration.doors import Door, new_integration
from tests.integration.records import report_all, usage
from tests.integration.serving import Andon, fresh_store, serving
from tests.servers.andon import AndonServer
from tests.servers.stores import SqliteStore

RECORDS = 30


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a backup of a store with records; tests copy it before they change it."""
    folder = tmp_path_factory.mktemp("made")
    with fresh_store("sqlite", folder, None) as store, serving(store) as andon:
        _report(andon, RECORDS)
        return Path(shutil.copy2(andon.root.make("backup")["path"], folder / "backup.db"))


def _report(andon: Andon, count: int) -> None:
    integration_id = new_integration(andon.root)
    report_all(andon.root, [usage(integration_id) for _ in range(count)])


def _store(home: Path, count: int) -> SqliteStore:
    """Make a store that has so many records and that no process holds."""
    store = SqliteStore(home)
    with serving(store) as andon:
        _report(andon, count)
    return store


def _killed(home: Path, count: int) -> SqliteStore:
    """Make a store whose records are still in the journal, because its server was killed."""
    store = SqliteStore(home)
    with AndonServer.start(store) as server:
        door = Door(server.client(), server.key)
        report_all(door, [usage(new_integration(door)) for _ in range(count)])
        server.kill()
    assert store.path.with_name("andon.db-wal").stat().st_size > 0
    return store


def _restore(home: Path, file: Path, *, replace: bool = False) -> dict[str, Any]:
    return backup.restore(Settings(home=home), file, replace=replace, clock_us=clock_us)


def _records(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("SELECT sum(records) FROM blocks").fetchone()[0])


def test_a_backup_becomes_the_store(made: Path, tmp_path: Path) -> None:
    done = _restore(tmp_path / "home", made)
    assert (done["records"], done["tenants"], done["kept"]) == (RECORDS, 1, None)
    assert not done["needs_migration"]
    path = tmp_path / "home" / "andon.db"
    assert done["path"] == str(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_bytes() == made.read_bytes()
    with serving(SqliteStore(tmp_path / "home")) as andon:
        assert andon.root.read("telemetry/usage-summary")["total_calls"] == RECORDS
        _report(andon, 1)


def test_the_command_says_what_is_back(made: Path, tmp_path: Path) -> None:
    done = command("restore", made, home=tmp_path / "home")
    assert done.status == 0, done.err
    assert [line.split()[0] for line in done.out.splitlines()] == [
        "store",
        "state",
        "records",
        "tenants",
    ]
    assert str(RECORDS) in done.out


def test_a_store_that_a_server_holds_is_left_alone(made: Path, tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "home")
    with AndonServer.start(store):
        done = command("restore", made, "--replace", home=store.home)
        assert (done.status, done.out) == (1, "")
        assert "stop it" in done.err
        assert "[home_in_use]" in done.err
    assert not list(store.home.glob("*.replaced-*"))


def test_a_store_that_is_there_is_not_overwritten(made: Path, tmp_path: Path) -> None:
    store = _store(tmp_path / "home", 3)
    done = command("restore", made, home=store.home)
    assert done.status == 1
    assert "--replace" in done.err
    assert "[store_exists]" in done.err
    assert _records(store.path) == 3


def test_the_old_store_is_kept_under_a_dated_name(made: Path, tmp_path: Path) -> None:
    store = _store(tmp_path / "home", 3)
    kept = {_restore(store.home, made, replace=True)["kept"]}
    kept.add(_restore(store.home, made, replace=True)["kept"])
    assert [_records(Path(path)) for path in sorted(kept)] == [3, RECORDS]
    assert _records(store.path) == RECORDS


def test_a_journal_of_the_old_store_is_not_replayed_onto_the_new_one(
    made: Path, tmp_path: Path
) -> None:
    store = _killed(tmp_path / "home", 5)
    done = _restore(store.home, made, replace=True)
    assert not list(store.home.glob("andon.db-*"))
    assert _records(store.path) == RECORDS
    assert _records(Path(done["kept"])) == 5


def test_a_damaged_store_moves_aside_with_its_journal(made: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    for ending in ("", "-wal", "-shm"):
        (home / f"andon.db{ending}").write_bytes(b"no database " * 1000)
    kept = Path(_restore(home, made, replace=True)["kept"])
    assert kept.read_bytes().startswith(b"no database")
    assert kept.with_name(f"{kept.name}-wal").read_bytes().startswith(b"no database")
    assert sorted(path.name for path in home.glob("andon.db-*")) == []
    assert _records(home / "andon.db") == RECORDS


def _not_a_database(file: Path) -> None:
    file.write_text("these are not the pages that you are looking for\n" * 100)


def _of_another_program(file: Path) -> None:
    file.unlink()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT)")


def _forged(file: Path) -> None:
    _of_another_program(file)
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("INSERT INTO meta VALUES ('schema_level', '1')")


def _damaged(file: Path) -> None:
    # A page that nothing but the check of every page looks at.
    query = "SELECT rootpage FROM sqlite_schema WHERE name = 'integrations'"
    with closing(sqlite3.connect(file)) as connection:
        (page,) = connection.execute(query).fetchone()
    with file.open("r+b") as pages:
        pages.seek((page - 1) * 4096)
        pages.write(b"\xff" * 64)


def _cut_off(file: Path) -> None:
    os.truncate(file, file.stat().st_size - 4096)


def _with_a_journal(file: Path) -> None:
    file.with_name(f"{file.name}-wal").write_bytes(b"more")


def _of_a_newer_andon(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE meta SET value = '9999' WHERE key = 'oldest_code_level'")


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (_not_a_database, "not_a_backup"),
        (_of_another_program, "not_a_backup"),
        (_forged, "not_a_backup"),
        (_damaged, "not_a_backup"),
        (_cut_off, "not_a_backup"),
        (_with_a_journal, "not_a_backup"),
        (_of_a_newer_andon, "code_too_old"),
    ],
)
def test_a_file_that_cannot_be_used_changes_nothing(
    made: Path, tmp_path: Path, spoil: Callable[[Path], None], code: str
) -> None:
    file = Path(shutil.copy2(made, tmp_path / "spoilt.db"))
    spoil(file)
    home = tmp_path / "home"
    home.mkdir()
    (home / "andon.db").write_bytes(b"as it was")
    with pytest.raises(errors.AndonError) as fault:
        _restore(home, file, replace=True)
    assert fault.value.code == code
    assert (home / "andon.db").read_bytes() == b"as it was"
    assert sorted(path.name for path in home.iterdir()) == ["andon.db", "andon.db.lock"]


def test_a_crash_before_the_last_step_leaves_the_old_store(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = _killed(tmp_path / "home", 5)

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", crash)
    with pytest.raises(KeyboardInterrupt):
        _restore(store.home, made, replace=True)
    assert _records(store.path) == 5


def test_an_older_backup_is_taken_and_says_what_it_needs(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("andon.drivers.database.migrate.LEVEL", 10_000)
    assert _restore(tmp_path / "home", made)["needs_migration"]
