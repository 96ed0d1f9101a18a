"""Real servers that tests start, use and always end."""
