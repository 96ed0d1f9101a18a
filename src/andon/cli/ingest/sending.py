"""Batches on their way to the server: a few at once, again when it is busy, halved when refused."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from andon.cli.connection import Api, Refused
from andon.cli.failures import Failure
from andon.cli.ingest.costs import Costs
from andon.cli.ingest.entries import Bad, Entry, Skipped
from andon.cli.ingest.tally import Sent, Tally
from andon.sdk.encoding import to_json

BATCH = 100
BATCH_BYTES = 4 << 20
AT_ONCE = 8
HORIZON = timedelta(days=35)
_NEEDS_IMPORT = "backfill_needs_import"
_ABOUT_THE_CALLER = frozenset({401, 403, 404, 405, 429, 502, 503, 504})


def batches(
    entries: Iterable[Entry | Bad | Skipped], tally: Tally, size: int = BATCH
) -> Iterator[tuple[Entry, ...]]:
    """Gather entries for one request each, counting what is read and what is no record."""
    waiting: list[Entry] = []
    held = 0
    for entry in entries:
        tally.read += 1
        if isinstance(entry, Bad):
            tally.refuse(entry)
            continue
        if isinstance(entry, Skipped):
            tally.skipped += 1
            continue
        length = len(entry.text) * 4 if not entry.text.isascii() else len(entry.text)
        if waiting and (len(waiting) == size or held + length > BATCH_BYTES):
            yield tuple(waiting)
            waiting, held = [], 0
        waiting.append(entry)
        held += length
    if waiting:
        yield tuple(waiting)


@dataclass(slots=True)
class Imports:
    """The one import of a run, opened when the first old call needs it."""

    api: Api
    note: str
    id: str | None = None
    is_refused: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def open(self) -> str | None:
        """Open the import unless it is open; None when this key may not import."""
        with self._lock:
            if self.id is None and not self.is_refused:
                self._open()
            return self.id

    def _open(self) -> None:
        note = "".join(char for char in self.note if char.isprintable())[:500]
        try:
            body = to_json({"note": note}).encode()
            self.id = str(self.api.post_again("imports", body)["id"])
        except Refused as refused:
            if refused.code != "not_allowed":
                raise
            # The server then refuses the old calls one by one, and takes the others.
            self.is_refused = True


class Sender:
    """Sends batches from several threads."""

    def __init__(self, api: Api, imports: Imports) -> None:
        self.imports = imports
        self._api = api
        self._stopped = threading.Event()
        self._retries = replace(api.retries, sleep=self._pause)

    def _pause(self, seconds: float) -> None:
        if self._stopped.wait(seconds):
            raise Failure("the run was stopped", "stopped")

    def stop(self) -> None:
        """Let no batch be tried again."""
        self._stopped.set()

    def send(self, entries: tuple[Entry, ...]) -> Sent:
        """Send a batch until it is answered; a record that sinks a batch is found by halving."""
        try:
            answer = self._post(entries)
        except Refused as refused:
            if refused.status in _ABOUT_THE_CALLER or refused.status >= 500:
                raise
            if len(entries) == 1:
                bad = Bad(entries[0].number, refused.code, refused.message)
                return Sent(entries, 0, 0, (bad,))
            middle = len(entries) // 2
            return _joined(entries, self.send(entries[:middle]), self.send(entries[middle:]))
        return self._import_old(_sent(entries, answer))

    def _import_old(self, sent: Sent) -> Sent:
        """Send again, under an import, what the server found too old without one."""
        old = {bad.number for bad in sent.rejected if bad.code == _NEEDS_IMPORT}
        if not old or self.imports.id is not None or self.imports.open() is None:
            return sent
        again = self.send(tuple(one for one in sent.entries if one.number in old))
        kept = tuple(bad for bad in sent.rejected if bad.number not in old)
        return _joined(sent.entries, replace(sent, rejected=kept), again)

    def _post(self, entries: Sequence[Entry]) -> dict[str, Any]:
        body = ('{"records":[' + ",".join(one.text for one in entries) + "]}").encode()
        asked = {"import_id": self.imports.id} if self.imports.id else {}
        return self._api.post_again("telemetry/llm-usage/batch", body, self._retries, **asked)


def _sent(entries: tuple[Entry, ...], answer: dict[str, Any]) -> Sent:
    try:
        accepted, duplicates = int(answer["accepted"]), int(answer["duplicates"])
        rejected = tuple(
            Bad(entries[one["index"]].number, str(one["code"]), str(one["message"]))
            for one in answer["rejected"]
        )
    except (KeyError, TypeError, ValueError, IndexError):
        accepted, duplicates, rejected = 0, 0, ()
    if accepted + duplicates + len(rejected) != len(entries):
        raise Failure("the server's answer does not account for every record", "unexpected_answer")
    return Sent(entries, accepted, duplicates, rejected)


def _joined(entries: tuple[Entry, ...], one: Sent, other: Sent) -> Sent:
    return Sent(
        entries,
        one.accepted + other.accepted,
        one.duplicates + other.duplicates,
        (*one.rejected, *other.rejected),
    )


def send_all(
    sender: Sender, entries: Iterable[Entry | Bad | Skipped], costs: Costs, tally: Tally
) -> None:
    """Send everything and count it; at most AT_ONCE batches are on their way or waiting."""
    flight = _Flight(tally, costs.now)
    pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="andon-ingest")
    try:
        for batch in batches(entries, tally):
            if any(_is_old(one, costs.now) for one in batch):
                sender.imports.open()
            costs.note(batch)
            flight.make_room(batch)
            flight.add(batch, pool.submit(sender.send, batch))
        flight.land()
    except BaseException:
        sender.stop()
        pool.shutdown(cancel_futures=True)
        flight.count_answered()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _is_old(entry: Entry, now: datetime) -> bool:
    return entry.occurred_at is not None and entry.occurred_at < now - HORIZON


class _Flight:
    """The batches that are on their way."""

    def __init__(self, tally: Tally, now: datetime) -> None:
        self._tally = tally
        self._now = now
        self._sent: dict[Future[Sent], frozenset[str]] = {}

    def add(self, batch: tuple[Entry, ...], future: Future[Sent]) -> None:
        self._sent[future] = frozenset(one.call_id for one in batch)

    def make_room(self, batch: tuple[Entry, ...]) -> None:
        """Wait while too many are on their way, or one that holds the same call.

        Of two records with one call_id the first of the file is then the one that stays.
        """
        ids = {one.call_id for one in batch}
        while len(self._sent) >= AT_ONCE or any(not ids.isdisjoint(o) for o in self._sent.values()):
            self._count_done()

    def land(self) -> None:
        """Wait for all."""
        while self._sent:
            self._count_done()

    def count_answered(self) -> None:
        """Count what was recorded although the run has failed elsewhere."""
        for future in self._sent:
            if not future.cancelled() and future.exception() is None:
                self._tally.take(future.result(), self._now)
        self._sent.clear()

    def _count_done(self) -> None:
        done, _ = wait(self._sent, return_when=FIRST_COMPLETED)
        for future in done:
            del self._sent[future]
            self._tally.take(future.result(), self._now)
