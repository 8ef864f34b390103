"""Answers of a platform, each asked for once."""

import asyncio

from core.concurrency.ttl_cache import CAPACITY, TtlCache
from core.domain.clock import SystemClock
from core.domain.errors import PlatformRateLimited, PlatformUnavailable


class Turned(SystemClock):
    """A clock that a test sets."""

    now = 0.0

    def time(self) -> float:
        """Return what was set."""
        return self.now


class Platform:
    """Tells how often it was asked; fails as long as it is told to."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.failure: Exception | None = None
        self.open = asyncio.Event()
        self.open.set()

    async def __call__(self, key: str) -> str:
        """Answer."""
        self.asked.append(key)
        await self.open.wait()
        if self.failure:
            raise self.failure
        return key.upper()


async def test_an_answer_is_kept_for_its_time() -> None:
    """Within it the platform is not asked again."""
    clock, platform = Turned(), Platform()
    lookups = TtlCache("names", platform, clock, default="", ttl_s=10)
    assert [await lookups.get("a"), await lookups.get("a"), await lookups.get("b")] == ["A", "A", "B"]
    clock.now = 10.0
    assert await lookups.get("a") == "A"
    assert platform.asked == ["a", "b", "a"]


async def test_a_look_waits_for_nothing() -> None:
    """What is not known is loaded meanwhile; what is too old is given until the new value is there."""
    clock, platform = Turned(), Platform()
    lookups = TtlCache("names", platform, clock, default="", ttl_s=10)
    platform.open.clear()
    assert lookups.peek("a") is None
    assert lookups.peek("a") is None
    platform.open.set()
    assert await lookups.get("a") == "A"
    clock.now = 10.0
    assert lookups.peek("a") == "A"
    await asyncio.sleep(0)
    assert platform.asked == ["a", "a"]
    await lookups.close()


async def test_many_values_are_those_that_come_in_time() -> None:
    """Keys whose load takes longer are left out; the load continues for the next caller."""
    platform = Platform()
    lookups = TtlCache("names", platform, SystemClock(), default="")
    await lookups.get("a")
    platform.open.clear()
    assert await lookups.get_many(["a", "b"], timeout_s=0) == {"a": "A"}
    platform.open.set()
    assert await lookups.get_many(["a", "b"], timeout_s=5) == {"a": "A", "b": "B"}
    assert platform.asked == ["a", "b"]
    await lookups.close()


async def test_those_who_ask_together_wait_for_one_answer() -> None:
    """One of them who gives up does not take it from the others."""
    platform = Platform()
    platform.open.clear()
    lookups = TtlCache("names", platform, SystemClock(), default="")
    first, second = (asyncio.create_task(lookups.get("a")) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    platform.open.set()
    assert await second == "A"
    assert platform.asked == ["a"]
    await lookups.close()


async def test_a_failure_is_the_default_for_a_while() -> None:
    """A rate limit is kept as long as it says."""
    clock, platform = Turned(), Platform()
    lookups = TtlCache("names", platform, clock, default="?")
    platform.failure = PlatformRateLimited("slow", retry_after_s=100)
    assert await lookups.get("a") == await lookups.get("a") == "?"
    platform.failure = PlatformUnavailable("down")
    assert await lookups.get("b") == "?"
    clock.now, platform.failure = 61.0, None
    assert [await lookups.get("a"), await lookups.get("b")] == ["?", "B"]
    clock.now = 101.0
    assert await lookups.get("a") == "A"
    assert platform.asked == ["a", "b", "b", "a"]


async def test_the_oldest_answer_makes_way() -> None:
    """No more than so many are kept."""
    platform = Platform()
    lookups = TtlCache("names", platform, SystemClock(), default="")
    for number in range(CAPACITY + 1):
        await lookups.get(str(number))
    platform.asked.clear()
    await lookups.get(str(CAPACITY))
    await lookups.get("0")
    assert platform.asked == ["0"]


async def test_what_is_being_asked_is_given_up_at_the_end() -> None:
    """Closing waits for nobody."""
    platform = Platform()
    platform.open.clear()
    lookups = TtlCache("names", platform, SystemClock(), default="")
    asking = asyncio.create_task(lookups.get("a"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await lookups.close()
    assert (await asyncio.gather(asking, return_exceptions=True))[0].__class__ is asyncio.CancelledError
