"""Import modules and print what the process did to the world meanwhile: run as a script."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

WRITES = {
    "os.chmod",
    "os.chown",
    "os.link",
    "os.mkdir",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.symlink",
    "os.truncate",
    "shutil.copyfile",
    "shutil.rmtree",
    "tempfile.mkdtemp",
    "tempfile.mkstemp",
}
PROCESSES = {"os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system"}
PREFIXES = ("socket.", "subprocess.", "sqlite3.connect", "urllib.", "pty.")
HARMLESS = {"socket.gethostname"}

recording = False
seen: list[str] = []


def hook(event: str, arguments: tuple[Any, ...]) -> None:
    """Record an event that an import has no business to cause."""
    if not recording:
        return
    if event == "open":
        path, mode, flags = arguments
        writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
        wants = set(mode or "") & set("wax+") or (isinstance(flags, int) and flags & writing)
        if wants and path != os.devnull:
            seen.append(f"open {path!r} for writing")
    elif event in WRITES | PROCESSES or (event.startswith(PREFIXES) and event not in HARMLESS):
        seen.append(f"{event} {arguments!r:.200}")


def main() -> int:
    """Import every module named as an argument and print what was seen; 1 if anything was."""
    global recording
    sys.addaudithook(hook)
    recording = True
    for name in sys.argv[1:]:
        before = len(seen)
        importlib.import_module(name)
        seen[before:] = [f"{name}: {one}" for one in seen[before:]]
    recording = False
    print("\n".join(seen))
    return 1 if seen else 0


if __name__ == "__main__":
    sys.exit(main())
