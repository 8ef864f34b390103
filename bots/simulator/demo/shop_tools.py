"""The demo's shop as tools for Kimi: what is in stock, and a reservation that a person approves."""

from typing import Final

from core.tools import SourceLink, ToolError, ToolResult, tool

STOCK: Final = {"jasmine tea": 11, "茉莉花茶": 11, "green tea": 4, "绿茶": 4}
SHOP_PAGE: Final = "https://tea.example/stock"


@tool(approval="free")
async def stock(article: str) -> ToolResult:
    """Return how many tins of an article are in stock."""
    if article not in STOCK:
        raise ToolError(f"there is no article {article!r}")
    return ToolResult(text=str(STOCK[article]), sources=(SourceLink(url=SHOP_PAGE, title="Tea & Moon 茶铺"),))


@tool
async def reserve(article: str, tins: int) -> str:
    """Reserve tins of an article for the person who asks."""
    return f"{tins} × {article}: reserved"
