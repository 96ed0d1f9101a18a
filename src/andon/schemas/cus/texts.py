"""Text and JSON that every store can hold: no NUL, no lone surrogate, bounded size and depth."""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import AfterValidator, Field, StringConstraints
from pydantic_core import from_json, to_json

from andon.schemas.cus.errors import INVALID_TEXT, refusal

MAX_TOKENS = 1_000_000_000
MAX_INT64 = 2**63 - 1
MAX_JSON_BYTES = 16_384
MAX_JSON_DEPTH = 32
MAX_LABELS = 8
MAX_PARAMS = 32
MAX_NAME_CHARS = 100
MAX_LABEL_CHARS = 100
MAX_PARAM_CHARS = 500


def clean_text(text: str) -> str:
    """Refuse what PostgreSQL cannot hold: U+0000 and halves of surrogate pairs."""
    if "\0" in text or not _is_unicode(text):
        raise refusal(*INVALID_TEXT)
    return text


def _is_unicode(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


Text = Annotated[str, AfterValidator(clean_text)]
Text50 = Annotated[str, StringConstraints(min_length=1, max_length=50), AfterValidator(clean_text)]
Text100 = Annotated[
    str, StringConstraints(min_length=1, max_length=100), AfterValidator(clean_text)
]
Text255 = Annotated[
    str, StringConstraints(min_length=1, max_length=255), AfterValidator(clean_text)
]
Optional50 = Annotated[str, StringConstraints(max_length=50), AfterValidator(clean_text)]
Optional100 = Annotated[str, StringConstraints(max_length=100), AfterValidator(clean_text)]
Optional255 = Annotated[str, StringConstraints(max_length=255), AfterValidator(clean_text)]
Tokens = Annotated[int, Field(ge=0, le=MAX_TOKENS)]
Count = Annotated[int, Field(ge=0, le=MAX_INT64)]


def check_json(value: dict[str, Any], name: str) -> dict[str, Any]:
    """Check that an object is JSON of at most 32 levels and 16 KiB; give a plain copy of it."""
    _check_tree(value, name)
    encoded = to_json(value)
    if len(encoded) > MAX_JSON_BYTES:
        raise _too_large(name)
    plain: dict[str, Any] = from_json(encoded)
    return plain


def _check_tree(root: dict[str, Any], name: str) -> None:
    pending: list[tuple[Any, int]] = [(root, 1)]
    seen = 0
    while pending:
        value, depth = pending.pop()
        if isinstance(value, str):
            clean_text(value)
        elif isinstance(value, (dict, list, tuple)):
            if depth > MAX_JSON_DEPTH:
                raise refusal(f"{name}_too_deep", f"nest {name} at most {MAX_JSON_DEPTH} levels")
            items = _items(value, name)
            seen += len(items)
            if seen > MAX_JSON_BYTES:  # each takes a byte at the least
                raise _too_large(name)
            pending.extend((item, depth + 1) for item in items)
        else:
            _check_scalar(value, name)


def _too_large(name: str) -> Exception:
    return refusal(f"{name}_too_large", f"send at most {MAX_JSON_BYTES} bytes of {name}")


def _items(value: dict[Any, Any] | list[Any] | tuple[Any, ...], name: str) -> list[Any]:
    if not isinstance(value, dict):
        return list(value)
    if not all(isinstance(key, str) for key in value):
        raise _not_json(name)
    return [*value.keys(), *value.values()]


def _check_scalar(value: object, name: str) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise refusal("number_out_of_range", f"send only finite numbers in {name}")
    if value is not None and not isinstance(value, (bool, int, float)):
        raise _not_json(name)


def _not_json(name: str) -> Exception:
    return refusal("not_json", f"send {name} as plain JSON: objects, lists, text, numbers")


def bound_map(value: Any, name: str, entries: int) -> Any:
    """Refuse an object of too many entries before any of them is looked at."""
    if isinstance(value, dict) and len(value) > entries:
        raise refusal(f"too_many_{name}", f"send at most {entries} {name}")
    return value


def check_map(
    value: dict[str, str], name: str, *, key_chars: int, value_chars: int
) -> dict[str, str]:
    """Check the entries of a map of strings to strings."""
    for key, text in value.items():
        if not 1 <= len(key) <= key_chars or len(text) > value_chars:
            raise refusal(
                "text_too_long",
                f"in {name}, give names of 1 to {key_chars} characters and values of at most "
                f"{value_chars}",
            )
        clean_text(key)
        clean_text(text)
    return value
