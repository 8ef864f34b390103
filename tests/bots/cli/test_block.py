"""Blocking people on the command line."""

from typing import Any


async def test_somebody_is_blocked_listed_and_unblocked(moonthread: Any) -> None:
    """Everywhere or in one chat; a second time changes nothing, and what is not there is said."""
    await moonthread("db", "upgrade")

    assert (await moonthread("blocked")).out == "nobody is blocked\n"
    assert (await moonthread("block", "slack:U0123")).out == "slack:U0123 is blocked\n"
    assert (await moonthread("block", "slack:U0123")).out == "slack:U0123 was blocked before\n"
    chat = await moonthread("block", "telegram:42", "--chat=-1001")
    assert chat.out == "telegram:42 is blocked in -1001\n"
    listed = (await moonthread("blocked")).out.splitlines()
    assert [line.split()[:3] for line in listed[1:]] == [
        ["telegram:42", "-1001", "operator"],
        ["slack:U0123", "everywhere", "operator"],
    ]
    assert (await moonthread("unblock", "telegram:42")).out == "telegram:42 is answered again\n"
    again = await moonthread("unblock", "telegram:42")
    assert (again.status, again.err) == (1, "moonthread: telegram:42 is not blocked\n")


async def test_a_person_has_a_platform_and_an_id(moonthread: Any) -> None:
    """Anything else is wrong usage."""
    assert (await moonthread("block", "U0123")).status == 2
