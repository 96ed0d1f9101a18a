"""The one place that knows what a raw provider key looks like, and how to take it out of a text."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import Any

from andon.models.quotes import mask_quotes

# Every pattern runs in linear time: a start is either a literal that the repeated class cannot
# hold, or guarded by a look-behind, so that no two starts walk over the same text.
_START = r"(?<![A-Za-z0-9])"
_VALUE = r"(?P<secret>(?=[A-Za-z0-9+/_.~=-]{40}|[A-Za-z+/_.~=-]{0,39}[0-9])[A-Za-z0-9+/_.~=-]{16,})"
_NAME = (
    r"(?:(?:[Aa]pi|API|[Aa]ccess|ACCESS|[Aa]ccount|ACCOUNT|[Ss]ubscription|SUBSCRIPTION"
    r"|[Ss]ecret|SECRET|[Pp]rivate|PRIVATE)[ _-]?(?:[Kk]ey|KEY)"
    r"|[Tt]oken|TOKEN|[Ss]ecret|SECRET|[Pp]assw(?:or)?d|PASSW(?:OR)?D|[Pp]wd|PWD"
    r"|[Cc]redentials?|CREDENTIALS?)"
)

RAW_KEY: tuple[re.Pattern[str], ...] = (
    # OpenAI (sk-, sk-proj-, sk-svcacct-), Anthropic (sk-ant-), OpenRouter (sk-or-) and kin
    re.compile(_START + r"sk[-_][A-Za-z0-9_-]{16,}"),
    re.compile(_START + r"AIza[0-9A-Za-z_-]{30,}"),  # Google
    re.compile(  # AWS: the key id, and a secret right behind it
        _START + r"(?:AKIA|ASIA)[0-9A-Z]{16}(?![0-9A-Za-z])"
        r"(?:[\s:,;/|\"']{1,8}[A-Za-z0-9+/]{40}(?![A-Za-z0-9+/]))?"
    ),
    re.compile(_START + r"ABSK[A-Za-z0-9+/=]{40,}"),  # Amazon Bedrock API key
    re.compile(_START + r"(?:gsk_|hf_|r8_|pplx-)[A-Za-z0-9]{20,}"),  # Groq, HF, Replicate, ...
    re.compile(_START + r"(?:xai-|nvapi-)[A-Za-z0-9_-]{20,}"),  # xAI, NVIDIA
    re.compile(_START + r"(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,})"),
    re.compile(_START + r"xox[abeoprs]-[A-Za-z0-9-]{10,}"),  # Slack
    re.compile(
        r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]{8,}+(?:\.[A-Za-z0-9_-]*+)?"
    ),
    re.compile(_START + r"andon_[0-9A-Za-z]{8}_[0-9A-Za-z]{43,}"),
    re.compile(
        r"(?:[Bb]earer|BEARER)[ \t]{1,4}"
        r"(?P<secret>(?=[A-Za-z0-9._~+/=-]{32}|[A-Za-z._~+/=-]{0,31}[0-9])[A-Za-z0-9._~+/=-]{16,})"
    ),
    re.compile(
        r"(?:[Bb]asic|BASIC) {1,4}(?P<secret>(?=[A-Za-z+/]{0,64}[0-9=])[A-Za-z0-9+/]{12,}={0,2})"
    ),
    re.compile(  # user and password in a URL
        r"(?<=://)(?P<secret>[^\s/?#@:\"'<>]{0,200}:[^\s/?#\"'<>]{1,400})(?=@)"
    ),
    re.compile(
        r"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----(?:[^-]|-(?!----))*+"
        r"(?:-----END [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----)?"
    ),
    # Keys without a shape of their own (Mistral, Azure) count where something names them.
    re.compile(
        _NAME + r"(?: provided| is)?\\?[\"']?[ \t]{0,3}[:=][ \t]{0,3}\\?[\"']?" + _VALUE,
    ),
)
"""Patterns of raw keys; where one has the group `secret`, that group alone is the key."""

_BARE_VALUE = re.compile(_VALUE)
_EMAIL = re.compile(r"(?<![\w.%+-])[\w.%+-]++@[\w-]++(?:\.[\w-]++)+")
_USERINFO = re.compile(r"(?<=://)[^\s/?#@\"'<>]{1,600}@")

_SECRET_NAMES = frozenset(
    {
        *("key", "apikey", "xapikey", "accesskey", "accesskeyid", "accountkey", "authkey"),
        *("subscriptionkey", "ocpapimsubscriptionkey", "privatekey", "signingkey", "sharedkey"),
        *("encryptionkey", "masterkey", "authorization", "proxyauthorization", "auth", "basicauth"),
        *("bearer", "cookie", "setcookie", "passwd", "pwd", "passphrase", "credential"),
        *("credentials", "connectionstring", "serviceaccountjson"),
    }
)
_SECRET_PARTS = ("secret", "password", "apikey")

MESSAGE_LIMIT_BYTES = 4096
_MESSAGE_READ_CHARS = 32_768
_EDGE_CHARS = 64
_PLACEHOLDER_USERINFO = "[userinfo]@"


def is_secret_name(name: str) -> bool:
    """Tell whether a field of this name usually holds a secret; `..._ref` names hold references."""
    plain = "".join(letter for letter in name[:200].lower() if letter.isalnum())
    if plain.endswith(("ref", "tokens", "limit")):
        return False
    return (
        plain in _SECRET_NAMES
        or plain.endswith("token")
        or any(part in plain for part in _SECRET_PARTS)
    )


def contains_raw_key(text: str) -> bool:
    """Tell whether a text holds something of the shape of a raw key or of other credentials."""
    return may_hold_raw_key(text) and any(pattern.search(text) for pattern in RAW_KEY)


def may_hold_raw_key(text: str) -> bool:
    """Tell whether a text, or the strings in a JSON text, could hold a key; False is certain.

    Single characters are looked for first: that costs a tenth of what a longer needle does.
    """
    return (
        ("k" in text and _has_k(text))
        or ("x" in text and ("xai-" in text or "pplx-" in text or "xox" in text))
        or ("/" in text and "://" in text)
        or ("_" in text and _has_underscore(text))
        or ("v" in text and "nvapi-" in text)
        or ("\\" in text and ("\\u" in text or "\\/" in text))
        or ("w" in text and ("passw" in text or "pwd" in text or "Pwd" in text or "Passw" in text))
        or ("r" in text and ("ecret" in text or "earer" in text or "redential" in text))
        or ("s" in text and "asic " in text)
        or (not text.islower() and _has_capitals(text))
    )


def _has_capitals(text: str) -> bool:
    return (
        ("I" in text and ("AIza" in text or "AKIA" in text or "ASIA" in text))
        or ("J" in text and "eyJ" in text)
        or ("K" in text and ("KEY" in text or "Key" in text or "ABSK" in text or "TOKEN" in text))
        or ("W" in text and ("PASSW" in text or "PWD" in text))
        or ("B" in text and ("BEARER" in text or "BASIC" in text))
        or ("C" in text and ("SECRET" in text or "CREDENTIAL" in text))
    )


def _has_k(text: str) -> bool:
    return (
        "sk-" in text
        or "sk_" in text
        or "key" in text
        # every usage record has tokens_in and tokens_out; those name no secret
        or ("oken" in text and text.count("oken") > text.count("okens"))
    )


def _has_underscore(text: str) -> bool:
    return (
        "hf_" in text
        or "r8_" in text
        or "andon_" in text
        or "github_pat_" in text
        or any(f"gh{kind}_" in text for kind in "pousr")
    )


def _mark(secret: str) -> str:
    digest = hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
    return f"[redacted:{digest[:8]}]"


def _replace(match: re.Match[str]) -> str:
    whole = match.group()
    if "secret" not in match.re.groupindex:
        return _mark(whole)
    start, end = match.start("secret") - match.start(), match.end("secret") - match.start()
    return whole[:start] + _mark(match.group("secret")) + whole[end:]


def redact(text: str) -> str:
    """Replace each key by `[redacted:<8 hex of its SHA-256>]`; equal texts stay equal."""
    if may_hold_raw_key(text):
        for pattern in RAW_KEY:
            text = pattern.sub(_replace, text)
    return text


def redact_value(value: Any) -> Any:
    """Redact every string of a JSON value, the keys of objects included.

    A string under the name of a secret is judged like one behind `name=` in a text.
    """
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {
            redact(key) if isinstance(key, str) else key: _redact_named(key, item)
            for key, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [redact_value(item) for item in value]
    return value


def _redact_named(name: Any, value: Any) -> Any:
    if isinstance(name, str) and isinstance(value, str) and is_secret_name(name):
        redacted = redact(value)
        return _BARE_VALUE.sub(_replace, value) if redacted == value else redacted
    return redact_value(value)


def mask_error_message(text: str, limit_bytes: int = MESSAGE_LIMIT_BYTES) -> str:
    """Take keys, addresses and quoted user text out of an error, and cut it with a mark.

    The answer has at most `limit_bytes` bytes of UTF-8. Only the first 32 Ki characters are
    read: what stands behind them cannot be shown.
    """
    masked = redact(text[:_MESSAGE_READ_CHARS])
    masks: tuple[Callable[[str], str], ...] = (_mask_userinfo, _mask_emails, mask_quotes)
    for mask in masks:
        masked = mask(masked)
    if len(text) > _MESSAGE_READ_CHARS:
        # a key that was cut in two there may be too short to be known
        masked = masked[:-_EDGE_CHARS]
    return _cut(masked, text, limit_bytes)


def _mask_userinfo(text: str) -> str:
    return _USERINFO.sub(_PLACEHOLDER_USERINFO, text)


def _mask_emails(text: str) -> str:
    return _EMAIL.sub("[email]", text)


def _cut(masked: str, original: str, limit_bytes: int) -> str:
    encoded = masked.encode("utf-8", "replace")
    if len(encoded) <= limit_bytes and len(original) <= _MESSAGE_READ_CHARS:
        return masked
    size = len(original.encode("utf-8", "replace"))
    mark = f" …[cut, {size} bytes in all]"
    room = max(0, limit_bytes - len(mark.encode()))
    return encoded[:room].decode("utf-8", "ignore") + mark
