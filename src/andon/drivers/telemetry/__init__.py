"""SQL of usage records: the group commit, the rollups, and what is read of them."""
