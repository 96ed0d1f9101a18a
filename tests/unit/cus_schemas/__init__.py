"""The contracts of customer integrations."""
