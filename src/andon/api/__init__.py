"""Inbound HTTP: endpoints, problems, health and metrics."""
