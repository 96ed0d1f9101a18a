"""Where a server is and with which key it is asked, checked before either is used."""

from __future__ import annotations

import httpx2

DEFAULT_URL = "http://127.0.0.1:8750"


def checked_url(url: str) -> str:
    """Check a server's address; the error does not repeat it, since it may hold a password."""
    problem = "the server's address (ANDON_URL) must look like http://127.0.0.1:8750"
    try:
        parsed = httpx2.URL(url.strip())
    except (httpx2.InvalidURL, ValueError):
        raise ValueError(problem) from None
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise ValueError(problem)
    if parsed.userinfo or parsed.query or parsed.fragment:
        raise ValueError(f"{problem}, without user, password, query or fragment")
    return str(parsed).rstrip("/")


def checked_key(key: str) -> str:
    """Check a key's form, so that no HTTP library ever complains about it by its value."""
    text = key.strip()
    if not text:
        raise ValueError("no key is given; set ANDON_KEY to a key of the server")
    if not (text.isascii() and text.isprintable()) or " " in text:
        raise ValueError("the key (ANDON_KEY) holds characters that no key has; copy it again")
    return text


def open_client(url: str, key: str, timeout_seconds: float) -> httpx2.Client:
    """Open an HTTP client that obeys no proxy or netrc of its surroundings."""
    return httpx2.Client(
        base_url=checked_url(url),
        headers={"Authorization": f"Bearer {checked_key(key)}"},
        timeout=httpx2.Timeout(timeout_seconds),
        trust_env=False,
    )
