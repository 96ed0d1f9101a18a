"""Decisions about tenants: who may do what, what a key looks like, which day it is there."""
