"""Translation between foreign shapes and our contracts."""
