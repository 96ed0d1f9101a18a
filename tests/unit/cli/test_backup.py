"""`andon backup` moves what the server made, and says why when it cannot."""

from __future__ import annotations

import errno
import hashlib
import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from andon.cli.backup import move
from andon.cli.failures import Failure
from tests.unit.cli.fake import Andon, invoke, running
from tests.unit.sdk.scripted import Answer, Asked, Script, problem

CONTENT = b"pages of a database" * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Beside:
    """A server that makes its copies in a folder of this machine."""

    def __init__(self, folder: Path) -> None:
        self.made = folder / "backups" / "andon-20260101T000000Z-0000.db"
        self.made.parent.mkdir()
        self.says: Answer | None = None

    def first(self, asked: Asked) -> Answer | None:
        if asked.path != "/api/v1/backup":
            return None
        return self.says or Answer(201, self._make())

    def _make(self) -> dict[str, Any]:
        self.made.write_bytes(CONTENT)
        self.made.chmod(0o600)
        return {
            "name": self.made.name,
            "path": str(self.made),
            "bytes": len(CONTENT),
            "sha256": SHA256,
            "at": "2026-01-01T00:00:00Z",
            "records": 1234,
            "tenants": 2,
            "schema_level": 1,
        }


@pytest.fixture
def server(tmp_path: Path) -> Beside:
    return Beside(tmp_path)


@pytest.fixture
def script(server: Beside) -> Iterator[Script]:
    with running(Andon(first=server.first)) as found:
        yield found


def _backup(script: Script, *words: str | Path) -> Result:
    return invoke(script, "backup", *map(str, words))


def test_the_copy_is_moved_to_the_file(script: Script, server: Beside, tmp_path: Path) -> None:
    file = tmp_path / "safe.db"
    result = _backup(script, file)
    assert result.exit_code == 0, result.output
    assert file.read_bytes() == CONTENT
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not server.made.exists()
    assert "1,234" in result.stdout
    assert SHA256 in result.stdout


def test_a_folder_takes_the_copy_under_its_own_name(
    script: Script, server: Beside, tmp_path: Path
) -> None:
    told = json.loads(_backup(script, tmp_path, "--json").stdout)
    assert told == {
        "file": str(tmp_path / server.made.name),
        "bytes": len(CONTENT),
        "sha256": SHA256,
        "at": "2026-01-01T00:00:00Z",
        "records": 1234,
        "tenants": 2,
        "schema_level": 1,
    }
    assert (tmp_path / server.made.name).read_bytes() == CONTENT


def test_the_server_is_not_told_where_to_write(script: Script, tmp_path: Path) -> None:
    _backup(script, tmp_path / "safe.db")
    assert [one.json for one in script.asked if one.method == "POST"] == [{}]


def test_a_file_that_is_there_is_replaced_only_when_asked(script: Script, tmp_path: Path) -> None:
    file = tmp_path / "safe.db"
    file.write_text("yesterday's")
    result = _backup(script, file)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "[file_exists]" in result.stderr
    assert file.read_text() == "yesterday's"
    assert script.asked == []
    assert _backup(script, file, "--replace").exit_code == 0
    assert file.read_bytes() == CONTENT


def test_a_folder_that_is_missing_is_said_before_anything_is_made(
    script: Script, tmp_path: Path
) -> None:
    result = _backup(script, tmp_path / "missing" / "safe.db")
    assert result.exit_code == 1
    assert "[no_folder]" in result.stderr
    assert script.asked == []


def test_on_another_machine_it_says_where_to_run(
    script: Script, server: Beside, tmp_path: Path
) -> None:
    server.says = Answer(201, {"path": "/srv/elsewhere/andon.db", "name": "andon.db"})
    result = _backup(script, tmp_path / "safe.db")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "run `andon backup` beside the store" in result.stderr
    assert not (tmp_path / "safe.db").exists()


def test_a_refusal_of_the_server_is_told(script: Script, server: Beside, tmp_path: Path) -> None:
    server.says = problem(409, "backup_running", "Another backup is being made.")
    result = _backup(script, tmp_path / "safe.db")
    assert result.exit_code == 1
    assert result.stderr == "error: Another backup is being made. [backup_running]\n"


@pytest.fixture
def other_disk(monkeypatch: pytest.MonkeyPatch, server: Beside) -> None:
    """Let the server's folder be on another file system than every target."""
    rename = Path.replace

    def replace(self: Path, target: Path) -> Path:
        if self == server.made:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", replace)


@pytest.mark.usefixtures("other_disk")
def test_to_another_disk_it_is_copied_and_compared(
    script: Script, server: Beside, tmp_path: Path
) -> None:
    file = tmp_path / "safe.db"
    assert _backup(script, file).exit_code == 0
    assert file.read_bytes() == CONTENT
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not server.made.exists()


@pytest.mark.usefixtures("other_disk")
def test_a_copy_that_changed_on_its_way_is_refused(server: Beside, tmp_path: Path) -> None:
    server.made.write_bytes(CONTENT[:-1] + b"?")
    with pytest.raises(Failure, match="repeat the backup"):
        move(server.made, tmp_path / "safe.db", SHA256)
    assert [path.name for path in tmp_path.iterdir()] == ["backups"]
