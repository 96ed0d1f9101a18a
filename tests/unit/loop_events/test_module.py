"""The public module: its names, its vocabularies' methods, and the little that it imports."""

from __future__ import annotations

import ast
import subprocess
import sys
from enum import Enum
from pathlib import Path
from types import FunctionType

import pytest

import andon
from andon.schemas import loop, loop_events

_SEED_NAMES = {
    "ConfidenceBand",
    "ConfidenceCalculator",
    "HumanCheckpoint",
    "HumanCheckpointType",
    "LOOP_MECHANICS_FROZEN_AT",
    "LOOP_MECHANICS_VERSION",
    "LoopEvent",
    "LoopFailureState",
    "LoopStage",
    "LoopStatus",
    "PatternMatchResult",
    "PolicyMode",
    "PolicyRule",
    "RecoverySuggestion",
    "RoutingAdjustment",
    "ensure_json_serializable",
}
_FILES = [Path(loop_events.__file__), *sorted(Path(loop.__path__[0]).glob("*.py"))]
_OURS = ("andon.schemas", "andon.models")

_ISOLATED = """
import sys
sys.path.insert(0, sys.argv[1])
import andon.schemas.loop_events
names = {name.partition(".")[0] for name in sys.modules if not name.startswith("_")}
print(*sorted(names - sys.stdlib_module_names))
print(*sorted(name for name in sys.modules if name.startswith("andon.")))
"""


def test_every_name_of_the_contract_is_public() -> None:
    assert set(loop_events.__all__) >= _SEED_NAMES
    assert all(hasattr(loop_events, name) for name in loop_events.__all__)


def test_the_list_of_public_names_is_whole() -> None:
    public = {name for name in vars(loop_events) if not name.startswith("_")}
    assert public - {"annotations"} == set(loop_events.__all__)


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        (loop_events.ConfidenceBand, ["allows_auto_apply", "requires_human_review"]),
        (loop_events.LoopEvent, ["is_success", "is_blocked"]),
        (loop_events.PatternMatchResult, ["should_auto_proceed"]),
        (loop_events.PolicyRule, ["shadow_block_rate"]),
        (loop_events.RoutingAdjustment, ["effective_magnitude"]),
        (loop_events.HumanCheckpoint, ["is_pending"]),
        (loop_events.LoopStatus, ["completion_pct"]),
    ],
)
def test_what_tells_a_state_is_a_property(kind: type, names: list[str]) -> None:
    assert all(isinstance(vars(kind)[name], property) for name in names)


def test_the_calculators_functions_are_static() -> None:
    functions = [
        value
        for value in vars(loop_events.ConfidenceCalculator).values()
        if isinstance(value, (staticmethod, classmethod, FunctionType))
    ]
    assert len(functions) == 3
    assert all(isinstance(value, staticmethod) for value in functions)


def test_vocabularies_are_strings() -> None:
    kinds = [value for value in vars(loop_events).values() if isinstance(value, type)]
    vocabularies = [kind for kind in kinds if issubclass(kind, Enum)]
    assert len(vocabularies) == 5
    assert all(issubclass(kind, str) for kind in vocabularies)


@pytest.mark.parametrize("file", _FILES, ids=lambda file: file.name)
def test_only_the_standard_library_and_our_schemas_are_imported(file: Path) -> None:
    for node in ast.walk(ast.parse(file.read_text())):
        modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0
            modules = [str(node.module)]
        for module in modules:
            known = module.partition(".")[0] in sys.stdlib_module_names
            assert known or module.startswith(_OURS), module


def test_the_module_loads_where_nothing_is_installed() -> None:
    source = str(Path(andon.__file__).parent.parent)
    command = [sys.executable, "-I", "-S", "-c", _ISOLATED, source]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    foreign, ours = answer.stdout.splitlines()
    assert foreign == "andon"
    assert all(name.startswith(_OURS) for name in ours.split())
