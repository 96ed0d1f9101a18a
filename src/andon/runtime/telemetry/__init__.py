"""Use cases of usage telemetry: record it exactly once, read what it sums to."""
