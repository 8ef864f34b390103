"""An operator's tools, one that asks and one that is free; their calls are recorded for the tests."""

from core.tools import tool

ORDERS: list[str] = []


@tool
async def order(article: str) -> str:
    """Order an article."""
    ORDERS.append(article)
    return f"{article} is ordered"


@tool(approval="free")
async def stock(article: str) -> str:
    """Return how many pieces of an article are in stock."""
    return "7"
