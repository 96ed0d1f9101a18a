"""The known secrets of one config, and how they are kept out of texts and trees of values."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Set
from urllib.parse import quote, quote_plus, unquote, unquote_plus

from andon.schemas.datasource.secret_names import is_secret_name
from andon.schemas.datasource.secret_text import MASK, cover, mask_text, value_spans

_URL_PASSWORD = re.compile(r"://[^/?#:@]*+:([^/?#]*)@")
_DEEPEST = 32
_SHORT = 4


def secrets_in(value: object, *, secret: bool = False, depth: int = 0) -> Iterator[str]:
    """Find the texts that `mask_tree` hides in a value; `secret` says that its name announced it.

    Nothing below 32 levels is read: `mask_tree` shows nothing of it either.
    """
    if depth > _DEEPEST or value is None or isinstance(value, bool):
        return
    if isinstance(value, Mapping):
        yield from (found for key in value for found in secrets_in_text(str(key)))
    if isinstance(value, Mapping | list | tuple | Set):
        for part, hidden in _parts(value):
            yield from secrets_in(part, secret=secret or hidden, depth=depth + 1)
    elif secret:
        text = _as_text(value)
        # A small number (`max_tokens: 5`) is in too many texts to be hunted for there.
        yield from [text] if isinstance(value, str) or len(text) >= _SHORT else []
    elif isinstance(value, str):
        yield from secrets_in_text(value)


def secrets_in_text(text: str) -> Iterator[str]:
    """Find the secrets of a connection string or another text, as written and as meant.

    What is masked may be more than the secret, where a text can be read in two ways: the
    shorter readings are secrets as well, as that is how a driver would repeat them.
    """
    found = [text[start:end] for start, end in value_spans(text)]
    found += [authority[1] for authority in _URL_PASSWORD.finditer(text)]
    for secret in found:
        yield from (secret, unquote(secret), secret.partition(";")[0], *secret.split(None, 1)[:1])
        yield from _unquoted(secret)
        if len(first := secret.partition("@")[0]) >= _SHORT:
            yield from (first, unquote(first))


def mask_tree(value: object, secrets: Iterable[str] = (), depth: int = 0) -> object:
    """Give a copy of nested values with every secret masked, at any depth up to 32.

    Masked are values under a name that announces a secret, the secrets inside of texts, and any
    text that repeats one of `secrets`.
    """
    known = tuple(secrets)
    if value is None or isinstance(value, bool | int | float):
        return value if isinstance(value, bool) or str(value) not in known else MASK
    if depth > _DEEPEST or isinstance(value, bytes | bytearray | memoryview):
        return MASK
    if isinstance(value, Mapping):
        return _mask_mapping(value, known, depth)
    if isinstance(value, list | tuple | Set):
        return [
            MASK if hidden and _can_be_secret(part) else mask_tree(part, known, depth + 1)
            for part, hidden in _parts(value)
        ]
    return _mask_leaf(str(value), known)


def redact(text: str, secrets: Iterable[str]) -> str:
    """Take the known secrets out of a text, in the spellings a driver may give them, and mask
    whatever else in it looks like a secret.

    A text that repeats a secret of less than 4 characters is replaced as a whole: the gaps in it
    would tell the secret.
    """
    known = {secret for secret in secrets if secret}
    if any(len(secret) < _SHORT and secret in text for secret in known):
        return MASK
    spellings = sorted({s for secret in known for s in _spellings(secret)}, key=len, reverse=True)
    if spellings:
        text = re.sub("|".join(map(re.escape, spellings)), MASK, text, flags=re.IGNORECASE)
    masked = mask_text(text)
    return MASK if any(secret in masked for secret in known) else masked


def repeats(text: str, secrets: Iterable[str]) -> bool:
    """Tell whether a text is one of the secrets, or holds one of 4 characters or more."""
    return any(text == secret or (len(secret) >= _SHORT and secret in text) for secret in secrets)


def _parts(value: Mapping[object, object] | Iterable[object]) -> Iterator[tuple[object, bool]]:
    """Give each part of a container with whether a name beside it announces a secret."""
    if isinstance(value, Mapping):
        pair = any(is_secret_name(str(value.get(name))) for name in ("name", "key", "header"))
        for key, part in value.items():
            yield part, is_secret_name(str(key)) or (pair and str(key) in ("value", "values"))
        return
    parts = list(value)
    pair = len(parts) == 2 and isinstance(parts[0], str) and is_secret_name(parts[0])
    yield from ((part, pair and place == 1) for place, part in enumerate(parts))


def _mask_mapping(
    value: Mapping[object, object], known: tuple[str, ...], depth: int
) -> dict[str, object]:
    return {
        _mask_leaf(str(key), known): MASK
        if hidden and _can_be_secret(part)
        else mask_tree(part, known, depth + 1)
        for key, (part, hidden) in zip(value, _parts(value), strict=True)
    }


def _mask_leaf(text: str, known: Iterable[str]) -> str:
    shown = cover(text, value_spans(text))
    return MASK if repeats(shown, known) else shown


def _can_be_secret(part: object) -> bool:
    return part is not None and not isinstance(part, bool)


def _as_text(value: object) -> str:
    return bytes(value).decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _unquoted(text: str) -> Iterator[str]:
    """Undo the quotes of libpq (backslash), ODBC (braces doubled) and ADO.NET (quotes doubled)."""
    if len(text) >= 2 and text[0] + text[-1] in ("''", '""', "{}"):
        inner, closer = text[1:-1], text[-1]
        yield inner
        yield re.sub(r"\\(.)", r"\1", inner, flags=re.DOTALL)
        yield inner.replace(closer * 2, closer)


def _spellings(secret: str) -> set[str]:
    plain = {secret, repr(secret)[1:-1], json.dumps(secret)[1:-1]}
    text = secret.encode("utf-8", "replace").decode()
    encoded = {quote(text, safe=""), quote(text), quote_plus(text)}
    return plain | encoded | {unquote(secret), unquote_plus(secret)} - {""}
