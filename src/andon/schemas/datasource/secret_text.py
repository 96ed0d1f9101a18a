"""Where the secrets are in a text: connection strings in their many forms, and free text.

Forms overlap (a `;` ends a value for ODBC, and is part of it for libpq). Where two readings of
one text differ, the one that covers more is taken: too much masked is a nuisance, too little is
a leak. Every scan takes time linear in the text, as the author of an error text is not trusted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import unquote_plus

from andon.schemas.datasource.secret_names import is_secret_name

MASK = "***"

Span = tuple[int, int]

_KEY = re.compile(r"(?<![\w.\-])([\w.\-]++)\s*+=\s*+")
# An opening quote that is never closed holds all that follows.
_QUOTED = re.compile(
    r"""'(?:[^'\\]|\\.|'')*+(?:'|$)|"(?:[^"\\]|\\.|"")*+(?:"|$)|\{(?:[^}]|\}\})*+(?:\}|$)""",
    re.DOTALL,
)
_NEXT_KEYWORD = re.compile(r"(?<!\s)\s++[\w.\-]++\s*+=")
_SPACE = re.compile(r"\s")
_ENCODED_VALUE = re.compile(r"[?&][^=&?]++=([^&?]++)")
_LOOSE_KEY = re.compile(r"""(?<![\w.\-])([\w.\-]++)\\?["']?\s*+([=:])\s*+\\?""")
_WORD = re.compile(r"\S++")
_LINE = re.compile(r"[^\r\n]++")
_BARE = (
    re.compile(r"(?<!\w)(?i:bearer)\s++\S++"),
    re.compile(r"(?<!\w)(?:Basic|basic)\s++(?=[a-z]*+[A-Z0-9+/=])\S++"),
    re.compile(r"-----BEGIN [A-Z ]*+(?<=PRIVATE KEY)-----(?:(?!-----END).)*+", re.DOTALL),
    re.compile(r"(?<!\w)(?:sk|pk|rk)[-_][\w\-]{12,}+"),
    re.compile(
        r"(?<!\w)(?:gh[opsur]_|github_pat_|glpat-|xox[a-z]-|hvs\.|AIza|ya29\.)[\w\-.]{12,}+"
    ),
    re.compile(r"(?<!\w)(?:AKIA|ASIA)[A-Z0-9]{12,}+"),
    re.compile(r"(?<!\w)eyJ[\w\-]{8,}+\.[\w\-.]++"),
)


def mask_text(text: str) -> str:
    """Mask what looks like a secret in free text, such as an error message."""
    return cover(text, text_spans(text))


def mask_connection_string(text: str) -> str:
    """Mask the secrets of a connection string; one in no form that is known, as a whole."""
    spans = value_spans(text)
    opaque = not spans and "://" not in text and not _KEY.search(text)
    return MASK if opaque and text else cover(text, spans)


def value_spans(text: str) -> list[Span]:
    """Find the secrets in a value that may be a connection string or any other text."""
    return [*connection_spans(text), *_urls(text), *_loose_pairs(text, ":"), *_bare(text)]


def connection_spans(text: str) -> list[Span]:
    """Find the passwords in a URL, in libpq's `key=value` pairs or in ODBC's `Key=value;` pairs."""
    return [*_userinfo(text), *_pairs(text), *_encoded_values(text)]


def text_spans(text: str) -> list[Span]:
    """Find URLs with a password, `name=value` and `name: value` pairs and bare tokens."""
    return [*_urls(text), *_loose_pairs(text, "=:"), *_bare(text)]


def cover(text: str, spans: Iterable[Span]) -> str:
    """Put the mask over every span, overlapping ones under one mask."""
    shown, done = [], 0
    for start, end in sorted(spans):
        if start >= done:
            shown += [text[done:start], MASK]
        done = max(done, end)
    return "".join([*shown, text[done:]])


def _userinfo(text: str) -> list[Span]:
    """Take all up to the last `@` as userinfo: people paste passwords unencoded."""
    at = text.rfind("@")
    scheme_end = text.find("://", 0, max(at, 0))
    if at < 0 or (scheme_end < 0 and _KEY.match(text.lstrip())):
        return []
    begin = scheme_end + 3 if scheme_end >= 0 else 0
    found = [place for mark in ":/" if (place := text.find(mark, begin, at)) >= 0]
    if found:
        return _unless_empty(min(found) + 1, at)
    token_alone = text[max(0, begin - 8) : begin].lower().endswith(("http://", "https://"))
    return _unless_empty(begin, at) if token_alone and "?" not in text[begin:at] else []


def _pairs(text: str) -> list[Span]:
    spans: list[Span] = []
    last_semicolon = text.rfind(";")
    for key in _KEY.finditer(text):
        if (not spans or key.start() >= spans[-1][1]) and is_secret_name(key[1]):
            end = _value_end(text, key, last_semicolon)
            if quoted := _QUOTED.match(text, key.end()):
                end = max(end, quoted.end()) if not _closes_value(text, quoted) else quoted.end()
            spans += _unless_empty(key.end(), end)
    return spans


def _closes_value(text: str, quoted: re.Match[str]) -> bool:
    return quoted.end() == len(text) or text[quoted.end()] in " \t\r\n;&,)]}"


def _value_end(text: str, key: re.Match[str], last_semicolon: int) -> int:
    begin, before = key.end(), _before(text, key)
    if before in ("?", "&"):
        return _find(text, "&", begin)
    odbc_end = _find(text, ";", begin) if begin <= last_semicolon else 0
    if before == ";" or not _SPACE.search(text):
        return odbc_end or len(text)
    keyword = _NEXT_KEYWORD.search(text, begin)
    return max(odbc_end, keyword.start() if keyword else len(text))


def _encoded_values(text: str) -> list[Span]:
    """Cover a query's value that is itself an encoded connection string (`odbc_connect=`)."""
    spans: list[Span] = []
    for value in _ENCODED_VALUE.finditer(text):
        decoded = unquote_plus(value[1]) if "%" in value[1] else ""
        if _userinfo(decoded) or _pairs(decoded):
            spans.append(value.span(1))
    return spans


def _before(text: str, key: re.Match[str]) -> str:
    return text[max(0, key.start() - 32) : key.start()].rstrip()[-1:]


def _find(text: str, mark: str, begin: int) -> int:
    place = text.find(mark, begin)
    return place if place >= 0 else len(text)


def _urls(text: str) -> list[Span]:
    words = (word for word in _WORD.finditer(text) if "://" in word[0])
    return [
        (word.start() + start, word.start() + end)
        for word in words
        for start, end in _userinfo(word[0])
    ]


def _loose_pairs(text: str, separators: str) -> list[Span]:
    spans: list[Span] = []
    for key in _LOOSE_KEY.finditer(text):
        fresh = not spans or key.start() >= spans[-1][1]
        if fresh and key[2] in separators and is_secret_name(key[1]):
            spans += _loose_value(text, key)
    return spans


def _loose_value(text: str, key: re.Match[str]) -> list[Span]:
    header = key[1].lower().endswith(("authorization", "cookie"))
    forms = (_QUOTED, _LINE) if header else (_QUOTED, _WORD)
    found = next((value for form in forms if (value := form.match(text, key.end()))), None)
    return [found.span()] if found else []


def _bare(text: str) -> list[Span]:
    return [found.span() for pattern in _BARE for found in pattern.finditer(text)]


def _unless_empty(start: int, end: int) -> list[Span]:
    return [(start, end)] if start < end else []
