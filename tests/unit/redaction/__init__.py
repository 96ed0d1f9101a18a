"""What a raw key looks like, and how it leaves a text."""
