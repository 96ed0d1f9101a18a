"""The dedupe index of the embedded store, against a real file database."""
