"""A credential is only ever a reference: which forms are known, and what is refused."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from andon.models.redaction import RAW_KEY, contains_raw_key, is_secret_name
from andon.schemas.cus.errors import refusal

REFERENCE_SCHEMES = (
    "vault://",
    "env://",
    "file://",
    "encrypted:",
    "aws-sm://",
    "gcp-sm://",
    "azure-kv://",
)
MAX_REFERENCE_CHARS = 4096
MAX_URL_CHARS = 2048
_KNOWN = ", ".join(REFERENCE_SCHEMES)
_TARGET = re.compile(r"[^\s\x00-\x1f\x7f]+")
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_USE_REFERENCE = (
    "put the key into a secret store and give its reference as credential_ref "
    f"({_KNOWN}...), never the key itself"
)


def check_reference(text: str) -> str:
    """Accept a reference of a known scheme; the error says what to do and never what came."""
    scheme = next((known for known in REFERENCE_SCHEMES if text.startswith(known)), None)
    if scheme is None:
        is_key = contains_raw_key(text)
        raise refusal(
            "raw_credential" if is_key else "unknown_credential_scheme",
            _USE_REFERENCE if is_key else f"credential_ref is a reference; {_USE_REFERENCE}",
        )
    target = text[len(scheme) :]
    if _holds_key(scheme, target, text):
        raise refusal("raw_credential", _USE_REFERENCE)
    if len(text) > MAX_REFERENCE_CHARS or not _is_form(scheme, target):
        raise refusal(
            "invalid_credential_ref",
            f"name what the reference points to after its scheme ({_KNOWN}): no blanks, no '..', "
            f"at most {MAX_REFERENCE_CHARS} characters",
        )
    return text


def _holds_key(scheme: str, target: str, text: str) -> bool:
    # Ciphertext is random letters, in which the shape of a key may turn up by chance.
    if scheme == "encrypted:":
        return any(pattern.match(target) for pattern in RAW_KEY)
    return contains_raw_key(text) or contains_raw_key(target)


def _is_form(scheme: str, target: str) -> bool:
    if _TARGET.fullmatch(target) is None or not target.isascii():
        return False
    if scheme == "env://":
        return _ENV_NAME.fullmatch(target) is not None
    return ".." not in target.split("/")


def check_base_url(url: str) -> str:
    """Accept an http or https address without a user, a fragment, blanks or a key."""
    try:
        parts = urlsplit(url)
        has_host, _ = bool(parts.hostname), parts.port
    except ValueError:
        raise _bad_url() from None
    if "@" in parts.netloc or contains_raw_key(url):
        raise refusal("raw_credential", f"take the credentials out of base_url; {_USE_REFERENCE}")
    if parts.scheme not in ("http", "https") or not has_host or "#" in url or "\\" in url:
        raise _bad_url()
    if len(url) > MAX_URL_CHARS or _TARGET.fullmatch(url) is None:
        raise _bad_url()
    return url


def _bad_url() -> Exception:
    return refusal(
        "invalid_base_url",
        "give base_url as http:// or https:// with a host, without user, fragment or blanks",
    )


def refuse_embedded(config: dict[str, Any]) -> None:
    """Refuse a configuration that holds a credential, by name or by shape, at any depth."""
    pending: list[Any] = [config]
    while pending:
        value = pending.pop()
        if isinstance(value, str) and contains_raw_key(value):
            raise _embedded()
        if isinstance(value, (list, tuple)):
            pending.extend(value)
        if isinstance(value, dict):
            for name, item in value.items():
                if contains_raw_key(name) or (is_secret_name(name) and item not in (None, "")):
                    raise _embedded()
                pending.append(item)


def _embedded() -> Exception:
    return refusal("raw_credential", f"config must hold no credentials; {_USE_REFERENCE}")
