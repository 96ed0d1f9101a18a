"""Runtime and engines take time, randomness, threads and sleep from the context alone."""

from __future__ import annotations

import pytest

from scripts.tree import ROOT
from tests.architecture.ambient import AMBIENT, OUTSIDE, findings

PACKAGE = ROOT / "src" / "andon"

PLANTED = {
    "clock": "import time\ndef now():\n    return time.time()\n",
    "clock by name": "from time import monotonic\n",
    "clock under another name": "import time as t\nstart = t.monotonic\n",
    "date": "import datetime as dt\nnow = dt.datetime.now(dt.UTC)\n",
    "date by name": "from datetime import datetime\nnow = datetime.utcnow()\n",
    "today": "from datetime import date\nday = date.today()\n",
    "random id": "from uuid import uuid4\n",
    "random id by module": "import uuid\nnew = uuid.uuid4\n",
    "randomness": "import random\n",
    "secrets": "import secrets\n",
    "os randomness": "import os\nraw = os.urandom(8)\n",
    "environment": "import os\nhome = os.environ['HOME']\n",
    "thread": "from threading import Lock\n",
    "executor": "from concurrent.futures import ThreadPoolExecutor\n",
    "executor by loop": "def f(loop, call):\n    return loop.run_in_executor(None, call)\n",
    "to thread": "import asyncio\nasync def f(g):\n    await asyncio.to_thread(g)\n",
    "sleep": "import asyncio\nasync def f():\n    await asyncio.sleep(1)\n",
    "task": "import asyncio\ndef f(c):\n    return asyncio.create_task(c)\n",
    "child process": "import subprocess\n",
    "inside a function": "def f():\n    import time\n    return time.monotonic_ns()\n",
    "set display": "for x in {f, g}:\n    x()\n",
    "set call": "def f(xs):\n    for x in set(xs):\n        x()\n",
    "frozenset call": "def f(xs):\n    return [x for x in frozenset(xs)]\n",
    "set of a name": "def f(xs):\n    seen = set()\n    for x in seen:\n        x()\n",
    "set parameter": "def f(xs: set[str]):\n    return list(xs)\n",
    "set of the module": "NAMES = frozenset('ab')\ndef f():\n    return ','.join(NAMES)\n",
    "set arithmetic": "def f(a: set[int], b):\n    return [*(a - b)]\n",
    "set in a dictionary": "def f(a: set[int]):\n    return {x: 1 for x in a}\n",
    "set in a lambda": "f = lambda xs: tuple(set(xs))\n",
}

HARMLESS = {
    "a clock that is given": "def f(clock):\n    return clock.monotonic()\n",
    "a time of day": "from datetime import time\nnoon = time(12)\n",
    "a date": "from datetime import date\nday = date(2026, 1, 2)\n",
    "a field named like a module": "def f(row):\n    return row.random, row.time\n",
    "a name based id": "from uuid import uuid5\n",
    "a sorted set": "def f(xs: set[str]):\n    return [x for x in sorted(xs)]\n",
    "a set by a set": "def f(xs: set[str]):\n    return {x.upper() for x in xs}\n",
    "a sum over a set": "def f(xs: set[int]):\n    return sum(x * 2 for x in xs)\n",
    "a set without duplicates": "def f(a: set[str], b: set[str]):\n    return {*a, *b}\n",
    "a question to a set": "NAMES = {'a'}\ndef f(x):\n    return x in NAMES\n",
    "a list by the same name": "def f(xs):\n    xs = set(xs)\n    xs = sorted(xs)\n    list(xs)\n",
}


@pytest.mark.parametrize("name", PLANTED)
def test_planted_use_is_found(name: str) -> None:
    assert findings(PLANTED[name], AMBIENT)


@pytest.mark.parametrize("name", HARMLESS)
def test_harmless_code_passes(name: str) -> None:
    assert findings(HARMLESS[name], AMBIENT) == []


@pytest.mark.parametrize("source", ["import os\n", "print(1)\n", "open('x')\n", "import asyncio\n"])
def test_engines_do_no_io_either(source: str) -> None:
    assert findings(source, OUTSIDE)


@pytest.mark.parametrize(("layer", "banned"), [("runtime", AMBIENT), ("engines", OUTSIDE)])
def test_layer_takes_nothing_from_its_surroundings(layer: str, banned: tuple[str, ...]) -> None:
    files = sorted((PACKAGE / layer).rglob("*.py"))
    assert files
    found = [
        f"{path.relative_to(ROOT)}:{one}"
        for path in files
        for one in findings(path.read_text(encoding="utf-8"), banned)
    ]
    assert not found, "take these from the context:\n" + "\n".join(found)
