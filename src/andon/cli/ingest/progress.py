"""A progress bar on standard error, where there is a terminal to show it."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.text import Text

from andon.cli.failures import one_line


@contextmanager
def progress_of(file: BinaryIO, name: str) -> Iterator[Callable[[int], None]]:
    """Show how much of a file has been read; gives the function that counts bytes."""
    if not sys.stderr.isatty():
        yield lambda _count: None
        return
    found = os.fstat(file.fileno())
    total = found.st_size if stat.S_ISREG(found.st_mode) else None
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn())
    console = Console(stderr=True)
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as shown:
        task = shown.add_task(Text(one_line(name)).plain, total=total)
        yield lambda count: shown.advance(task, count)
