"""Validation errors that never carry what was put in."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from andon.models.redaction import redact

PLACEHOLDER = "[hidden]"
INVALID_TEXT = ("invalid_text", "remove U+0000 and unpaired surrogates; no store can hold them")
_LONGEST_NAME = 80
# Texts with bounds are looked at by Pydantic before our own check comes to them.
_RENAMED = {"string_unicode": INVALID_TEXT}


def refusal(code: str, message: str) -> PydanticCustomError:
    """Make an error with a stable code, whose message is taken as it stands."""
    escaped = message.replace("{", "(").replace("}", ")")
    return PydanticCustomError(code, escaped)


def shown_name(name: str | int) -> str | int:
    """Show a field's name as it came, without keys, control characters and excess length."""
    if isinstance(name, int):
        return name
    plain = "".join(letter if letter.isprintable() else "?" for letter in name[:1000])
    return redact(plain)[:_LONGEST_NAME]


def hidden(exc: ValidationError) -> ValidationError:
    """Make the same error anew with every input replaced, and keys taken out of field names."""
    lines = [_hidden_line(line) for line in exc.errors(include_url=False, include_input=False)]
    return ValidationError.from_exception_data(exc.title, lines, hide_input=True)


def _hidden_line(line: ErrorDetails) -> InitErrorDetails:
    # The rendered message becomes the template of a custom error: the context, which may hold
    # what a validator put there, is dropped, type and message stay.
    code, message = _RENAMED.get(line["type"], (line["type"], line["msg"]))
    return InitErrorDetails(
        type=refusal(code, message),
        loc=tuple(shown_name(part) for part in line["loc"]),
        input=PLACEHOLDER,
    )


def safe_errors(exc: ValidationError) -> list[dict[str, Any]]:
    """List what is wrong as loc, type and msg alone; fit for a log and for an answer."""
    return [
        {
            "loc": tuple(shown_name(part) for part in line["loc"]),
            "type": line["type"],
            "msg": line["msg"],
        }
        for line in exc.errors(include_url=False, include_input=False, include_context=False)
    ]
