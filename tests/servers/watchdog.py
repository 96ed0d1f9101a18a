"""Run one command and end it when whoever started this process goes away, however it goes.

The starter holds the write end of standard input: its end, even by kill -9, closes the pipe.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import FrameType


def main() -> int:
    """Run the command, hand signals on to it and return its exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--user", help="run the command as this user (needs root)")
    parser.add_argument("--orphan-signal", default="SIGTERM", help="sent when the starter is gone")
    parser.add_argument("--orphan-remove", type=Path, help="removed when the starter is gone")
    parser.add_argument("command", nargs="+")
    asked = parser.parse_args()
    child = _spawn(asked.command, asked.user)

    def hand_on(number: int, _frame: FrameType | None) -> None:
        child.send_signal(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT):
        signal.signal(number, hand_on)
    orphaned = threading.Event()

    def watch() -> None:
        while os.read(0, 1024):
            pass
        orphaned.set()
        child.send_signal(signal.Signals[asked.orphan_signal])

    threading.Thread(target=watch, daemon=True).start()
    status = child.wait()
    if orphaned.is_set() and asked.orphan_remove is not None:
        shutil.rmtree(asked.orphan_remove, ignore_errors=True)
    return status if status >= 0 else 128 - status


def _spawn(command: list[str], user: str | None) -> subprocess.Popen[bytes]:
    if user is None:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL)
    import pwd

    entry = pwd.getpwnam(user)
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        user=entry.pw_uid,
        group=entry.pw_gid,
        extra_groups=[],
        cwd="/",
    )


if __name__ == "__main__":
    sys.exit(main())
