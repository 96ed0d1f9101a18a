"""Find links in the README and the docs that lead nowhere: `python -m scripts.check_links`."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from scripts.tree import ROOT, present

_FENCE = re.compile(r"^\s*(```|~~~).*?^\s*\1\s*$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`[^`\n]*`")
_INLINE = re.compile(r"!?\[[^\]]*\]\(\s*<?([^)\s>]+)>?(?:\s+[\"'][^)]*)?\)")
_REFERENCE = re.compile(r"^\s{0,3}\[[^\]]+\]:\s*<?(\S+?)>?(?:\s|$)", re.MULTILINE)
_HTML = re.compile(r"<(?:a|img)\b[^>]*?\b(?:href|src)=[\"']([^\"']+)[\"']", re.IGNORECASE)
_HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*\s*$", re.MULTILINE)
_ANCHOR = re.compile(r"<[^>]*?\b(?:id|name)=[\"']([^\"']+)[\"']")


def broken_links(page: Path, root: Path) -> Iterator[str]:
    """Say what is wrong with each link of one page that leads nowhere inside the tree."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    plain = _CODE.sub("", text)
    for pattern in (_INLINE, _REFERENCE, _HTML):
        for match in pattern.finditer(plain):
            fault = _fault(page, match.group(1), root)
            if fault is not None:
                yield f"{page.relative_to(root)}: {match.group(1)}: {fault}"


def _fault(page: Path, link: str, root: Path) -> str | None:
    parts = urlsplit(link)
    if parts.scheme in {"http", "https", "mailto"}:
        return None
    if parts.scheme or parts.netloc or parts.path.startswith("/"):
        return "give a path relative to this page"
    target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    if not target.is_relative_to(root):
        return "leads out of the repository"
    if not target.exists():
        return "no such file"
    if parts.fragment and target.suffix == ".md" and parts.fragment not in anchors(target):
        return f"no heading #{parts.fragment} there"
    return None


def anchors(page: Path) -> set[str]:
    """Name the headings of a page as its links do: lower case, words joined by hyphens."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    found = set(_ANCHOR.findall(text))
    seen: dict[str, int] = {}
    for heading in _HEADING.findall(text):
        words = re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
        count = seen.get(words, 0)
        seen[words] = count + 1
        found.add(f"{words}-{count}" if count else words)
    return found


def main() -> int:
    """Print every broken link of the repository's pages."""
    pages = [ROOT / path for path in present() if path.suffix == ".md"]
    faults = [fault for page in pages for fault in broken_links(page, ROOT)]
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
