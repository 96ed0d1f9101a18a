"""Identifiers that carry their own time (UUIDv7, RFC 9562)."""

from __future__ import annotations

from uuid import UUID


def uuid7(now_us: int, random: bytes) -> UUID:
    """Make a UUIDv7 from microseconds since 1970 and 9 random bytes."""
    return UUID(bytes=uuid7_bytes(now_us, random))


def uuid7_bytes(now_us: int, random: bytes) -> bytes:
    """Make the 16 bytes of a UUIDv7 from microseconds since 1970 and 9 random bytes.

    The 12 bits after the milliseconds hold the fraction of the millisecond (RFC 9562, 6.2,
    method 3), so that ids of one process sort by time within a microsecond or so.
    """
    millis, micros = divmod(now_us, 1000)
    fraction = micros * 4096 // 1000
    tail = int.from_bytes(random[:9]) & ((1 << 62) - 1)
    return (millis << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62 | tail).to_bytes(16)


def text_of(raw: bytes) -> str:
    """Write the 16 bytes of an id as UUIDs are written."""
    text = raw.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def time_of(id_: UUID) -> int:
    """Read the microseconds since 1970 that a UUIDv7 of `uuid7` was made at, to within one."""
    millis = id_.int >> 80
    fraction = (id_.int >> 64) & 0xFFF
    return millis * 1000 + -(-fraction * 1000 // 4096)
