"""Keeps what was answered under an Idempotency-Key, for a day."""

from __future__ import annotations

from dataclasses import dataclass

from andon import errors
from andon.drivers import tenants
from andon.engines.tenants.keys import digest_of
from andon.runtime.context import Context
from andon.runtime.tenants.caller import Caller

_RUNNING = 0


@dataclass(frozen=True, slots=True)
class Place:
    """Whose request, on which route, under which key, with which body."""

    caller: Caller
    route: str
    key: str
    digest: bytes

    @property
    def kept_key(self) -> str:
        """The key as it is stored: hashed, since callers put anything into it."""
        return digest_of(self.key).hex()


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer that a request had."""

    status: int
    body: str


def reserve(ctx: Context, place: Place) -> Answer | None:
    """Take a key for this request, or give the answer that it had before.

    A key whose first request never ended stays taken: its effect is unknown, so it is not
    repeated.
    """
    caller = place.caller
    with ctx.db.writing(caller.tenant.no) as tx:
        taken = tenants.reserve_answer(
            tx, caller.principal_id, place.route, place.kept_key, place.digest
        )
        if taken:
            return None
        known = tenants.remembered(tx, caller.principal_id, place.route, place.kept_key)
    if known is None or bytes(known["request_digest"]) != place.digest:
        raise errors.IdempotencyMismatch
    if known["status"] == _RUNNING:
        raise errors.Conflict(
            "The first request under this Idempotency-Key has not ended; look whether its object "
            "is there, and use a new key if not."
        )
    return Answer(known["status"], known["body"])


def release(ctx: Context, place: Place) -> None:
    """Give a key back, because its request had no effect."""
    with ctx.db.writing(place.caller.tenant.no) as tx:
        tenants.release_answer(tx, place.caller.principal_id, place.route, place.kept_key)


def keep(ctx: Context, place: Place, status: int, body: str) -> None:
    """Keep the answer that a key's request had."""
    with ctx.db.writing(place.caller.tenant.no) as tx:
        tenants.keep_answer(
            tx, place.caller.principal_id, place.route, place.kept_key, status, body
        )
