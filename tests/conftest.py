"""Fixtures that every test may use, one module a subject."""

from __future__ import annotations

pytest_plugins = ["tests.fixtures.andon", "tests.fixtures.order", "tests.fixtures.postgres"]
