"""A file system for SQLite that is made of memory: it logs each write and can fail on demand.

SQLite's own code for files is left out; its pager, its log and its recovery are real. Shared memory
is not offered, so a connection takes the file for itself (`locking_mode = EXCLUSIVE`).
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import apsw

from tests.simulation.disk import Images, Op

NAME = "andon-memory"
# What SQLite assumes of a disk on Unix; `psow` follows the address of the database, as there.
_SECTOR_BYTES = 4096

Fail = Callable[[Op], int | None]
"""Chooses the error (SQLITE_IOERR_*, SQLITE_FULL) with which a step fails, if it does."""


class Mount:
    """The files of one machine that is switched on, and what it has written so far."""

    def __init__(self, images: Images, fail: Fail | None = None) -> None:
        self.files: Images = {name: bytearray(image) for name, image in images.items()}
        self.log: list[Op] = []
        self.fail = fail
        self.failures = 0

    def note(self, op: Op) -> None:
        """Log a step, or fail it."""
        code = self.fail(op) if self.fail is not None else None
        if code is None:
            self._take(op)
            return
        self.failures += 1
        if op.kind == "sync":
            self._take(Op("spoil", op.name))
        elif op.kind == "write":
            # A disk that is full, or broken, may have taken a part.
            self._take(op._replace(data=op.data[: len(op.data) // 2]))
        raise _fault(code)

    def _take(self, op: Op) -> None:
        self.log.append(op)
        if op.kind != "write":
            return
        file, end = self.files[op.name], op.offset + len(op.data)
        if end > len(file):
            file.extend(bytes(end - len(file)))
        file[op.offset : end] = op.data


def _fault(code: int) -> Any:
    kind = apsw.FullError if code == apsw.SQLITE_FULL else apsw.IOError
    fault: Any = kind("the simulated disk failed")
    fault.extendedresult = code
    return fault


class _File:
    """An open file."""

    def __init__(self, mount: Mount, name: str, has_safe_overwrite: bool) -> None:
        self._mount = mount
        self._name = name
        self._data = mount.files[name]
        self._traits = apsw.SQLITE_IOCAP_POWERSAFE_OVERWRITE if has_safe_overwrite else 0

    def xRead(self, amount: int, offset: int) -> bytes:
        return bytes(self._data[offset : offset + amount])

    def xWrite(self, data: bytes, offset: int) -> None:
        self._mount.note(Op("write", self._name, offset, bytes(data)))

    def xTruncate(self, size: int) -> None:
        self._mount.note(Op("truncate", self._name, size))
        del self._data[size:]

    def xSync(self, _flags: int) -> None:
        self._mount.note(Op("sync", self._name))

    def xFileSize(self) -> int:
        return len(self._data)

    def xLock(self, _level: int) -> None:
        """Take nothing: nobody else has the file."""

    def xUnlock(self, _level: int) -> None:
        """Give nothing back."""

    def xCheckReservedLock(self) -> bool:
        return False

    def xFileControl(self, _op: int, _pointer: int) -> bool:
        return False

    def xSectorSize(self) -> int:
        return _SECTOR_BYTES

    def xDeviceCharacteristics(self) -> int:
        return self._traits

    def xClose(self) -> None:
        """Leave what is written where it is."""

    def excepthook(self, *_told: Any) -> None:
        """Say nothing: SQLite answers with the error that was asked for."""


class MemoryVfs(apsw.VFS):
    """Opens the files of mounts; `/3/andon.db` lies on the third one."""

    def __init__(self) -> None:
        super().__init__(NAME, base=apsw.vfs_names()[0])
        self._mounts: dict[str, Mount] = {}
        self._numbers = count(1)

    def mount(self, mount: Mount) -> str:
        """Make a machine's files reachable; returns their folder."""
        folder = f"/{next(self._numbers)}/"
        self._mounts[folder] = mount
        return folder

    def unmount(self, folder: str) -> None:
        """Switch a machine off; no connection to it may be open."""
        del self._mounts[folder]

    def _at(self, path: str) -> tuple[Mount, str]:
        folder, _, name = path.rpartition("/")
        return self._mounts[f"{folder}/"], name

    def xOpen(self, path: Any, flags: list[int]) -> Any:
        is_address = isinstance(path, apsw.URIFilename)
        mount, name = self._at(path.filename() if is_address else path)
        if name not in mount.files:
            mount.files[name] = bytearray()
            mount.log.append(Op("make", name))
        flags[1] = flags[0]
        return _File(mount, name, path.uri_boolean("psow", True) if is_address else True)

    def xDelete(self, path: str, _sync: bool) -> None:
        mount, name = self._at(path)
        mount.note(Op("delete", name))
        del mount.files[name]

    def xAccess(self, path: str, _flags: int) -> bool:
        mount, name = self._at(path)
        return name in mount.files

    def xFullPathname(self, path: str) -> str:
        return path

    def excepthook(self, etype: Any, evalue: Any, etraceback: Any) -> bool:
        """Say nothing: SQLite answers with the error that was asked for."""
        return True


VFS = MemoryVfs()
"""Registered once in this process."""
