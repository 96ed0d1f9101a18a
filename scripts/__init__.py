"""Tools of the house, run as modules: `python -m scripts.mutate`."""
