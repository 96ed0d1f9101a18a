"""Tests of Andon."""
