"""The contract of the integration loop, one file a noun."""
