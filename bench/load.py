"""Clients that report usage as badly as real ones: duplicates, retries, lost connections."""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from bench.books import Call

ONE = "/api/v1/telemetry/llm-usage"
BATCH = "/api/v1/telemetry/llm-usage/batch"
_ANSWER_SECONDS = 30.0
_PAUSE_SECONDS = 0.01
_MODELS = (("openai", "gpt-4o"), ("anthropic", "claude-sonnet-4-5"), ("acme", "unpriced-1"))

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Account:
    """A tenant as a client sees it: its key and its integrations."""

    tenant_id: str
    key: str
    integrations: Sequence[str]


@dataclass(slots=True)
class Ledger:
    """What the clients of one tenant know together."""

    account: Account
    acked: set[Call] = field(default_factory=set)
    sent: dict[str, Record] = field(default_factory=dict)
    accepted: int = 0
    duplicates: int = 0
    cut_off: int = 0
    wrong: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, records: Sequence[Record], accepted: int, duplicates: int) -> None:
        """Keep an acknowledgement."""
        with self.lock:
            tenant_id = self.account.tenant_id
            self.acked.update((tenant_id, str(record["call_id"])) for record in records)
            self.accepted += accepted
            self.duplicates += duplicates

    def blame(self, what: str) -> None:
        """Keep an answer that no client should get."""
        with self.lock:
            self.wrong.append(what)


class Gate:
    """Holds clients back; whoever closed it can wait until all of them stand still."""

    def __init__(self, clients: int) -> None:
        self._moving = clients
        self._open = True
        self._changed = threading.Condition()

    def pass_through(self) -> None:
        """Go on when the gate is open."""
        with self._changed:
            self._moving -= 1
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._open)
            self._moving += 1

    def leave(self) -> None:
        """Stand still for good."""
        with self._changed:
            self._moving -= 1
            self._changed.notify_all()

    def close(self, patience_seconds: float) -> None:
        """Let nobody through and wait until nobody moves."""
        with self._changed:
            self._open = False
            if not self._changed.wait_for(lambda: self._moving == 0, patience_seconds):
                raise TimeoutError(f"{self._moving} clients still wait for an answer")

    def open(self) -> None:
        """Let everybody through."""
        with self._changed:
            self._open = True
            self._changed.notify_all()


class Trigger:
    """Does something once, in the thread that hears the n-th record's acknowledgement."""

    def __init__(self, wanted: float, delay_seconds: float, act: Callable[[], object]) -> None:
        self._left = wanted
        self._delay_seconds = delay_seconds
        self._act = act
        self._lock = threading.Lock()
        self._fired = False
        self.done = threading.Event()

    def hear(self, records: int) -> None:
        """Count records whose acknowledgement begins to arrive."""
        with self._lock:
            self._left -= records
            if self._left > 0 or self._fired:
                return
            self._fired = True
        if self._delay_seconds:
            time.sleep(self._delay_seconds)
        self._act()
        self.done.set()


class Client(threading.Thread):
    """One client: its requests follow from its seed, its retries from what goes wrong."""

    def __init__(
        self,
        ledger: Ledger,
        gate: Gate,
        trigger: Trigger | None,
        address: Callable[[], str],
        name: str,
        seed: str,
        budget: int,
    ) -> None:
        super().__init__(name=name, daemon=True)
        self._ledger = ledger
        self._trigger = trigger
        self._gate = gate
        self._address = address
        self._random = random.Random(seed)
        self._budget = budget
        self._made = 0
        self._connection: http.client.HTTPConnection | None = None

    def run(self) -> None:
        """Report until the budget of new records is used up."""
        try:
            while self._made < self._budget:
                self._report(self._next_request())
        except Exception as fault:  # what kills a client must fail the round
            self._ledger.blame(f"{self.name}: {type(fault).__name__}: {fault}")
        finally:
            self._hang_up()
            self._gate.leave()

    def _next_request(self) -> list[Record]:
        rng = self._random
        size = 1 if rng.random() < 0.4 else rng.randint(2, 60)
        records: list[Record] = []
        while len(records) < size:
            if records and rng.random() < 0.08:
                records.append(rng.choice(records))
            elif rng.random() < 0.12:
                records.append(self._again() or self._new())
            else:
                records.append(self._new())
        return records

    def _again(self) -> Record | None:
        """Take a call that any client of this tenant has sent, acknowledged or not."""
        with self._ledger.lock:
            known = list(self._ledger.sent.values())[-400:]
        return self._random.choice(known) if known else None

    def _new(self) -> Record:
        record = self._record(f"{self.name}-{self._made}")
        self._made += 1
        with self._ledger.lock:
            self._ledger.sent[record["call_id"]] = record
        return record

    def _record(self, call_id: str) -> Record:
        rng = self._random
        provider, model = rng.choice(_MODELS)
        record: Record = {
            "call_id": call_id,
            "integration_id": rng.choice(self._ledger.account.integrations),
            "provider": provider,
            "model": model,
            "tokens_in": rng.randrange(5_000),
            "tokens_out": rng.randrange(2_000),
        }
        if rng.random() < 0.7:
            record["latency_ms"] = rng.randrange(10_000)
        if rng.random() < 0.3:
            record["agent_id"] = f"agent-{rng.randrange(5)}"
        if rng.random() < 0.2:
            record["cost_cents"] = rng.randrange(10**7) / 10**6
        if rng.random() < 0.3:
            ago = timedelta(seconds=rng.randrange(20 * 86_400))
            record["occurred_at"] = (datetime.now(UTC) - ago).isoformat()
        return record | self._ending()

    def _ending(self) -> Record:
        drawn = self._random.random()
        if drawn < 0.05:
            return {"status_code": 429, "error_code": "rate_limit_exceeded"}
        if drawn < 0.08:
            return {"error_message": "the provider did not answer in time"}
        if drawn < 0.1:
            return {"policy_result": "blocked", "tokens_in": 0, "tokens_out": 0}
        return {}

    def _report(self, records: list[Record]) -> None:
        """Send until it is answered: the same ids each time, on a new connection if need be."""
        is_batch = len(records) > 1 or self._random.random() < 0.3
        body = json.dumps({"records": records} if is_batch else records[0])
        was_cut_off = False
        while True:
            self._gate.pass_through()
            try:
                status, answer = self._post(BATCH if is_batch else ONE, body, len(records))
            except (OSError, http.client.HTTPException):
                self._hang_up()
                status, answer = 0, {}
            if status == 200:
                self._note(records, answer, is_batch)
                return
            if status not in {0, 503}:
                self._ledger.blame(f"{status} {json.dumps(answer)[:300]}")
                return
            if not was_cut_off:
                was_cut_off = True
                with self._ledger.lock:
                    self._ledger.cut_off += 1
            time.sleep(_PAUSE_SECONDS)

    def _post(self, path: str, body: str, size: int) -> tuple[int, Record]:
        if self._connection is None:
            host = urlsplit(self._address()).netloc
            self._connection = http.client.HTTPConnection(host, timeout=_ANSWER_SECONDS)
        headers = {
            "Authorization": f"Bearer {self._ledger.account.key}",
            "Content-Type": "application/json",
        }
        self._connection.request("POST", path, body, headers)
        answer = self._connection.getresponse()
        if self._trigger is not None and answer.status == 200:
            self._trigger.hear(size)
        return answer.status, json.loads(answer.read())

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _note(self, records: list[Record], answer: Record, is_batch: bool) -> None:
        if not is_batch:
            accepted, duplicates = answer["status"] == "accepted", answer["status"] == "duplicate"
        else:
            accepted, duplicates = answer["accepted"], answer["duplicates"]
        if accepted + duplicates != len(records):
            self._ledger.blame(
                f"{len(records)} records were answered by {json.dumps(answer)[:300]}"
            )
            return
        self._ledger.note(records, accepted, duplicates)
