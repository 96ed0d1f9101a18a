"""pyarrow, loaded when it is first needed: it is large, and not everybody has it."""

from __future__ import annotations

import importlib
from typing import Any, NamedTuple


class ParquetMissing(Exception):
    """There is no pyarrow; the message says how to get it."""


class ParquetRefused(ValueError):
    """A file that is no Parquet, or is damaged; the message says which."""


class Library(NamedTuple):
    """The two modules of pyarrow that are used; they carry no types."""

    arrow: Any
    parquet: Any


def load() -> Library:
    """Load pyarrow, or tell how to install it."""
    try:
        arrow = importlib.import_module("pyarrow")
        return Library(arrow, importlib.import_module("pyarrow.parquet"))
    except ImportError:
        raise ParquetMissing(
            "Parquet needs pyarrow, which is not installed; run pip install 'andon[parquet]'"
        ) from None
