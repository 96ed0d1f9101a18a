"""The composition root: settings -> database -> context -> workers -> HTTP; nothing else wires."""

from __future__ import annotations

import asyncio
import gc
import importlib
import json
import os
import secrets
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import uvicorn

from andon import errors
from andon.adapters.pricing import bundled_table
from andon.api import application
from andon.api.deps import Service
from andon.drivers import logs
from andon.drivers.database import Database, open_database, opening, sqlite
from andon.drivers.database import migrate as migrations
from andon.drivers.telemetry.commit import open_ledger
from andon.engines.tenants import keys
from andon.runtime import diagnosis, housekeeping, retention
from andon.runtime.books import watching
from andon.runtime.context import Context
from andon.runtime.integrations import Numbers
from andon.runtime.meters import Meters
from andon.runtime.pricing import PriceBook
from andon.runtime.telemetry.intake import Intake
from andon.runtime.telemetry.record import Recorder
from andon.runtime.tenants import credentials
from andon.runtime.tenants.access import Doorkeeper
from andon.settings import Settings

Finding = diagnosis.Finding

_POSTGRES_WRITERS = 2
_BACKLOG = 1024


def clock_us() -> int:
    """Read the process's wall clock in microseconds since 1970."""
    return time.time_ns() // 1000


@contextmanager
def opened(settings: Settings) -> Iterator[Database]:
    """Open the store that the settings name, at the schema that this code needs."""
    path = settings.sqlite_path
    if path is None:
        database = open_database(settings, clock_us)
        try:
            opening.check_postgres(database, allow_owner=settings.allow_owner)
            with opening.shard_of(database):
                yield database
        finally:
            database.close()
        return
    with sqlite.held(path):
        database = open_database(settings, clock_us)
        try:
            migrations.migrate_sqlite(database.writer, path)
            opening.check_sqlite(database)
            yield database
        finally:
            database.close()


class Threads:
    """The two pools of threads: one for what only reads or manages, one for commits of usage."""

    def __init__(self, settings: Settings, writers: int) -> None:
        size = settings.read_connections + settings.write_connections
        self._general = ThreadPoolExecutor(size, thread_name_prefix="andon-work")
        self._writers = ThreadPoolExecutor(writers, thread_name_prefix="andon-commit")

    async def run(self, call: Callable[..., Any], *args: Any) -> Any:
        """Run a blocking call beside the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self._general, call, *args)

    async def run_writer(self, call: Callable[..., Any], *args: Any) -> Any:
        """Run a commit of usage beside the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self._writers, call, *args)

    def close(self) -> None:
        """Wait for what runs and end the threads."""
        self._general.shutdown()
        self._writers.shutdown()


class Tasks:
    """Tasks that must not be collected while they run."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()

    def spawn(self, work: Any) -> asyncio.Task[None]:
        """Start a coroutine beside the caller."""
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def end(self) -> None:
        """Cancel what still runs and wait for it."""
        for task in list(self._running):
            task.cancel()
        await asyncio.gather(*list(self._running), return_exceptions=True)


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything that one process runs, before it listens."""

    ctx: Context
    service: Service
    intake: Intake
    threads: Threads
    tasks: Tasks
    asgi: Any


def compose(
    settings: Settings, database: Database, local: keys.MintedKey | None, *, is_loopback: bool
) -> Parts:
    """Put the parts of one process together."""
    writers = 1 if database.dialect == "sqlite" else _POSTGRES_WRITERS
    threads, tasks = Threads(settings, writers), Tasks()
    ctx = Context(
        settings=settings,
        db=database,
        ledger=open_ledger(database.dialect, retention.generation_days(settings)),
        prices=PriceBook(bundled_table()),
        meters=Meters(),
        clock_us=clock_us,
        monotonic=time.monotonic,
        random=secrets.token_bytes,
        sleep=asyncio.sleep,
        spawn=tasks.spawn,
        run=threads.run,
        run_writer=threads.run_writer,
    )
    intake = Intake(ctx, writers)
    recorder = Recorder(ctx, intake, Numbers(ctx))
    service = Service(ctx, Doorkeeper(ctx, local), recorder, is_loopback)
    asgi = application.build(service, _access_log(settings))
    return Parts(ctx, service, intake, threads, tasks, asgi)


def _access_log(settings: Settings) -> logs.AccessLog | None:
    return logs.access_log(
        settings.log_level, clock_us, lambda flush: asyncio.get_running_loop().call_soon(flush)
    )


@dataclass(frozen=True, slots=True)
class Listening:
    """Where a server listens, and the key that this machine's command line uses."""

    url: str
    token: str


async def _run(parts: Parts, server: uvicorn.Server, listener: socket.socket) -> None:
    parts.tasks.spawn(parts.service.doorkeeper.keep_last_used())
    parts.tasks.spawn(housekeeping.sweep_forever(parts.ctx))
    parts.tasks.spawn(watching.watch_forever(parts.ctx, lambda: parts.service.is_ready))
    parts.service.is_ready = True
    try:
        await server.serve(sockets=[listener])
    finally:
        parts.service.is_ready = False
        await parts.intake.close()
        await parts.tasks.end()
        with suppress(errors.StoreUnavailable):
            await parts.service.doorkeeper.flush()
        parts.threads.close()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named as TCP, so that the event loop turns Nagle's delay off for its connections.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError as fault:
        listener.close()
        raise errors.StoreRefused(
            f"{host}:{port} cannot be listened on ({fault.strerror}); choose another port with "
            "--port or ANDON_PORT"
        ) from None
    return listener


def _server(asgi: Any) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            asgi,
            lifespan="off",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            log_config=None,
            timeout_graceful_shutdown=20,
            backlog=_BACKLOG,
        )
    )


def _is_loopback(host: str) -> bool:
    return host in {"localhost", "::1"} or host.startswith("127.")


def _url(host: str, listener: socket.socket) -> str:
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{listener.getsockname()[1]}"


@contextmanager
def _announced(settings: Settings, listening: Listening) -> Iterator[None]:
    """Tell this machine's command line, and nobody else on it, where the server is."""
    path = settings.home / "server.json"
    sqlite.make_home(settings.home)
    text = json.dumps({"url": listening.url, "token": listening.token, "pid": os.getpid()})
    draft = path.with_name(f"server.json.{os.getpid()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text)
    draft.replace(path)
    try:
        yield
    finally:
        if path.exists() and f'"pid": {os.getpid()}' in path.read_text():
            path.unlink(missing_ok=True)


def serve(settings: Settings) -> int:
    """Serve until the process is told to stop; returns its exit status."""
    os.umask(0o077)
    logs.configure(settings.log_level)
    _calm_collector()
    if not _is_loopback(settings.host):
        logs.warn_open_bind(settings.host)
    with opened(settings) as database:
        local = keys.mint_key(secrets.token_bytes(keys.RANDOM_BYTES))
        parts = compose(settings, database, local, is_loopback=_is_loopback(settings.host))
        listener = _listen(settings.host, settings.port)
        listening = Listening(_url(settings.host, listener), local.secret)
        first = credentials.ensure_first_admin(parts.ctx)
        with _announced(settings, listening):
            _greet(listening.url, first, database)
            server = _server(parts.asgi)
            _stop_on_signals(server)
            _run_until_done(_run(parts, server, listener))
    return 0


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        uvloop = importlib.import_module("uvloop")
    except ImportError:  # there is none for Windows
        return asyncio.new_event_loop()
    made: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return made


def _run_until_done(work: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=_new_loop) as runner:
        runner.run(work)


def _stop_on_signals(server: uvicorn.Server) -> None:
    # The server raises a signal again when it has stopped; it must find a handler that lets this
    # process end in order, and one that stops a server which has not yet begun.
    def stop(*_: object) -> None:
        server.should_exit = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


def _calm_collector() -> None:
    # Records in flight are many and short-lived, and none is a cycle: collect seldom.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def _greet(url: str, first_key: str | None, database: Database) -> None:
    if first_key is not None:
        print(f"First admin key, shown this once; keep it safe:\n\n    {first_key}\n")
    store = sqlite.version_note() if database.dialect == "sqlite" else "PostgreSQL"
    print(f"Andon serves on {url} ({store}). Stop it with Ctrl-C.")
    sys.stdout.flush()


@contextmanager
def open_server(settings: Settings) -> Iterator[Listening]:
    """Serve this process alone, on a free loopback port, for as long as the block runs."""
    quiet = settings.model_copy(update={"log_level": "error"})
    logs.configure(quiet.log_level)
    with opened(quiet) as database:
        local = keys.mint_key(secrets.token_bytes(keys.RANDOM_BYTES))
        parts = compose(quiet, database, local, is_loopback=True)
        listener = _listen("127.0.0.1", 0)
        server = _server(parts.asgi)
        thread = threading.Thread(
            target=lambda: _run_until_done(_run(parts, server, listener)), name="andon-server"
        )
        thread.start()
        try:
            yield Listening(_url("127.0.0.1", listener), local.secret)
        finally:
            server.should_exit = True
            thread.join()


def init(settings: Settings) -> str | None:
    """Make the store ready and return its first admin key, or None when it has one already."""
    with opened(settings) as database:
        parts = compose(settings, database, None, is_loopback=True)
        try:
            return credentials.ensure_first_admin(parts.ctx)
        finally:
            parts.threads.close()


def migrate(settings: Settings) -> int:
    """Bring the store's schema to this version and return its level."""
    path = settings.sqlite_path
    if path is None:
        return migrations.migrate_postgres(settings)
    with opened(settings):
        return migrations.LEVEL


def diagnose(settings: Settings) -> list[Finding]:
    """Check what Andon stands on: database, clock, disk, fsync."""
    return diagnosis.diagnose(settings, clock_us)
