"""Commands that need the store itself hand the settings to the composition root."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import andon
from andon import errors
from andon.settings import Settings
from tests.unit.cli.fake import invoke


class App:
    """Stands in for the composition root; what it answers is set by a test."""

    def __init__(self) -> None:
        self.served: list[Settings] = []
        self.key: str | None = "andon_first"
        self.findings: list[SimpleNamespace] = []
        self.fault: BaseException | None = None

    def serve(self, settings: Settings) -> int:
        self.served.append(settings)
        return 3

    def init(self, _settings: Settings) -> str | None:
        return self.key

    def migrate(self, _settings: Settings) -> int:
        if self.fault is not None:
            raise self.fault
        return 7

    def diagnose(self, _settings: Settings) -> list[SimpleNamespace]:
        return self.findings


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> App:
    monkeypatch.setenv("ANDON_HOME", str(tmp_path))
    found = App()
    module: Any = found
    monkeypatch.setitem(sys.modules, "andon.app", module)
    monkeypatch.setattr(andon, "app", found, raising=False)
    return found


def test_serve_takes_address_from_options_before_settings(app: App) -> None:
    result = invoke(None, "serve", "--port", "9", ANDON_PORT="8", ANDON_HOST="::1")
    assert result.exit_code == 3
    assert [(one.host, one.port) for one in app.served] == [("::1", 9)]


def test_init_prints_the_key_alone_on_standard_output(app: App) -> None:
    result = invoke(None, "init")
    assert result.stdout == "andon_first\n"
    assert result.stderr.count("\n") == 1


def test_init_of_a_store_with_a_key_says_so(app: App) -> None:
    app.key = None
    result = invoke(None, "init")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "has its first admin key already" in result.stderr


def test_migrate_tells_the_level(app: App) -> None:
    assert invoke(None, "migrate").stdout == "The store is at schema level 7.\n"
    assert json.loads(invoke(None, "migrate", "--json").stdout) == {"level": 7}


def test_doctor_fails_when_a_finding_does(app: App) -> None:
    app.findings = [SimpleNamespace(name="database", ok=True, detail="SQLite 3.53")]
    assert invoke(None, "doctor").exit_code == 0
    app.findings.append(SimpleNamespace(name="disk", ok=False, detail="full"))
    result = invoke(None, "doctor")
    assert result.exit_code == 1
    assert "NOT OK" in result.stdout
    listed = json.loads(invoke(None, "doctor", "--json").stdout)
    assert listed[1] == {"name": "disk", "ok": False, "detail": "full"}


@pytest.mark.parametrize(
    ("fault", "line"),
    [
        (errors.HomeInUse("Another process."), "error: Another process. [home_in_use]\n"),
        (
            PermissionError(13, "Permission denied", "/x"),
            "error: /x: Permission denied [os_error]\n",
        ),
    ],
)
def test_failure_is_one_line(app: App, fault: BaseException, line: str) -> None:
    app.fault = fault
    result = invoke(None, "migrate")
    assert (result.exit_code, result.stderr) == (1, line)


def test_unforeseen_failure_names_its_place_and_not_its_values(app: App) -> None:
    app.fault = RuntimeError("secret")
    result = invoke(None, "migrate")
    assert result.exit_code == 1
    assert "RuntimeError in migrate:" in result.stderr
    assert "secret" not in result.stderr
    assert "Traceback" not in result.output


def test_interruption_has_status_130(app: App) -> None:
    app.fault = KeyboardInterrupt()
    assert invoke(None, "migrate").exit_code == 130
