"""Options that several commands share, and the settings behind all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click
from pydantic import ValidationError
from pydantic_settings import SettingsError

from andon.cli.failures import Failure
from andon.settings import Settings

_F = TypeVar("_F", bound=Callable[..., Any])


def as_json(command: _F) -> _F:
    """Give a command the option --json."""
    option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
    return option(command)


def load_settings(**given: Any) -> Settings:
    """Read the settings; what the command line gives wins over the environment."""
    try:
        return Settings(**given)
    except ValidationError as fault:
        first = fault.errors(include_url=False, include_input=False, include_context=False)[0]
        name = "_".join(str(part) for part in first["loc"]) or "settings"
        reason = first["msg"].removeprefix("Value error, ")
        problem = f"ANDON_{name.upper()}: {reason}"
    except SettingsError:
        problem = "an ANDON_ variable that must hold JSON does not"
    raise Failure(problem, "invalid_setting")
