"""The screens as the page is told of them."""

import asyncio
from dataclasses import replace

from bots.simulator.demo.feed import BACKLOG, Feed, Json, Subscription
from bots.simulator.screen import Screen, Shown

HELLO = Shown(channel="C1", message_id="1", author="Moonthread", by_bot=True, text="Hel")


async def told(subscription: Subscription, count: int) -> list[Json | None]:
    """Return the next ``count`` changes."""
    return [await subscription.next(5.0) for _ in range(count)]


async def test_a_message_keeps_the_time_of_each_of_its_frames() -> None:
    """Every change carries the whole message, with the seconds since its first frame."""
    screen = Screen()
    async with Feed({"slack": screen}) as feed:
        with feed.subscribed() as (everything, changes):
            screen.show(HELLO, at=10.0)
            screen.change(replace(HELLO, text="Hello"), at=10.5)
            posted, edited = await told(changes, 2)

    assert everything == {"messages": [], "statuses": []}
    assert posted is not None
    assert edited is not None
    assert (posted["message"]["text"], posted["message"]["frames"]) == ("Hel", [0.0])
    assert (edited["message"]["text"], edited["message"]["frames"]) == ("Hello", [0.0, 0.5])


async def test_a_late_page_gets_what_stands_now() -> None:
    """The snapshot holds neither a deleted message nor a status that is over."""
    screen = Screen()
    async with Feed({"slack": screen}) as feed:
        with feed.subscribed() as (_, changes):
            screen.show(HELLO, at=1.0)
            screen.show(replace(HELLO, message_id="2"), at=2.0)
            screen.status("C1", "1", "is thinking…", at=2.0)
            screen.status("C1", "2", "is thinking…", at=2.0)
            screen.status("C1", "2", "", at=3.0)
            screen.remove("C1", "1", at=3.0)
            await told(changes, 6)
        with feed.subscribed() as (everything, _):
            pass

    assert [message["id"] for message in everything["messages"]] == ["2"]
    assert [(status["thread"], status["text"]) for status in everything["statuses"]] == [
        ("1", "is thinking…")
    ]


async def test_blocks_of_markdown_are_what_is_read() -> None:
    """Slack's text beside blocks is for notifications; the page shows the block's Markdown."""
    screen = Screen()
    shown = replace(HELLO, blocks=({"type": "markdown", "text": "**whole**"}, {"type": "actions"}))
    async with Feed({"slack": screen}) as feed:
        with feed.subscribed() as (_, changes):
            screen.show(shown, at=0.0)
            [change] = await told(changes, 1)

    assert change is not None
    assert change["message"]["text"] == "**whole**"


async def test_a_page_that_does_not_read_is_let_go() -> None:
    """What waits for one page is bounded: past that its stream ends, and it begins anew."""
    screen = Screen()
    async with Feed({"slack": screen}) as feed:
        with feed.subscribed() as (_, changes):
            for number in range(BACKLOG + 10):
                screen.status("C1", "", str(number), at=0.0)
            async with asyncio.timeout(100):
                while await changes.next(5.0) is not None:
                    pass


async def test_the_end_of_the_demo_ends_every_stream() -> None:
    """An open page does not hold up the end."""
    async with Feed({"slack": Screen()}) as feed:
        with feed.subscribed() as (_, changes):
            feed.end()

            assert await changes.next(5.0) is None
