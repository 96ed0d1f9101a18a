"""Tests of Andon, by kind."""
