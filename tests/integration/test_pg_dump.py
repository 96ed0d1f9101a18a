"""PostgreSQL is backed up by its own tools, by the commands that Andon names."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from andon import errors
from scripts.tree import ROOT
from tests.integration.backups import command
from tests.integration.doors import Door, Tenancy, new_door
from tests.integration.records import USAGE, report_all, usage
from tests.integration.serving import Andon, migrate, serving
from tests.servers.postgres import PostgresDatabase, PostgresServer
from tests.servers.stores import PostgresStore
from tests.servers.tools import need

_WALLS = "SELECT relname FROM pg_class WHERE relrowsecurity ORDER BY relname"
_SECONDS = 120


@pytest.fixture
def emptied(postgres_server: PostgresServer) -> Iterator[PostgresDatabase]:
    """Give a second database, to restore into."""
    database = postgres_server.create_database()
    yield database
    postgres_server.drop_database(database)


def _named(tool: str, server: PostgresServer, file: Path, dsn: str) -> list[str]:
    """Read a command out of the error that both commands answer, and fill it in."""
    told = re.search(rf"`({tool} [^`]+)`", errors.UsePgDump().detail)
    assert told is not None
    words = shlex.split(told[1].replace("FILE", str(file)).replace("URL", dsn))
    return [str(need(str(server._bin / tool), "postgresql-client")), *words[1:]]


def _run(words: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=_SECONDS,
    )


def _state(tenant: Tenancy) -> dict[str, Any]:
    return {
        "summary": tenant.admin.read("telemetry/usage-summary"),
        "days": tenant.admin.items("telemetry/daily-aggregates"),
        "records": tenant.admin.items(USAGE),
        "integrations": tenant.admin.items("integrations"),
        "tenant": tenant.root.read(f"tenants/{tenant.id}"),
        "changes": tenant.admin.items("audit/changes"),
    }


def test_what_was_dumped_is_back(
    postgres_server: PostgresServer,
    postgres_database: PostgresDatabase,
    emptied: PostgresDatabase,
    tmp_path: Path,
) -> None:
    file = tmp_path / "andon.dump"
    store = PostgresStore(tmp_path / "home", postgres_database)
    second = PostgresStore(tmp_path / "second", emptied)
    migrate(store)
    with serving(store) as andon:
        tenants, calls = _used(andon)
        done = _run(_named("pg_dump", postgres_server, file, postgres_database.owner_dsn))
        assert done.returncode == 0, done.stderr
        before, walls = [_state(tenant) for tenant in tenants], andon.rows(_WALLS)
    done = _run(_named("pg_restore", postgres_server, file, emptied.owner_dsn))
    assert done.returncode == 0, done.stderr
    migrate(second)
    with serving(second) as andon:
        again = [_moved(tenant, andon) for tenant in tenants]
        assert [_state(tenant) for tenant in again] == before
        assert andon.rows(_WALLS) == walls != []
        foreign = before[1]["integrations"][0]["id"]
        assert again[0].admin.get(f"integrations/{foreign}").status_code == 404
        assert report_all(again[0].admin, calls) == (0, len(calls))
        assert report_all(again[0].admin, [usage(calls[0]["integration_id"])]) == (1, 0)


def _used(andon: Andon) -> tuple[list[Tenancy], list[Any]]:
    """Make two tenants with records and give what the first one reported."""
    tenants, calls = [andon.tenant(), andon.tenant()], []
    for number, tenant in enumerate(tenants):
        integration_id = tenant.integrate()
        made = [usage(integration_id, error_message="it failed") for _ in range(60 + number)]
        assert report_all(tenant.admin, made) == (60 + number, 0)
        calls.append(made)
    return tenants, calls[0]


def _moved(tenant: Tenancy, andon: Andon) -> Tenancy:
    """Use the tenant's old key at another server."""
    return Tenancy(tenant.id, andon.root, Door(andon.http, tenant.admin.key))


def test_the_serving_role_cannot_make_an_incomplete_dump(
    postgres_server: PostgresServer, postgres_database: PostgresDatabase, tmp_path: Path
) -> None:
    migrate(PostgresStore(tmp_path / "home", postgres_database))
    file = tmp_path / "andon.dump"
    words = _named("pg_dump", postgres_server, file, postgres_database.service_dsn)
    assert _run(words).returncode != 0
    done = _run([*words, "--table=integrations"])
    assert done.returncode != 0
    assert "row-level security" in done.stderr


def test_the_server_says_how(postgres_database: PostgresDatabase, tmp_path: Path) -> None:
    store = PostgresStore(tmp_path / "home", postgres_database)
    migrate(store)
    with serving(store) as andon:
        answer = new_door(andon.root, "admin").post("backup")
    assert (answer.status_code, answer.json()["code"]) == (409, "use_pg_dump")
    assert "pg_dump --format=custom" in answer.json()["detail"]
    assert not (store.home / "backups").exists()


@pytest.mark.parametrize("word", ["backup", "restore"])
def test_the_commands_say_how(tmp_path: Path, word: str) -> None:
    file = tmp_path / "file"
    file.touch()
    url = "postgresql://ada:hunter2-is-secret@127.0.0.1:1/andon"
    done = command(word, file, home=tmp_path / "home", database_url=url)
    assert (done.status, done.out) == (1, "")
    for told in ("pg_dump --format=custom", "pg_restore --exit-on-error", "[use_pg_dump]"):
        assert told in done.err
    assert "hunter2" not in done.err


def test_the_page_has_the_same_commands() -> None:
    page = (ROOT / "docs/backup.md").read_text(encoding="utf-8").replace("\\\n ", "")
    for told in re.findall(r"`(pg_\w+ [^`]+)`", errors.UsePgDump().detail):
        options = [word for word in shlex.split(told) if "FILE" not in word and "URL" not in word]
        assert " ".join(options) in re.sub(r" +", " ", page)
