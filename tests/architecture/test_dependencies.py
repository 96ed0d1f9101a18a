"""Dependencies are few, counted, locked by hash and the same in every lock."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from scripts import locks
from scripts.tree import ROOT

MAX_BASE = 3
MAX_SERVER = 24
MAX_SERVER_LOCKED = 55
"""Raising one of these is a decision: a supplier more who can break or betray every install."""

LOCKS = {"dev": locks.DEV, "server": locks.SERVER, "build": locks.BUILD}


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def declared(*, server: bool = False, dev: bool = False) -> list[Requirement]:
    read = project()
    names = [*read["project"]["dependencies"]]
    if server:
        names += read["project"]["optional-dependencies"]["server"]
    if dev:
        names += read["dependency-groups"]["dev"]
    return [Requirement(name) for name in names]


def unmet(requirements: list[Requirement], pins: list[locks.Pin]) -> list[str]:
    versions = {pin.name: pin.version for pin in pins}
    return [
        str(requirement)
        for requirement in requirements
        if (version := versions.get(canonicalize_name(requirement.name))) is None
        or version not in requirement.specifier
    ]


def test_base_dependencies_are_few() -> None:
    assert len(declared()) <= MAX_BASE


def test_server_dependencies_are_few() -> None:
    assert len(project()["project"]["optional-dependencies"]["server"]) <= MAX_SERVER
    assert len(locks.read(locks.SERVER)) <= MAX_SERVER_LOCKED


def test_releases_have_a_lower_and_an_upper_bound() -> None:
    calendar = {"tzdata"}
    open_ended = [
        str(one)
        for one in declared(server=True)
        if not {">=", "<"} <= {spec.operator for spec in one.specifier} and one.name not in calendar
    ]
    assert not open_ended


@pytest.mark.parametrize("name", LOCKS)
def test_every_pin_has_hashes(name: str) -> None:
    pins = locks.read(LOCKS[name])
    assert pins
    assert [pin.name for pin in pins if not pin.hashes or not pin.version] == []


@pytest.mark.parametrize("name", LOCKS)
def test_lock_names_no_host_and_no_path(name: str) -> None:
    text = LOCKS[name].read_text(encoding="utf-8")
    assert "://" not in text
    assert " @ " not in text
    assert str(ROOT) not in text
    assert not [line for line in text.splitlines() if line.startswith("-")]


def test_locks_satisfy_the_project() -> None:
    assert unmet(declared(server=True, dev=True), locks.read(locks.DEV)) == [], "run `make lock`"
    assert unmet(declared(server=True), locks.read(locks.SERVER)) == [], "run `make lock`"


@pytest.mark.parametrize("name", ["server", "build"])
def test_smaller_lock_is_part_of_the_larger(name: str) -> None:
    larger = {str(pin.requirement): set(pin.hashes) for pin in locks.read(locks.DEV)}
    for pin in locks.read(LOCKS[name]):
        assert set(pin.hashes) == larger.get(str(pin.requirement)), "run `make lock`"


def test_planted_faults_are_found(tmp_path: Path) -> None:
    lock = tmp_path / "bad.lock"
    lock.write_text("# a comment\nalembic==1.0\n    # via x\nclick>=8\n")
    pins = locks.read(lock)
    assert [pin.hashes for pin in pins] == [(), ()]
    with pytest.raises(ValueError, match="not pinned"):
        _ = pins[1].version
    assert unmet([Requirement("alembic>=2"), Requirement("rich")], pins[:1]) == [
        "alembic>=2",
        "rich",
    ]
