"""What a figure was measured on: machine, versions, commit, and how busy it was."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from andon.drivers.database import sqlite
from scripts.tree import ROOT


def today() -> str:
    """Give the date in UTC."""
    return datetime.now(UTC).date().isoformat()


def commit() -> str:
    """Name the commit that is checked out, with `+` when the product differs from it."""
    head = _git("rev-parse", "--short", "HEAD") or "unknown"
    return head + ("+" if _git("status", "--porcelain", "--", "src") else "")


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", "-c", "safe.directory=*", *arguments],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip() if done.returncode == 0 else ""


def processor() -> str:
    """Name the processor and how many cores of it are usable."""
    path = Path("/proc/cpuinfo")
    names = (
        [line.split(":", 1)[1].strip() for line in path.read_text().splitlines() if "name" in line]
        if path.exists()
        else []
    )
    model = names[0] if names else platform.processor() or platform.machine()
    return f"{model}, {os.cpu_count()} cores"


def load_average() -> float:
    """Give the load of the last minute; a figure from a busy machine is worth less."""
    return os.getloadavg()[0]


def cpu_seconds(pid: int) -> float:
    """Give the processor time that a process and its living children have used (Linux)."""
    task = Path(f"/proc/{pid}")
    fields = (task / "stat").read_text().rpartition(")")[2].split()
    own = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    children = (task / "task" / str(pid) / "children").read_text().split()
    return own + sum(cpu_seconds(int(child)) for child in children)


def versions() -> dict[str, str]:
    """Name the versions that a figure depends on."""
    return {
        "python": platform.python_version(),
        "andon": version("andon"),
        "sqlite": ".".join(map(str, sqlite.linked_version())),
        "system": f"{platform.system()} {platform.release()}",
        "executable": Path(sys.executable).name,
    }


def rss_mib(pid: int) -> float:
    """Give the resident memory of a process and its living children in MiB (Linux)."""
    task = Path(f"/proc/{pid}")
    pages = int((task / "statm").read_text().split()[1])
    children = (task / "task" / str(pid) / "children").read_text().split()
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20 + sum(rss_mib(int(c)) for c in children)
