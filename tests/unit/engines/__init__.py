"""Tests of the engines and of the ids that they work with."""
