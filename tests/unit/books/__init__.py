"""Tests of how the books are compared, piece by piece."""
