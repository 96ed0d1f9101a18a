"""Whether the books balance: sums, dedupe keys and block numbers against the records."""
