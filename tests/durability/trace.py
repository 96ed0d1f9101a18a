"""What strace saw of a server: arrivals, log writes, syncs and answers, in their order."""

from __future__ import annotations

import contextlib
import re
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_CALLS = "fdatasync,fsync,write,writev,pwrite64,pwritev,sendto,sendmsg,read,readv,recvfrom,recvmsg"
_LINE = re.compile(r"^(?P<pid>\d+) +(?P<rest>.*)$")
_BEGUN = re.compile(r"^(?P<name>\w+)\((?P<arguments>.*?)(?: <unfinished \.\.\.>)?$")
_RESUMED = re.compile(r"^<\.\.\. (?P<name>\w+) resumed>(?P<arguments>.*)$")
_DONE = re.compile(r"\) += (?P<result>-?\d+)")
_LOG = re.compile(r"^\d+<[^>]*(?:\.db-wal|/pg_wal/[^>]*)>")
_SYNCS = {"fdatasync", "fsync"}
_WRITES = {"write", "writev", "pwrite64", "pwritev"}
_ATTACH_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Call:
    """One system call: the places in the trace where it began and ended, and its text."""

    begun: int
    ended: int
    name: str
    text: str

    @property
    def is_of_log(self) -> bool:
        """Whether it concerns the write-ahead log of SQLite or PostgreSQL."""
        return _LOG.match(self.text) is not None


def calls_of(lines: Iterable[str]) -> list[Call]:
    """Read a trace (`strace -f -y`); only calls that succeeded count."""
    open_calls: dict[str, tuple[int, str, str]] = {}
    calls = []
    for place, line in enumerate(lines):
        parts = _LINE.match(line)
        if parts is None:
            continue
        pid, rest = parts["pid"], parts["rest"]
        begun, resumed = _BEGUN.match(rest), _RESUMED.match(rest)
        if begun is not None:
            open_calls[pid] = (place, begun["name"], begun["arguments"])
        elif resumed is not None and pid in open_calls:
            start, name, text = open_calls[pid]
            open_calls[pid] = (start, name, text + resumed["arguments"])
        else:
            continue
        results = list(_DONE.finditer(rest))
        if results and not rest.endswith("<unfinished ...>"):
            start, name, text = open_calls.pop(pid)
            if int(results[-1]["result"]) >= 0:
                calls.append(Call(start, place, name, text))
    return calls


def why_not_durable(calls: Sequence[Call], arrival_mark: str, answer_mark: str) -> str | None:
    """Tell what is wrong with a record's way from arrival to answer, or None.

    After the arrival the log must be written, then synced, and only then answered.
    """
    arrived = [call for call in calls if arrival_mark in call.text and "recv" in call.name]
    arrived = arrived or [
        call for call in calls if arrival_mark in call.text and "read" in call.name
    ]
    if not arrived:
        return "its arrival was not seen"
    arrival = arrived[0].ended
    answers = [call.begun for call in calls if call.begun > arrival and answer_mark in call.text]
    if not answers:
        return "its answer was not seen"
    way = [call for call in calls if arrival < call.begun and call.begun < answers[0]]
    writes = [call for call in way if call.name in _WRITES and call.is_of_log]
    if not writes:
        return "nothing was written to the log before its answer"
    syncs = [call for call in way if call.name in _SYNCS and call.is_of_log]
    for sync in syncs:
        before = [call for call in writes if call.ended < sync.begun]
        # SQLite fills the sector behind a commit with one more frame, and syncs up to the sector:
        # the rest of that frame follows the sync and belongs to no record.
        if sync.ended < answers[0] and before and len(writes) - len(before) <= 1:
            return None
    return "the log was not synced between its writes and the answer"


@contextmanager
def traced(strace: Path, pids: Sequence[int], output: Path) -> Iterator[None]:
    """Trace these processes with all their threads for as long as the block runs."""
    command = [str(strace), "-f", "-y", "-s", "4096", "-e", f"trace={_CALLS}", "-o", str(output)]
    for pid in pids:
        command += ["-p", str(pid)]
    errors = output.with_suffix(".stderr")
    with errors.open("wb") as sink:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink)
    try:
        _wait_until_attached(process, pids, errors)
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGINT)
        process.wait(_ATTACH_SECONDS)


class NotAllowed(Exception):
    """This machine does not let one process trace another."""


def _wait_until_attached(
    process: subprocess.Popen[bytes], pids: Sequence[int], errors: Path
) -> None:
    deadline = time.monotonic() + _ATTACH_SECONDS
    while not all(_is_traced(task) for pid in pids for task in _tasks(pid)):
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.02)
            raise NotAllowed(errors.read_text(errors="replace").strip())
        if time.monotonic() > deadline:
            raise RuntimeError("strace did not attach in time")


def _tasks(pid: int) -> list[Path]:
    return list(Path(f"/proc/{pid}/task").iterdir())


def _is_traced(task: Path) -> bool:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return "TracerPid:\t0\n" not in (task / "status").read_text()
    return True
