"""A tool as an operator writes one, for :mod:`tests.service.gateways.test_mock_servers`."""

from core.tools.custom_tools import tool

PIECES = 7


@tool(approval="free")
async def stock(article: str) -> int:
    """Return how many pieces of an article are in stock."""
    return PIECES
