"""Asyncio building blocks shared by all packages: deadlines, task sets, a cache of lookups."""
