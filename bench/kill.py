"""Kill -9 under load, again and again: is every acknowledged record there exactly once?"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from bench.books import Audit, Call, audit
from bench.load import Account, Client, Gate, Ledger, Trigger
from tests.servers.andon import AndonServer

RECORDS_A_ROUND = 4_000
CLIENTS = 8
_PATIENCE_SECONDS = 60.0


@dataclass(slots=True)
class Tally:
    """What rounds add up to."""

    rounds: int = 0
    acked: int = 0
    lost: int = 0
    counted_twice: int = 0
    accepted: int = 0
    duplicates: int = 0
    cut_off: int = 0
    faults: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Count another tally in."""
        self.rounds += other.rounds
        self.acked += other.acked
        self.lost += other.lost
        self.counted_twice += other.counted_twice
        self.accepted += other.accepted
        self.duplicates += other.duplicates
        self.cut_off += other.cut_off
        self.faults += other.faults


class Campaign:
    """Rounds on one server and its store; what earlier rounds were promised must stay true."""

    def __init__(self, server: AndonServer, seed: str) -> None:
        self._server = server
        self._seed = seed
        self._accounts = list(_accounts(server))
        self._acked: set[Call] = set()
        self._sent: set[Call] = set()
        self._lost: set[Call] = set()
        self._twice = 0
        self._rows = 0

    def run_round(self, number: int, *, gently: bool = False) -> Tally:
        """Kill the server once under load, start it, look, let the clients finish, look again.

        Gently, it is asked to end instead: then whatever it stored, it must have answered.
        """
        rng = random.Random(f"{self._seed}:{number}")
        ledgers = [Ledger(account) for account in self._accounts]
        gate = Gate(CLIENTS)
        trigger = self._trigger(rng, gently)
        clients = [self._client(number, i, ledgers, gate, trigger) for i in range(CLIENTS)]
        for client in clients:
            client.start()
        if not trigger.done.wait(_PATIENCE_SECONDS):
            wrong = [line for ledger in ledgers for line in ledger.wrong]
            raise RuntimeError(f"the clients do not get on: {wrong[:3]}")
        status = self._server.stop() if gently else self._server.kill()
        gate.close(_PATIENCE_SECONDS)
        cut_off = sum(ledger.cut_off for ledger in ledgers)
        left = self._server.announced_text()
        self._server.launch()
        found = self._look(ledgers, "after the restart")
        faults = found.faults
        if gently:
            faults += _not_gentle(status, left, found.unacknowledged)
        gate.open()
        for client in clients:
            client.join(_PATIENCE_SECONDS)
        # Whoever still runs would be counted as moving for ever.
        faults += [f"{client.name} did not finish" for client in clients if client.is_alive()]
        last = self._look(ledgers, "after the retries")
        faults += last.faults + [line for ledger in ledgers for line in ledger.wrong]
        return self._tally(number, ledgers, last, cut_off, faults)

    def _tally(
        self, number: int, ledgers: list[Ledger], last: Audit, cut_off: int, faults: list[str]
    ) -> Tally:
        accepted = sum(ledger.accepted for ledger in ledgers)
        stored, self._rows = last.rows - self._rows, last.rows
        if accepted > stored:
            faults.append(f"{accepted} records were called new, but only {stored} came to be")
        acked = sum(len(ledger.acked) for ledger in ledgers)
        lost, twice = len(self._lost), last.counted_twice - self._twice
        # Whatever is wrong is told once, by the round that did it.
        self._acked.update(*(ledger.acked for ledger in ledgers))
        self._acked -= self._lost
        self._lost, self._twice = set(), last.counted_twice
        self._sent.update(_sent(ledgers))
        return Tally(
            rounds=1,
            acked=acked,
            lost=lost,
            counted_twice=twice,
            accepted=accepted,
            duplicates=sum(ledger.duplicates for ledger in ledgers),
            cut_off=cut_off,
            faults=[f"round {number} of seed {self._seed}: {line}" for line in faults],
        )

    def _client(
        self, number: int, place: int, ledgers: list[Ledger], gate: Gate, trigger: Trigger
    ) -> Client:
        # Two clients of different tenants share a name: their call_ids are equal and independent.
        name = f"r{number}c{place // len(ledgers)}"
        return Client(
            ledgers[place % len(ledgers)],
            gate,
            trigger,
            lambda: self._server.url,
            name,
            f"{self._seed}:{number}:{place}",
            RECORDS_A_ROUND // CLIENTS,
        )

    def _trigger(self, rng: random.Random, gently: bool) -> Trigger:
        """Choose the moment: with the first byte of an acknowledgement, or a little later."""
        wanted = rng.uniform(0.01, 0.75) * RECORDS_A_ROUND
        delay = 0.0 if rng.random() < 0.6 else rng.uniform(0, 0.02)
        act = self._server.terminate if gently else self._server.strike
        return Trigger(wanted, delay, act)

    def _look(self, ledgers: list[Ledger], when: str) -> Audit:
        acked = self._acked.union(*(ledger.acked for ledger in ledgers))
        found = audit(self._server.store, acked, self._sent | _sent(ledgers), "r")
        # A duplicate may bring back what was lost: it was lost all the same.
        self._lost |= found.lost
        found.faults[:] = [f"{when}: {line}" for line in found.faults]
        return found


def _not_gentle(status: int | None, announced: str, unacknowledged: int) -> Iterator[str]:
    if status:
        yield f"the server ended with status {status}"
    if announced:
        yield "the server left its server.json behind"
    if unacknowledged:
        yield f"{unacknowledged} records were stored and not acknowledged"


def _sent(ledgers: list[Ledger]) -> set[Call]:
    return {(ledger.account.tenant_id, call) for ledger in ledgers for call in ledger.sent}


def _accounts(server: AndonServer) -> Iterator[Account]:
    """Make two tenants, so that one commit spans both."""
    client = server.client()
    for name in ("first", "second"):
        tenant = client.post("/api/v1/tenants", json={"name": name}).raise_for_status().json()
        asked = {"name": "load", "role": "admin", "tenant_id": tenant["id"]}
        key = client.post("/api/v1/keys", json=asked).raise_for_status().json()["key"]
        integrations = [server.create_integration(f"load {i}", key=key) for i in range(2)]
        yield Account(tenant["id"], key, integrations)
