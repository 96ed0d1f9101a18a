"""What an application imports to report its LLM calls."""
