"""Which names announce that their value is a secret."""

from __future__ import annotations

import re

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_ANYWHERE = (
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "pwd",
    "secret",
    "token",
    "credential",
    "private",
    "apikey",
    "keyfile",
    "authorization",
    "cookie",
    "signature",
    "bearer",
    "jwt",
)
_LAST_WORDS = (["auth"], ["otp"], ["pass"], ["pat"], ["pin"], ["pw"], ["sas"], ["sig"])
# Keys of tables and messages, and what is told about a key.
_OPEN_KEYS = frozenset({"foreign", "partition", "public", "routing", "shard", "sort", "unique"})
_ABOUT_KEYS = frozenset({"column", "field", "id", "name", "path", "prefix", "size", "type"})
# Where a token is fetched and of what kind it is, is no secret; the value is still looked into.
_ABOUT_TOKENS = re.compile(r"token[_-]?(url|uri|endpoint|type)$", re.IGNORECASE)


def is_secret_name(name: str) -> bool:
    """Tell whether a value under this name is to be masked, in doubt yes."""
    if _ABOUT_TOKENS.search(name):
        return False
    compact = re.sub(r"[\W_]", "", name.lower())
    if any(part in compact for part in _ANYWHERE):
        return True
    words = [word.lower() for word in _WORD.findall(name)]
    return words[-1:] in _LAST_WORDS or _names_a_key(words)


def _names_a_key(words: list[str]) -> bool:
    around = zip(["", *words], words, [*words[1:], ""], strict=False)
    return any(
        word.endswith(("key", "keys")) and before not in _OPEN_KEYS and after not in _ABOUT_KEYS
        for before, word, after in around
    )
