"""Andon: a self-hosted control plane for LLM integrations."""

__version__ = "0.1.0"
