"""Tenants, principals and keys: who there is, who is asking, what they may do."""
