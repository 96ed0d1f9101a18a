"""The contracts of customer integrations, one noun a file."""
