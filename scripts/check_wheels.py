"""Ask the registry for a wheel of each locked dependency, for each Python that is supported."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from scripts import locks

PYTHONS = ("3.11", "3.12", "3.13", "3.14")
PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")

_LIST = "wanted.txt"
_UNREACHABLE = re.compile(r"Retrying|Connection|Temporary failure|timed out|ProxyError|SSLError")


class RegistryUnreachable(Exception):
    """The package registry does not answer, so nothing can be said about wheels."""


def environment(python: str) -> dict[str, str]:
    """Describe CPython of this version on Linux x86_64, as dependency markers ask."""
    return {
        "implementation_name": "cpython",
        "os_name": "posix",
        "platform_machine": "x86_64",
        "platform_python_implementation": "CPython",
        "platform_system": "Linux",
        "python_full_version": f"{python}.0",
        "python_version": python,
        "sys_platform": "linux",
    }


def fault(pins: Sequence[locks.Pin], python: str) -> str | None:
    """Say what is missing for one Python, or None; wheels are taken by their locked hash."""
    wanted = [pin for pin in pins if pin.wanted(environment(python))]
    lines = [
        f"{pin.name}=={pin.version} " + " ".join(f"--hash={one}" for one in pin.hashes)
        for pin in wanted
    ]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / _LIST).write_text("\n".join(lines))
        done = subprocess.run(
            [sys.executable, "-m", "pip", "download", *_options(python, Path(folder))],
            check=False,
            capture_output=True,
            text=True,
        )
    if done.returncode == 0:
        return None
    if _UNREACHABLE.search(done.stderr):
        raise RegistryUnreachable(done.stderr.strip().splitlines()[-1])
    lines = done.stderr.splitlines()
    return "\n".join(line for line in lines if not line.startswith("WARNING"))


def _options(python: str, folder: Path) -> list[str]:
    return [
        f"--dest={folder}",
        f"--requirement={folder / _LIST}",
        "--quiet",
        "--disable-pip-version-check",
        "--retries=1",
        "--no-deps",
        "--only-binary=:all:",
        "--require-hashes",
        "--implementation=cp",
        f"--python-version={python}",
        *(f"--platform={name}" for name in PLATFORMS),
    ]


def main() -> int:
    """Check the server's lock and say which Python lacks which wheel."""
    pins = locks.read(locks.SERVER)
    faults = 0
    for python in PYTHONS:
        found = fault(pins, python)
        print(f"Python {python}: {found or 'every locked dependency has a wheel'}")
        faults += found is not None
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
