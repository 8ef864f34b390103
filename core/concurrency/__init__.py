"""Small helpers for asyncio that the whole core shares."""
