"""Decoding of reported usage: the fast reading, the verdicts, broken batches."""
