"""Adapters that hear recordings."""
