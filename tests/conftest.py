"""Shared by all tests; standing here, it makes `tests/` importable (`from golden import loader`)."""
