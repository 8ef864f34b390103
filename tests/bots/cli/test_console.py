"""``moonthread console``: links to the web console."""

from typing import Any

from core.store import Database, console_access


async def redeemed(moonthread: Any, token: str) -> bool:
    """Whether the token opens a session."""
    database = Database(f"sqlite:///{moonthread.folder}/.local/share/moonthread/moonthread.db")
    async with database.begin() as tx:
        session = await console_access.redeem_link(tx, token)
    await database.close()
    return session is not None


async def test_the_link_signs_in(moonthread: Any) -> None:
    """It leads to the console's own address, or to the proxy's; without a console it says how to get one."""
    off = await moonthread("console")
    moonthread.environ |= {"MOONTHREAD_CONSOLE": "on", "MOONTHREAD_CONSOLE_URL": "https://bot.test/console/"}
    on = await moonthread("console")

    assert off.out.startswith("http://127.0.0.1:8081/sign-in/")
    assert "MOONTHREAD_CONSOLE=on" in off.err
    assert on.out.startswith("https://bot.test/console/sign-in/")
    assert on.err == ""
    assert await redeemed(moonthread, on.out.strip().rpartition("/")[2])


async def test_every_session_can_be_ended(moonthread: Any) -> None:
    """A link that was not used yet is void, too."""
    token = (await moonthread("console")).out.strip().rpartition("/")[2]

    assert (await moonthread("console", "--sign-out-all")).out == "0 sessions ended\n"
    assert not await redeemed(moonthread, token)
