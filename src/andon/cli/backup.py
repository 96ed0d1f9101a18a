"""`andon backup`: copy the embedded store to a file, also while a server uses it."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
from pathlib import Path

import click

from andon.cli.connection import Api, Json, connected
from andon.cli.failures import Failure
from andon.cli.options import as_json, load_settings
from andon.cli.output import print_facts, print_json
from andon.errors import UsePgDump
from andon.settings import Settings

_CHUNK = 1 << 20


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--replace", is_flag=True, help="Replace FILE if it exists.")
@as_json
def backup(file: Path, *, replace: bool, as_json: bool) -> None:
    """Copy the embedded store to FILE, or into it if it is a folder.

    A server that runs goes on meanwhile. The copy is one state of the store and needs no other
    file; `andon restore` takes it.
    """
    _require_store(load_settings())
    _require_free(file, replace=replace)
    with connected() as api:
        made = _make(api)
        target = file / made["name"] if file.is_dir() else file
        move(Path(made["path"]), target, made["sha256"])
    told = {"file": str(target.absolute()), **made}
    del told["path"], told["name"]
    if as_json:
        print_json(told)
        return
    facts = [("file", told["file"]), ("state of", told["at"]), ("records", told["records"])]
    facts += [("tenants", told["tenants"]), ("bytes", told["bytes"]), ("SHA-256", told["sha256"])]
    print_facts(facts)


def _require_store(settings: Settings) -> None:
    """Refuse before a store is made for want of one."""
    path = settings.sqlite_path
    if settings.url:
        return
    if path is None:
        raise UsePgDump
    if not path.exists() and not (settings.home / "server.json").exists():
        problem = f"there is no store at {path}; set ANDON_HOME to where it is"
        raise Failure(problem, "no_store")


def _require_free(file: Path, *, replace: bool) -> None:
    if file.exists() and not file.is_dir() and not replace:
        problem = f"{file} exists; choose another name, or replace it with --replace"
        raise Failure(problem, "file_exists")
    if not file.parent.is_dir():
        raise Failure(f"{file.parent} is no folder; make it first", "no_folder")


def _make(api: Api) -> Json:
    made = api.post_work("backup", {})
    if not Path(made["path"]).exists():
        problem = (
            f"the server made {made['path']} on its own machine, which is not this one, and keeps "
            "it for a day; run `andon backup` beside the store"
        )
        raise Failure(problem, "not_beside_the_store")
    return made


def move(made: Path, target: Path, sha256: str) -> None:
    """Move a finished copy, which keeps mode 0600 and is whole whenever its name is there."""
    try:
        made.replace(target)
    except OSError as fault:
        if fault.errno != errno.EXDEV:
            raise
        _carry(made, target, sha256)
    _sync_folder(target.parent)


def _carry(made: Path, target: Path, sha256: str) -> None:
    """Copy to another file system, and compare what was written with what the server says."""
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        digest = hashlib.sha256()
        with os.fdopen(handle, "wb") as copy, made.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
                copy.write(chunk)
            copy.flush()
            os.fsync(copy.fileno())
        if digest.hexdigest() != sha256:
            raise Failure(f"{made} is not what the server wrote; repeat the backup", "changed")
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
    made.unlink()


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
