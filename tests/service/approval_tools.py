"""An operator's tools, one that asks and one that is free; their calls are recorded for the tests."""

import asyncio

from core.tools import tool

ORDERS: list[str] = []
ORDER_S = 5.0  #: for which an order takes


@tool
async def order(article: str) -> str:
    """Order an article."""
    ORDERS.append(article)
    await asyncio.sleep(ORDER_S)
    return f"{article} is ordered"


@tool(approval="free")
async def stock(article: str) -> str:
    """Return how many pieces of an article are in stock."""
    return "7"
