"""The step that deletes what runs left behind, a bounded number of pages at a time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from andon.drivers.telemetry.keyindex import ledger, pages
from andon.drivers.telemetry.keyindex.view import Edit, Gone, View

# A deleted page costs about a fifth of a merged one.
_PAGES_MORE = 3
_PARTS_AT_ONCE = 32


def delete_some(raw: Any, gone: Gone, page_count: int) -> Edit:
    """Delete the last parts and pages of a run that is gone, and its row with the last of them."""
    page = max(0, gone.pages - page_count * _PAGES_MORE)
    part = max(0, gone.parts - _PARTS_AT_ONCE)
    pages.delete(raw, gone.number, page, gone.pages)
    pages.delete_parts(raw, gone.number, part, gone.parts)
    ledger.shrink(raw, gone.number, page, part)

    def edit(view: View) -> View:
        rest = tuple(other for other in view.gone if other.number != gone.number)
        left = (Gone(gone.number, page, part),) if page or part else ()
        return replace(view, gone=(*left, *rest))

    return edit
