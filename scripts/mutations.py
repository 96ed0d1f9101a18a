"""The table of breaks, `tests/mutations.toml`, and what makes an entry stale."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

TABLE = Path("tests") / "mutations.toml"


@dataclass(frozen=True, slots=True)
class Mutation:
    """One change of one file that breaks one invariant, and the tests that must notice."""

    id: str
    invariant: int
    file: str
    search: str
    replace: str
    tests: tuple[str, ...]

    def broken(self, source: str) -> str:
        """Make the break in the file's text; ValueError if it is not there exactly once."""
        count = source.count(self.search)
        if count != 1:
            raise ValueError(
                f"{self.id}: the search text occurs {count} times in {self.file}; "
                "it must occur exactly once"
            )
        return source.replace(self.search, self.replace)


def read(root: Path) -> list[Mutation]:
    """Read the table of a tree."""
    table = tomllib.loads((root / TABLE).read_text(encoding="utf-8"))
    return [Mutation(**{**entry, "tests": tuple(entry["tests"])}) for entry in table["mutation"]]


def faults(mutations: list[Mutation], root: Path) -> Iterator[str]:
    """Say what is wrong with the entries, as the tree is now."""
    ids = [one.id for one in mutations]
    yield from (f"{name}: the id is used twice" for name in sorted(set(ids)) if ids.count(name) > 1)
    for one in mutations:
        path = root / one.file
        if not path.is_file():
            yield f"{one.id}: there is no {one.file}"
        elif fault := _text_fault(one, path.read_text(encoding="utf-8")):
            yield fault
        if not one.tests:
            yield f"{one.id}: it names no test"
        yield from (f"{one.id}: {why}" for name in one.tests if (why := selector_fault(name, root)))


def _text_fault(mutation: Mutation, source: str) -> str | None:
    try:
        same = mutation.broken(source) == source
    except ValueError as fault:
        return str(fault)
    return f"{mutation.id}: it changes nothing" if same else None


def selector_fault(selector: str, root: Path) -> str | None:
    """Say what is missing of `file::Class::test`, or None; parameters in brackets are not read."""
    file, *names = selector.split("[")[0].split("::")
    path = root / file
    if not path.exists():
        return f"there is no {file}"
    if not names:
        return None
    body = ast.parse(path.read_text(encoding="utf-8")).body
    for name in names:
        found = [node for node in body if isinstance(node, _NAMED) and node.name == name]
        if not found:
            return f"there is no {name} in {file}"
        body = found[0].body
    return None


_NAMED = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
