"""Protocols that adapters implement; each has a contract suite under ``tests/contracts``."""
