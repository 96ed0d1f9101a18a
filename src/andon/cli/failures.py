"""How a command fails: one line on standard error, an exit status, never a stack trace."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any

import click

from andon.errors import AndonError

INTERRUPTED = 130


class Failure(click.ClickException):
    """A command could not do what it was asked; exit status 1."""

    def __init__(self, detail: str, code: str) -> None:
        super().__init__(detail)
        self.code = code
        self.advice = ""

    def show(self, file: Any = None) -> None:
        """Print the one line."""
        text = one_line(f"error: {self.message} [{self.code}]")
        click.echo(f"{text} {self.advice}".rstrip(), file=file, err=True)


def one_line(text: str) -> str:
    """Make text from elsewhere safe to print: no line breaks, no terminal control."""
    words = " ".join(text.split())
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in words)


class Commands(click.Group):
    """A group of commands whose failures of every kind are told in one line."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was named."""
        with _told():
            return super().invoke(ctx)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except (click.ClickException, click.exceptions.Exit, click.Abort):
        raise
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
        raise click.exceptions.Exit(INTERRUPTED) from None
    except OSError as fault:
        if fault.errno == errno.EPIPE:
            raise
        raise _of_system(fault) from None
    except AndonError as fault:
        raise Failure(fault.detail, fault.code) from None
    except Exception as fault:  # the last resort: name the place, keep the values inside
        raise _unforeseen(fault) from None


def _of_system(fault: OSError) -> Failure:
    where = f"{fault.filename}: " if isinstance(fault.filename, str) else ""
    return Failure(f"{where}{fault.strerror or type(fault).__name__}", "os_error")


def _unforeseen(fault: Exception) -> Failure:
    place: TracebackType | None = fault.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f"{place.tb_frame.f_code.co_name}:{place.tb_lineno}" if place else "unknown"
    return Failure(
        f"something went wrong inside Andon ({type(fault).__name__} in {where}); please report it",
        "internal_error",
    )
