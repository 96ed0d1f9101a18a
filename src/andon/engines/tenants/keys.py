"""What an API key looks like and how it is told from garbage before any look-up."""

from __future__ import annotations

import hashlib
import hmac
import zlib
from dataclasses import dataclass

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
PUBLIC_LENGTH = 8
SECRET_LENGTH = 43
_CHECK_LENGTH = 6
RANDOM_BYTES = 48
LONGEST = 512


@dataclass(frozen=True, slots=True)
class MintedKey:
    """A new key: the secret that is shown once, and what is kept of it."""

    secret: str
    prefix: str
    digest: bytes

    def __repr__(self) -> str:
        return f"MintedKey(prefix={self.prefix!r})"


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, 62)
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))


def _checksum(text: str) -> str:
    return _base62(zlib.crc32(text.encode()), _CHECK_LENGTH)


def digest_of(secret: str) -> bytes:
    """Hash a key for storage; a key has 256 random bits, so SHA-256 needs no salt or stretching."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def mint_key(random: bytes) -> MintedKey:
    """Make `andon_<8 public>_<43 random><6 checksum>` from 48 random bytes."""
    if len(random) < RANDOM_BYTES:
        raise ValueError(f"a key needs {RANDOM_BYTES} random bytes")
    public = _base62(int.from_bytes(random[:8]), PUBLIC_LENGTH)
    body = f"andon_{public}_{_base62(int.from_bytes(random[8:48]), SECRET_LENGTH)}"
    secret = body + _checksum(body)
    return MintedKey(secret, public, digest_of(secret))


def adopt_key(secret: str) -> MintedKey:
    """Keep a key that an operator chose (ANDON_ADMIN_KEY); it is looked up by its hash."""
    return MintedKey(secret, prefix_of(secret) or "", digest_of(secret))


def prefix_of(presented: str) -> str | None:
    """Tell under which prefix a presented key is looked up; None when it cannot be a key."""
    if not 24 <= len(presented) <= LONGEST or not presented.isprintable():
        return None
    if not presented.startswith("andon_"):
        return "#" + digest_of(presented).hex()[:16]
    parts = presented.split("_", 2)
    well_formed = (
        len(parts) == 3
        and len(parts[1]) == PUBLIC_LENGTH
        and len(parts[2]) == SECRET_LENGTH + _CHECK_LENGTH
        and presented.isascii()
        and hmac.compare_digest(_checksum(presented[:-_CHECK_LENGTH]), presented[-_CHECK_LENGTH:])
    )
    return parts[1] if well_formed else "#" + digest_of(presented).hex()[:16]


def matches(presented: str, digest: bytes) -> bool:
    """Compare a presented key with a stored hash in constant time."""
    return hmac.compare_digest(digest_of(presented), digest)
