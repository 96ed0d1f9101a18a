"""A command finds its server, and says in one line when it does not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import andon
from andon.cli import connection
from andon.errors import HomeInUse
from andon.settings import Settings
from tests.unit.cli.fake import KEY, Andon, integration, invoke, running
from tests.unit.sdk.scripted import DROP, Answer, Asked, problem, serving

LIST = ("integrations", "list", "--json")
TOKEN = f"Bearer {KEY}"
NOWHERE = "http://127.0.0.1:1"


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for name in ("ANDON_URL", "ANDON_KEY", "ANDON_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ANDON_HOME", str(tmp_path))
    return tmp_path


def announce(home: Path, url: str, token: str = KEY) -> None:
    (home / "server.json").write_text(json.dumps({"url": url, "token": token, "pid": 1}))


@contextmanager
def own_server(monkeypatch: pytest.MonkeyPatch, url: str) -> Iterator[list[Settings]]:
    """Put a scripted server in the place of the one that opens the store."""
    opened: list[Settings] = []

    @contextmanager
    def open_server(settings: Settings) -> Iterator[SimpleNamespace]:
        opened.append(settings)
        yield SimpleNamespace(url=url, token=KEY)

    with monkeypatch.context() as patched:
        module = SimpleNamespace(open_server=open_server)
        patched.setitem(sys.modules, "andon.app", module)
        patched.setattr(andon, "app", module, raising=False)
        yield opened


def test_named_server_is_asked_with_the_named_key() -> None:
    with running(Andon()) as script:
        result = invoke(script, *LIST)
    assert result.exit_code == 0
    assert json.loads(result.stdout) == [integration()]


def test_named_server_without_a_key_says_what_is_missing() -> None:
    result = invoke(None, *LIST, ANDON_URL=NOWHERE)
    assert result.exit_code == 1
    assert result.stderr == (
        "error: no key is given; set ANDON_KEY to a key of the server [invalid_setting]\n"
    )


def test_absent_named_server_is_told_with_what_to_do() -> None:
    result = invoke(None, *LIST, ANDON_URL=NOWHERE, ANDON_KEY=KEY)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr == (
        f"error: no server answers at {NOWHERE} (ConnectError); start it with `andon serve`, or "
        "correct ANDON_URL [unreachable]\n"
    )


def test_server_of_this_home_is_asked_with_its_token(home: Path) -> None:
    with running(Andon()) as script:
        announce(home, script.url)
        result = invoke(None, *LIST)
    assert result.exit_code == 0
    assert [asked.path for asked in script.asked] == ["/healthz", "/readyz", "/api/v1/integrations"]


def test_key_wins_over_the_token(home: Path) -> None:
    with running(Andon()) as script:
        announce(home, script.url, token="andon_other")
        assert invoke(None, *LIST, ANDON_KEY=KEY).exit_code == 0
        assert invoke(None, *LIST).exit_code == 1


def test_server_that_was_started_again_is_asked_with_its_new_token(home: Path) -> None:
    def restarted(asked: Asked) -> Answer | None:
        if asked.path in {"/healthz", "/readyz"} or asked.headers["authorization"] == TOKEN:
            return None
        announce(home, script.url)
        return problem(401, "not_authenticated")

    andon = Andon()
    with serving(lambda asked: restarted(asked) or andon.answer(asked)) as script:
        announce(home, script.url, token="andon_before")
        result = invoke(None, *LIST)
    assert result.exit_code == 0, result.stderr
    assert len(script.asked) == 4


@pytest.mark.parametrize("text", ['{"url": "http://127.0.0.1:1", "token": "t"}', "[]", "", "{"])
def test_file_that_outlived_its_server_is_ignored(
    home: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    (home / "server.json").write_text(text)
    with running(Andon()) as script, own_server(monkeypatch, script.url) as opened:
        script_result = invoke(None, *LIST)
    assert script_result.exit_code == 0
    assert [settings.home for settings in opened] == [home]


def test_store_is_opened_where_no_server_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = [Answer(503), Answer(200)]

    def first(asked: object) -> Answer | None:
        return waiting.pop(0) if getattr(asked, "path", "") == "/readyz" else None

    with running(Andon(first, slow=True)) as script, own_server(monkeypatch, script.url):
        result = invoke(None, *LIST)
    assert result.exit_code == 0
    assert not waiting


def test_store_that_another_process_holds_is_waited_for(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def open_server(_settings: Settings) -> Any:
        announce(home, script.url)
        raise HomeInUse

    monkeypatch.setitem(sys.modules, "andon.app", SimpleNamespace(open_server=open_server))
    with running(Andon()) as script:
        assert invoke(None, *LIST).exit_code == 0


def test_store_that_stays_held_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def open_server(_settings: Settings) -> Any:
        raise HomeInUse

    monkeypatch.setattr(connection, "_HOME_SECONDS", 0.0)
    monkeypatch.setitem(sys.modules, "andon.app", SimpleNamespace(open_server=open_server))
    result = invoke(None, *LIST)
    assert result.exit_code == 1
    assert result.stderr.startswith("error: Another Andon process holds this ANDON_HOME.")


def test_problem_is_one_line_on_standard_error() -> None:
    refusal = problem(403, "not_allowed", "The role of this key\n does not \x1b[31mallow this")
    with running(Andon(lambda _: refusal)) as script:
        result = invoke(script, *LIST)
    assert result.exit_code == 1
    assert result.stderr == (
        "error: The role of this key does not \N{REPLACEMENT CHARACTER}[31mallow this "
        "[not_allowed]\n"
    )


def test_answer_of_a_foreign_server_is_told_apart() -> None:
    for foreign in (Answer(200, ["hello"]), Answer(500)):
        with serving(lambda _, said=foreign: said) as script:  # type: ignore[misc]
            result = invoke(script, *LIST)
        assert result.exit_code == 1
        assert result.stderr.startswith("error: ")
        assert result.stderr.count("\n") == 1


def test_lost_connection_of_a_read_is_tried_again() -> None:
    waiting = [DROP]
    with running(Andon(lambda _: waiting.pop() if waiting else None)) as script:
        assert invoke(script, *LIST).exit_code == 0


@pytest.mark.parametrize(
    ("name", "value"), [("ANDON_PORT", "secret-port"), ("ANDON_ADMIN_KEY", "secret-short")]
)
def test_wrong_setting_is_named_without_its_value(name: str, value: str) -> None:
    result = invoke(None, "serve", **{name: value})
    assert result.exit_code == 1
    assert result.stderr.startswith(f"error: {name}: ")
    assert result.stderr.endswith("[invalid_setting]\n")
    assert "secret" not in result.stderr


def test_wrong_address_is_refused_without_repeating_it() -> None:
    result = invoke(None, *LIST, ANDON_URL="http://user:secret@host", ANDON_KEY=KEY)
    assert result.exit_code == 1
    assert "ANDON_URL" in result.stderr
    assert "secret" not in result.stderr


def test_wrong_usage_has_status_2() -> None:
    assert invoke(None, "integrations", "add").exit_code == 2
    assert invoke(None, "nothing").exit_code == 2


def test_console_script_prints_json_and_nothing_else(tmp_path: Path) -> None:
    command = [str(Path(sys.executable).with_name("andon")), *LIST]
    with running(Andon()) as script:
        env = {**os.environ, "ANDON_URL": script.url, "ANDON_KEY": KEY, "PYTHONUTF8": "0"}
        done = subprocess.run(
            command, env={**env, "LC_ALL": "C"}, capture_output=True, check=False, text=True
        )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == [integration()]


def test_console_script_fails_without_a_stack_trace() -> None:
    command = [str(Path(sys.executable).with_name("andon")), *LIST]
    env = {**os.environ, "ANDON_URL": NOWHERE, "ANDON_KEY": KEY}
    done = subprocess.run(command, env=env, capture_output=True, check=False, text=True)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith(f"error: no server answers at {NOWHERE}")
    assert KEY not in done.stderr
