"""Importing any module of the package opens no socket, starts no process and writes no file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.tree import ROOT, present

AUDIT = Path(__file__).with_name("import_audit.py")
SOURCE = ROOT / "src"

PLANTED = {
    "a socket": "import socket\nsocket.socket().close()\n",
    "a name look-up": "import socket\nsocket.getaddrinfo('localhost', 1)\n",
    "a child process": "import subprocess, sys\nsubprocess.run([sys.executable, '-c', ''])\n",
    "a shell": "import os\nos.system('true')\n",
    "a written file": "open('written', 'w').close()\n",
    "an opened descriptor": "import os\nos.close(os.open('written', os.O_CREAT | os.O_RDWR))\n",
    "a folder": "import os\nos.mkdir('made')\n",
    "a database": "import sqlite3\nsqlite3.connect('made.db').close()\n",
}


def modules() -> list[str]:
    """Name every module that can be imported for its own sake."""
    files = [path for path in present("src/andon") if path.suffix == ".py"]
    dotted = [".".join(path.relative_to("src").with_suffix("").parts) for path in files]
    # Alembic runs these inside a migration; `__main__` is a command.
    apart = (".migrations.env", ".migrations.versions.", "__main__")
    return [
        name.removesuffix(".__init__") for name in dotted if not any(one in name for one in apart)
    ]


def audit(where: Path, source: Path, *names: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-B", str(AUDIT), *names],
        cwd=where,
        env={**os.environ, "PYTHONPATH": str(source), "HOME": str(where)},
        check=False,
        capture_output=True,
        text=True,
    )


def test_imports_have_no_effect(tmp_path: Path) -> None:
    found = modules()
    assert {"andon", "andon.sdk", "andon.schemas"} <= set(found)
    done = audit(tmp_path, SOURCE, *found)
    assert done.returncode == 0, done.stdout + done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", PLANTED)
def test_planted_effect_is_found(tmp_path: Path, name: str) -> None:
    (tmp_path / "planted.py").write_text(PLANTED[name])
    done = audit(tmp_path, tmp_path, "planted")
    assert done.returncode == 1
    assert "planted: " in done.stdout
