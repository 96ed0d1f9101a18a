"""Decisions as pure functions: no driver, no clock, no I/O."""
