"""The table of the pieces that PostgreSQL keeps dedupe keys in; the newest one takes new keys."""

from __future__ import annotations

from sqlalchemy import Column, Integer, Table

from andon.drivers.database.tables import metadata

usage_generations = Table(
    "usage_generations",
    metadata,
    Column("generation", Integer, primary_key=True, autoincrement=False),
    info={"dialect": "postgresql"},
)
"""A piece is named by the day, counted from 1970 in UTC, on which it began to take keys."""

PIECES = 0x616F
CLAIMS = 0x6170
"""Classes of advisory locks: one of whoever makes or drops a piece, one a slot of its claims."""

GRANTED = (
    "andon_make_usage_month(integer)",
    "andon_drop_usage_month(integer)",
    "andon_begin_key_generation(integer)",
    "andon_drop_key_generation(integer)",
    "andon_empty_audit(integer, integer)",
)
OWNERS = ("andon_make_piece(text, text, text)", "andon_usage_month_name(integer)")
"""Functions that the service's role may call, and those that only they may."""
