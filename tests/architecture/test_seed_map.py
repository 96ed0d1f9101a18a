"""docs/seed.md leads from every name of the contracts to its file and to a test of it."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.tree import ROOT

MODULES = {
    "cus_models": "models",
    "audit_schemas": "schemas",
    "cus_schemas": "schemas",
    "datasource_model": "schemas",
    "loop_events": "schemas",
}
"""Each module with the package that it is in."""

_PROMISED: dict[str, dict[str, str]] = {
    "cus_models": {
        "CusHealthState": "",
        "CusIntegrationStatus": "",
        "CusPolicyResult": "",
        "CusProviderType": "",
    },
    "audit_schemas": {"PolicyActivationAudit": "to_dict"},
    "cus_schemas": {
        "CusIntegrationCreate": "validate_not_raw_key",
        "CusIntegrationUpdate": "validate_not_raw_key",
        "CusLLMUsageIngest": "",
        "CusLLMUsageBatchIngest": "",
        "CusIntegrationResponse": "",
        "CusIntegrationSummary": "",
        "CusLimitsStatus": "",
        "CusUsageSummary": "",
        "CusIntegrationUsage": "",
        "CusLLMUsageResponse": "",
        "CusHealthCheckResponse": "",
    },
    "datasource_model": {
        "DataSourceType": "",
        "DataSourceStatus": "",
        "DataSourceConfig": "to_dict get_connection_url",
        "CustomerDataSource": "record_connection record_error activate deactivate deprecate "
        "update_config add_tag remove_tag grant_access revoke_access has_access to_dict",
        "DataSourceError": "__init__ to_dict",
        "DataSourceStats": "to_dict",
        "DataSourceRegistry": "__init__ register get get_by_name list update activate deactivate "
        "delete get_statistics clear_tenant reset",
        "get_datasource_registry": "",
        "_reset_registry": "",
        "create_datasource": "",
        "get_datasource": "",
        "list_datasources": "",
    },
    "loop_events": {
        "LOOP_MECHANICS_VERSION": "",
        "LOOP_MECHANICS_FROZEN_AT": "",
        "ConfidenceCalculator": "calculate_recovery_confidence should_auto_apply "
        "get_confirmation_level",
        "ConfidenceBand": "from_confidence allows_auto_apply requires_human_review",
        "LoopStage": "",
        "LoopFailureState": "",
        "PolicyMode": "",
        "HumanCheckpointType": "",
        "LoopEvent": "create is_success is_blocked to_dict",
        "PatternMatchResult": "from_match no_match should_auto_proceed to_dict",
        "RecoverySuggestion": "create none_available add_confirmation to_dict",
        "PolicyRule": "create record_shadow_evaluation add_confirmation record_regret "
        "shadow_block_rate to_dict",
        "RoutingAdjustment": "create check_kpi_regression rollback effective_magnitude to_dict",
        "HumanCheckpoint": "create resolve is_pending",
        "LoopStatus": "completion_pct to_console_display _generate_narrative to_dict",
        "ensure_json_serializable": "",
    },
}

PAGE = ROOT / "docs" / "seed.md"
ROW = re.compile(r"^\| `([\w.]+)` \| \[[^\]]+\]\(([^)]+)\) \| \[[^\]]+\]\(([^)]+)\) \|$")

Rows = dict[str, tuple[str, str]]


def names() -> list[str]:
    """List every promised name as module.name or module.Class.member."""
    found = []
    for module, promised in _PROMISED.items():
        for name, members in promised.items():
            found.append(f"{module}.{name}")
            found += [f"{module}.{name}.{member}" for member in members.split()]
    return found


def rows(page: str) -> Rows:
    found = (ROW.match(line) for line in page.splitlines())
    return {one[1]: (one[2], one[3]) for one in found if one is not None}


def faults(page: str, wanted: list[str], root: Path) -> Iterator[str]:
    """Say which names have no row, no definition in the file named, or no test file."""
    listed = rows(page)
    docs = root / "docs"
    for name in wanted:
        if name not in listed:
            yield f"{name}: no row"
            continue
        file, test = (docs / link for link in listed[name])
        if not test.is_file():
            yield f"{name}: no test file"
        if not file.is_file():
            yield f"{name}: no file"
        elif not defines(file.read_text(encoding="utf-8"), name.split(".")[1:]):
            yield f"{name}: not defined there"


def defines(source: str, path: list[str]) -> bool:
    """Tell whether a module defines this name, or a class this member."""
    body: list[ast.stmt] = ast.parse(source).body
    for name in path:
        found = [node for node in body if name in _names_of(node)]
        if not found:
            return False
        body = getattr(found[-1], "body", [])
    return True


def _names_of(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return [node.name]
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return [node.target.id]
    return []


def test_every_name_leads_to_its_file_and_its_test() -> None:
    assert list(faults(PAGE.read_text(encoding="utf-8"), names(), ROOT)) == []


@pytest.mark.parametrize("name", names())
def test_every_name_is_public_under_its_module(name: str) -> None:
    module, *path = name.split(".")
    found = importlib.import_module(f"andon.{MODULES[module]}.{module}")
    for part in path:
        found = getattr(found, part)
    assert found is not None


GOOD = "| `m.A.f` | [a](../a.py) | [t](../t.py) |"


@pytest.mark.parametrize(
    ("page", "fault"),
    [
        (GOOD, None),
        (GOOD.replace("A.f", "A.g"), "m.A.f: no row"),
        (GOOD.replace("t.py", "gone.py"), "m.A.f: no test file"),
        (GOOD.replace("a.py", "gone.py"), "m.A.f: no file"),
        (GOOD.replace("a.py", "t.py"), "m.A.f: not defined there"),
    ],
)
def test_planted_fault_is_found(tmp_path: Path, page: str, fault: str | None) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "a.py").write_text("class A:\n    def f(self): ...\n")
    (tmp_path / "t.py").write_text("f = 1\n")
    assert list(faults(page, ["m.A.f"], tmp_path)) == ([] if fault is None else [fault])
