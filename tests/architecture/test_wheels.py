"""Each locked dependency of the server has a wheel for each Python that is supported."""

from __future__ import annotations

import tomllib

import pytest

from scripts import check_wheels, locks
from scripts.tree import ROOT


def test_supported_pythons_are_those_of_the_project() -> None:
    read = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    named = {
        one.rsplit(" ", 1)[-1] for one in read["project"]["classifiers"] if ":: Python :: 3." in one
    }
    assert named == set(check_wheels.PYTHONS)


@pytest.mark.slow
@pytest.mark.network
@pytest.mark.parametrize("python", check_wheels.PYTHONS)
def test_every_locked_dependency_has_a_wheel(python: str) -> None:
    try:
        found = check_wheels.fault(locks.read(locks.SERVER), python)
    except check_wheels.RegistryUnreachable as unreachable:
        pytest.skip(f"the package registry does not answer: {unreachable}")
    assert found is None, found


@pytest.mark.slow
@pytest.mark.network
def test_a_wheel_that_is_not_there_is_found() -> None:
    pin = locks.read(locks.SERVER)[0]
    other = locks.Pin(pin.requirement, ("sha256:" + "0" * 64,))
    try:
        found = check_wheels.fault([other], "3.14")
    except check_wheels.RegistryUnreachable as unreachable:
        pytest.skip(f"the package registry does not answer: {unreachable}")
    assert found is not None
