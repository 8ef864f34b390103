"""What a chat shows while a bot works: "typing" for 5 seconds, a draft for 30.

Each fades by itself, earlier where a message of the bot arrives in the same place
(core.telegram.org/bots/api#sendchataction, #sendmessagedraft).
"""

import asyncio
from dataclasses import dataclass

from bots.simulator.screen import Screen
from core.domain.clock import Clock

TYPING_S = 5.0
DRAFT_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A message that a bot is still writing, and what its Stop button does."""

    bot_id: int
    draft_id: int
    can_stop: bool
    keep_on_stop: bool


class Statuses:
    """The statuses of every place, a place being (chat id, topic or 0)."""

    def __init__(self, screen: Screen, clock: Clock) -> None:
        self._screen = screen
        self._clock = clock
        self._fading: dict[tuple[int, int], asyncio.Task[None]] = {}
        self.drafts: dict[tuple[int, int], Draft] = {}  #: that stand now, by place

    def show(
        self, chat_id: int, topic: int | None, text: str, *, lasts_s: float, draft: Draft | None = None
    ) -> None:
        """Show a text in place of the one before, and let it fade."""
        place = (chat_id, topic or 0)
        if before := self._fading.pop(place, None):
            before.cancel()
        self._tell(place, text)
        self._note(place, draft)
        self._fading[place] = asyncio.create_task(self._fade(place, lasts_s))

    def clear(self, chat_id: int, topic: int | None) -> None:
        """Take the status away, if there is one."""
        place = (chat_id, topic or 0)
        if before := self._fading.pop(place, None):
            before.cancel()
            self._note(place, None)
            self._tell(place, "")

    async def close(self) -> None:
        """Let nothing fade any more."""
        tasks = list(self._fading.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _fade(self, place: tuple[int, int], lasts_s: float) -> None:
        await self._clock.sleep(lasts_s)
        del self._fading[place]
        self._note(place, None)
        self._tell(place, "")

    def _note(self, place: tuple[int, int], draft: Draft | None) -> None:
        self.drafts.pop(place, None)
        if draft is not None:
            self.drafts[place] = draft

    def _tell(self, place: tuple[int, int], text: str) -> None:
        chat_id, topic = place
        self._screen.status(str(chat_id), str(topic or ""), text, at=self._clock.time())
