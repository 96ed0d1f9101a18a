"""Links in the README and the docs lead to something."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.check_links import broken_links
from scripts.tree import ROOT, present

PLANTED = {
    "a missing file": "[x](missing.md)",
    "a missing heading": "[x](#nothing)",
    "a heading missing elsewhere": "[x](other.md#nothing)",
    "an absolute path": "[x](/etc/hostname)",
    "a path out of the tree": "[x](../../hostname)",
    "a picture": "![x](missing.png)",
    "a reference": "[x][y]\n\n[y]: missing.md",
    "a tag": '<img src="missing.png">',
}

GOOD = {
    "a file": "[x](other.md)",
    "a folder": "[x](.)",
    "a heading here": "# Some `Heading`, here\n\n[x](#some-heading-here)",
    "a second heading by a name": "# Twice\n# Twice\n[x](#twice-1)",
    "a heading elsewhere": "[x](other.md#the-other)",
    "the web": "[x](https://example.com/y)",
    "code": "`[x](missing.md)`\n\n```\n[x](missing.md)\n```\n",
}


@pytest.fixture
def page(tmp_path: Path) -> Path:
    (tmp_path / "other.md").write_text("# The other\n")
    return tmp_path / "page.md"


@pytest.mark.parametrize("name", PLANTED)
def test_planted_link_is_found(page: Path, name: str) -> None:
    page.write_text(PLANTED[name])
    assert len(list(broken_links(page, page.parent))) == 1


@pytest.mark.parametrize("name", GOOD)
def test_good_link_passes(page: Path, name: str) -> None:
    page.write_text(GOOD[name])
    assert list(broken_links(page, page.parent)) == []


def test_links_of_this_repository_lead_somewhere() -> None:
    pages = [ROOT / path for path in present() if path.suffix == ".md"]
    assert ROOT / "README.md" in pages
    assert [fault for page in pages for fault in broken_links(page, ROOT)] == []
