"""A backup that is taken while clients report is the ledger at one instant."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from andon import errors
from andon.app import clock_us
from andon.drivers.database.copying import make_copy
from andon.models.redaction import contains_raw_key
from tests.integration.backups import Load, command
from tests.integration.doors import new_door, new_integration
from tests.integration.records import report_all, usage
from tests.integration.serving import Andon, fresh_store, serving
from tests.servers.andon import AndonServer
from tests.servers.stores import SqliteStore

ROUNDS = int(os.environ.get("ANDON_BACKUP_ROUNDS", "2"))
"""Backups that are taken under load; more of them show more."""

BLOCKS = "SELECT slot, block, committed_us, records FROM blocks ORDER BY slot, block"


@pytest.fixture
def andon(tmp_path: Path) -> Iterator[Andon]:
    """Serve an embedded store of the test's own."""
    with fresh_store("sqlite", tmp_path, None) as store, serving(store) as served:
        yield served


def _folder(andon: Andon) -> Path:
    return andon.settings.home / "backups"


def _copies(andon: Andon) -> list[str]:
    return sorted(path.name for path in _folder(andon).iterdir() if path.name != "lock")


def _instant(told: str) -> datetime:
    return datetime.fromisoformat(told)


def _sums(andon: Andon) -> tuple[int, int]:
    today, margin = datetime.now(UTC).date(), timedelta(days=2)
    days = {"period_start": str(today - margin), "period_end": str(today + margin)}
    rows = andon.root.items("telemetry/daily-aggregates", **days)
    return sum(row["calls"] for row in rows), sum(row["tokens_in"] for row in rows)


def _is_one_instant(restored: Andon, acked: dict[str, Any], told: Any, live: list[Any]) -> None:
    blocks = restored.rows(BLOCKS)
    records = sum(row[3] for row in blocks)
    assert [row[1] for row in blocks] == list(range(1, len(blocks) + 1))
    assert blocks == live[: len(blocks)], "the copy is not the ledger's beginning"
    assert told["records"] == records >= len(acked)
    assert _sums(restored) == (records, 1200 * records)
    assert _instant(told["at"]).timestamp() * 1e6 >= blocks[-1][2]
    assert report_all(restored.root, list(acked.values())) == (0, len(acked))


def test_under_load_each_backup_is_the_ledger_at_one_instant(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "live")
    rounds = []
    with AndonServer.start(store) as server:
        with Load(server, server.create_integration("load")) as load:
            for number in range(ROUNDS):
                acked = load.acked(more_than=500 * (number + 1))
                file = tmp_path / f"{number}.db"
                told = command("backup", file, "--json", home=store.home).told
                rounds.append((file, acked, told))
            load.acked(more_than=len(load.acked()))
        with store.snapshot() as read:
            live = read(BLOCKS)
    assert sum(row[3] for row in live) > rounds[-1][2]["records"], "nothing was reported after it"
    for number, (file, acked, told) in enumerate(rounds):
        home = tmp_path / f"restored-{number}"
        back = command("restore", file, "--json", home=home).told
        assert (back["at"], back["records"]) == (told["at"], told["records"])
        with serving(SqliteStore(home)) as restored:
            _is_one_instant(restored, acked, told, live)


def test_what_is_committed_between_two_steps_is_not_in_it(
    andon: Andon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("andon.drivers.database.copying._PAGES_A_STEP", 8)
    integration_id, steps = new_integration(andon.root), []
    report_all(andon.root, [usage(integration_id) for _ in range(10)])

    def commit_more() -> bool:
        steps.append(report_all(andon.root, [usage(integration_id)]))
        return True

    home = andon.settings.home
    copy = make_copy(home / "andon.db", home / "copy.db", 10.0, clock_us, commit_more)
    assert len(steps) > 3
    assert copy.contents.records == 10
    assert andon.root.make("backup")["records"] == 10 + len(steps)


def test_the_copy_is_one_private_file_that_is_what_the_answer_says(andon: Andon) -> None:
    before = datetime.now(UTC)
    made = andon.root.make("backup")
    path = Path(made["path"])
    assert path == _folder(andon) / made["name"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    content = path.read_bytes()
    assert (len(content), hashlib.sha256(content).hexdigest()) == (made["bytes"], made["sha256"])
    assert content[18:20] == b"\x01\x01", "the file asks for a journal beside it"
    assert before <= _instant(made["at"]) <= datetime.now(UTC)
    assert _copies(andon) == [made["name"]]


def test_without_a_server_the_command_opens_the_store_itself(tmp_path: Path) -> None:
    with fresh_store("sqlite", tmp_path, None) as store, serving(store) as andon:
        report_all(andon.root, [usage(new_integration(andon.root))])
    done = command("backup", tmp_path, home=store.home)
    assert done.status == 0, done.err
    assert re.search(r"records +1 *\n", done.out)
    assert next(tmp_path.glob("andon-*.db")).name in done.out
    assert list((store.home / "backups").glob("andon-*")) == []


def test_without_a_store_none_is_made(tmp_path: Path) -> None:
    done = command("backup", tmp_path / "copy.db", home=tmp_path / "home")
    assert (done.status, done.out) == (1, "")
    assert "[no_store]" in done.err
    assert not (tmp_path / "home").exists()


def test_the_caller_does_not_choose_where_the_server_writes(andon: Andon, tmp_path: Path) -> None:
    target = tmp_path / "chosen.db"
    answer = andon.root.post("backup", {"path": str(target)})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "path"
    assert not target.exists()


@pytest.mark.parametrize("role", ["operator", "viewer", "ingest"])
def test_only_admins_of_the_first_tenant_may(andon: Andon, role: str) -> None:
    assert new_door(andon.root, role).post("backup").status_code == 403
    assert andon.tenant().admin.post("backup").status_code == 403
    assert new_door(andon.root, "admin").post("backup").status_code == 201


def test_it_is_in_the_audit(andon: Andon) -> None:
    door = new_door(andon.root, "admin")
    made = door.make("backup")
    row = andon.root.read("audit/changes")["items"][0]
    assert (row["action"], row["object_id"]) == ("backup.made", made["name"])
    assert (row["principal_id"], row["key_id"]) == (door.principal_id, door.key_id)
    assert row["after"]["sha256"] == made["sha256"]


def test_the_answer_holds_no_secret(andon: Andon) -> None:
    door = new_door(andon.root, "admin")
    answer = door.post("backup")
    assert not contains_raw_key(answer.text)
    for secret in (door.key, andon.root.key):
        assert secret not in answer.text
        assert secret.encode() not in Path(answer.json()["path"]).read_bytes()


def test_a_second_backup_at_once_is_refused(andon: Andon) -> None:
    andon.root.make("backup")
    with FileLock(_folder(andon) / "lock"):
        answer = andon.root.post("backup")
    assert (answer.status_code, answer.json()["code"]) == (409, "backup_running")


def test_copies_that_nobody_fetched_go_after_a_day(andon: Andon) -> None:
    old, young = andon.root.make("backup"), andon.root.make("backup")
    broken = _folder(andon) / "andon-20260101T000000Z-00000000.db.part"
    broken.touch()
    foreign = _folder(andon) / "mine.db"
    foreign.touch()
    day_ago = datetime.now(UTC).timestamp() - 86_500
    for path in (Path(old["path"]), foreign):
        os.utime(path, (day_ago, day_ago))
    third = andon.root.make("backup")
    assert _copies(andon) == sorted([young["name"], third["name"], "mine.db"])


def test_a_copy_that_cannot_be_written_leaves_nothing_and_the_store_goes_on(
    andon: Andon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("andon.drivers.files.free_bytes", lambda _path: 1 << 20)
    answer = andon.root.post("backup")
    assert (answer.status_code, answer.json()["code"]) == (500, "backup_failed")
    assert "no room" in answer.json()["detail"]
    assert _copies(andon) == []
    assert report_all(andon.root, [usage(new_integration(andon.root))]) == (1, 0)


def test_a_journal_that_outgrows_its_bound_ends_the_backup(
    andon: Andon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("andon.drivers.database.copying._WAL_BYTES", 0)
    monkeypatch.setattr("andon.drivers.database.copying._pin", lambda _connection: 0)
    answer = andon.root.post("backup")
    assert (answer.status_code, answer.json()["code"]) == (500, "backup_failed")
    assert "quieter time" in answer.json()["detail"]
    assert _copies(andon) == []


def test_a_server_that_stops_ends_the_backup(andon: Andon) -> None:
    home = andon.settings.home
    with pytest.raises(errors.StoreUnavailable, match="stopping"):
        make_copy(home / "andon.db", home / "copy.db", 1.0, lambda: 0, lambda: False)
    assert not list(home.glob("copy.db*"))
