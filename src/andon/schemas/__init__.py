"""Contracts: the shapes that cross the edges of Andon."""
