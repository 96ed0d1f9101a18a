"""Measurements and fault campaigns, one command a question."""
