"""The look into the books that the kill rounds rely on sees every kind of wrong."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bench.books import audit
from bench.load import Account, Client, Gate, Ledger
from tests.servers.andon import AndonServer
from tests.servers.stores import SqliteStore

_RECORDS = 200
_WRONGS = {
    "a lost record": ("DELETE FROM usage WHERE block = 1", "are not there"),
    "a lost key": ("DELETE FROM usage_key_log WHERE block = 1", "key"),
    "a changed key": ("UPDATE usage_key_log SET body = zeroblob(48) WHERE block = 1", "no record"),
    "a record twice": (
        "INSERT INTO usage SELECT slot, tenant, block + 9999, month, 0, id, 1, body FROM usage",
        "more than once",
    ),
    "a wrong hour": ("UPDATE usage_hourly SET tokens_in = tokens_in + 1", "usage_hourly"),
    "a lost day": ("DELETE FROM usage_daily WHERE agent_id <> ''", "usage_daily"),
    "a lost error text": ("DELETE FROM usage_errors", "is not what its records sum to"),
    "a text of nothing": (
        "UPDATE usage_errors SET seq = seq + 10000",
        "error texts have no record",
    ),
    "a gap": ("UPDATE slots SET block = block + 1", "is at block"),
    "a short block": ("UPDATE blocks SET records = records - 1 WHERE block = 1", "do not hold"),
}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[SqliteStore, Ledger]:
    """Give a store that a client reported to, and what the client knows."""
    store = SqliteStore(tmp_path_factory.mktemp("books") / "home")
    with AndonServer.start(store) as server:
        account = Account("default", server.key, [server.create_integration("books")])
        ledger, gate = Ledger(account), Gate(1)
        client = Client(ledger, gate, None, lambda: server.url, "r", "books", _RECORDS)
        client.start()
        client.join()
        server.stop()
    assert not ledger.wrong
    return store, ledger


def _faults(store: SqliteStore, ledger: Ledger) -> list[str]:
    sent = {("default", call_id) for call_id in ledger.sent}
    return audit(store, ledger.acked, sent, "r").faults


def test_right_books_have_no_fault(written: tuple[SqliteStore, Ledger]) -> None:
    assert _faults(*written) == []


@pytest.mark.parametrize("wrong", _WRONGS)
def test_wrong_books_are_found(
    written: tuple[SqliteStore, Ledger], tmp_path: Path, wrong: str
) -> None:
    store, ledger = written
    shutil.copytree(store.home, tmp_path / "home")
    forged = SqliteStore(tmp_path / "home")
    statement, expected = _WRONGS[wrong]
    with closing(sqlite3.connect(forged.path)) as connection:
        connection.execute(statement)
        connection.commit()
    assert expected in "\n".join(_faults(forged, ledger))


def test_a_record_that_nobody_sent_is_found(written: tuple[SqliteStore, Ledger]) -> None:
    store, ledger = written
    first = min(ledger.sent)
    sent = {("default", call_id) for call_id in ledger.sent if call_id != first}
    assert "were never sent" in "\n".join(audit(store, ledger.acked, sent, "r").faults)
