"""Where the time of a group commit goes: decode and commit in one thread, under cProfile."""

from __future__ import annotations

import asyncio
import cProfile
import pstats
import secrets
import tempfile
import time
from pathlib import Path

from pydantic import SecretStr

from andon import app
from andon.adapters.telemetry import decode_batch
from andon.runtime import integrations
from andon.runtime.telemetry.parcel import Parcel
from andon.runtime.tenants import credentials
from andon.runtime.tenants.caller import Caller
from andon.settings import Settings
from bench.requests import usage_requests

RECORDS_A_GROUP = 1_600
GROUPS = 12
_LINES = 30


def main() -> None:
    """Print microseconds a record of decoding and committing, then the profile of the commit."""
    with tempfile.TemporaryDirectory(prefix="andon-profile-") as folder:
        key = f"profile-{secrets.token_urlsafe(24)}"
        settings = Settings(home=Path(folder) / "home", admin_key=SecretStr(key))
        with app.opened(settings) as database:
            parts = app.compose(settings, database, None, is_loopback=True)
            try:
                credentials.ensure_first_admin(parts.ctx)
                caller = asyncio.run(parts.service.doorkeeper.admit(key))
                _measure(parts, caller)
            finally:
                parts.threads.close()


def _measure(parts: app.Parts, caller: Caller) -> None:
    row = integrations.create_integration(
        parts.ctx,
        caller,
        {
            "name": "profile",
            "provider_type": "openai",
            "credential_ref": "env://OPENAI_API_KEY",
            "config": {},
            "default_model": None,
            "budget_limit_cents": 0,
            "token_limit_month": 0,
            "rate_limit_rpm": 60,
        },
    )
    start = time.process_time()
    groups = [_group(caller, row["id"]) for _ in range(2 * GROUPS + 1)]
    decoding = time.process_time() - start
    write = parts.intake._write
    write(0, groups[0])
    start, cpu = time.perf_counter(), time.process_time()
    for group in groups[1 : GROUPS + 1]:
        write(0, group)
    elapsed, worked = time.perf_counter() - start, time.process_time() - cpu
    records = GROUPS * RECORDS_A_GROUP
    print(f"decode {decoding / len(groups) / RECORDS_A_GROUP * 1e6:.1f} us of CPU a record")
    print(f"commit {elapsed / records * 1e6:.1f} us, {worked / records * 1e6:.1f} us of CPU")
    profile = cProfile.Profile()
    for group in groups[GROUPS + 1 :]:
        profile.runcall(write, 0, group)
    pstats.Stats(profile).sort_stats("tottime").print_stats(_LINES)


def _group(caller: Caller, integration: str) -> list[Parcel]:
    make = usage_requests([("none", integration)], 100, "random")
    parcels = []
    for _ in range(RECORDS_A_GROUP // 100):
        batch = decode_batch(make().partition(b"\r\n\r\n")[2])
        numbers = [1] * len(batch.records)
        parcels.append(Parcel(caller.tenant, batch.records, numbers, batch.places))
    return parcels


if __name__ == "__main__":
    main()
