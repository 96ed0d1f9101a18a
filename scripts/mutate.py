"""Break each invariant in a copy of the tree and see its test fail: `python -m scripts.mutate`."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from enum import StrEnum
from pathlib import Path

from scripts import mutations
from scripts.mutations import Mutation
from scripts.tree import ROOT, present

RUN_SECONDS = 900
TEST_SECONDS = 300


class Verdict(StrEnum):
    """What the tests said about a break; only `killed` and `hangs` are good news."""

    KILLED = "killed"
    HANGS = "hangs"
    SURVIVED = "SURVIVED"
    NO_RUN = "DOES NOT RUN"
    STALE = "STALE"


GOOD = {Verdict.KILLED, Verdict.HANGS}


def copy_tree(source: Path, files: Iterable[Path], target: Path) -> None:
    """Copy the files into a new folder, with no cache and no compiled file among them."""
    for path in files:
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source / path, target / path)


def run_tests(tree: Path, selectors: Sequence[str]) -> tuple[int | None, str]:
    """Run tests on the code of a tree; return pytest's status, None for a hang, and its text."""
    path = os.pathsep.join([str(tree / "src"), str(tree)])
    options = ["-q", "-x", "--tb=short", "-p", "no:cacheprovider", f"--timeout={TEST_SECONDS}"]
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *options, *selectors],
            cwd=tree,
            # Compiled files would outlive a break that keeps the size of its file.
            env={**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=RUN_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return None, f"no end after {RUN_SECONDS} s"
    return done.returncode, done.stdout


def judge(tree: Path, mutation: Mutation) -> tuple[Verdict, str]:
    """Make one break, run its tests, and mend it again."""
    path = tree / mutation.file
    if not path.is_file():
        return Verdict.STALE, f"there is no {mutation.file}"
    whole = path.read_text(encoding="utf-8")
    try:
        path.write_text(mutation.broken(whole), encoding="utf-8")
    except ValueError as stale:
        return Verdict.STALE, str(stale)
    try:
        status, text = run_tests(tree, mutation.tests)
    finally:
        path.write_text(whole, encoding="utf-8")
    verdicts = {None: Verdict.HANGS, 0: Verdict.SURVIVED, 1: Verdict.KILLED}
    return verdicts.get(status, Verdict.NO_RUN), text


def baseline_fault(tree: Path, chosen: Sequence[Mutation]) -> str | None:
    """Say why the named tests prove nothing: they fail without any break, or read other code."""
    probe = "import andon; print(andon.__file__)"
    done = subprocess.run(
        [sys.executable, "-c", probe],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree / "src")},
        check=True,
        capture_output=True,
        text=True,
    )
    if not Path(done.stdout.strip()).is_relative_to(tree):
        return f"the tests would read {done.stdout.strip()} and not the copy"
    status, text = run_tests(tree, sorted({name for one in chosen for name in one.tests}))
    return None if status == 0 else f"the tests fail without any break:\n{text[-4000:]}"


def campaign(tree: Path, chosen: Sequence[Mutation]) -> bool:
    """Judge each break, print a row for each, and tell whether every one was noticed."""
    print(f"{'break':<40} {'invariant':>9}  {'verdict':<12} {'s':>5}")
    good = True
    for one in chosen:
        start = time.monotonic()
        verdict, text = judge(tree, one)
        took = time.monotonic() - start
        print(f"{one.id:<40} {one.invariant:>9}  {verdict:<12} {took:>5.1f}", flush=True)
        if verdict not in GOOD:
            good = False
            print(text[-2000:], file=sys.stderr)
    return good


def main(argv: Sequence[str] | None = None, *, root: Path = ROOT) -> int:
    """Judge every break of the table, or those whose id contains what is given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="judge the breaks whose id contains this")
    asked = parser.parse_args(argv)
    chosen = [one for one in mutations.read(root) if asked.only in one.id]
    if not chosen:
        print(f"no break to make: see {mutations.TABLE}", file=sys.stderr)
        return 2
    files = present() if root == ROOT else _files(root)
    with tempfile.TemporaryDirectory(prefix="andon-mutate-") as folder:
        tree = Path(folder).resolve()
        copy_tree(root, files, tree)
        if fault := baseline_fault(tree, chosen):
            print(fault, file=sys.stderr)
            return 1
        good = campaign(tree, chosen)
    print(f"{len(chosen)} breaks, {'each noticed' if good else 'NOT each noticed'}")
    return 0 if good else 1


def _files(root: Path) -> list[Path]:
    return [path.relative_to(root) for path in root.rglob("*") if path.is_file()]


if __name__ == "__main__":
    sys.exit(main())
