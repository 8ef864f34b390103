"""Taking a turn: when a conversation's oldest open event is whole, and certain to be answered."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import structlog

from core.chat_policy import ChatRules, Verdict
from core.chat_settings import Busy, ChatSettings
from core.domain.clock import Clock
from core.domain.events import Said
from core.files.references import REFERENCE
from core.inbound.group_policy import hear_again
from core.store import Database, Lane, Transaction, Work, inbox, open_work, turns
from core.store.clock import utc_now
from core.store.conversations import Conversation
from core.store.inbox import Item, Mark
from core.store.open_work import Background
from core.turns.claim import Opener, Taken
from core.turns.coalescing import one_question, wait_s

__all__ = ["MOST_MERGED", "Judge", "Taken", "Taker"]

log = structlog.get_logger(__name__)

MOST_MERGED = 40  #: questions that become one at the most


class Judge(Protocol):
    """Tells whether somebody asks something at all."""

    async def __call__(self, conversation: Conversation, asker_id: str, words: str) -> bool:
        """Return whether words that were not said to the bot ask something; False where nobody can tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unfinished:
    """More of a question may follow."""

    wait_s: float
    seen: int  #: how many events there are so far


@dataclass(frozen=True, slots=True, kw_only=True)
class _Doubt:
    """It is not known yet whether messages ask something."""

    seq: int  #: of the last of them
    conversation: Conversation
    asker_id: str
    words: str


class _Closed:
    """The first event was closed without a turn."""


_CLOSED: Final = _Closed()


class Taker:
    """Takes turns; ``platforms`` are those that this process can show answers on."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        platforms: Collection[str],
        settings: ChatSettings,
        judge: Judge | None = None,
    ) -> None:
        """Without ``judge`` nobody is taken to ask something who was not clearly meant to be answered."""
        self._database = database
        self._clock = clock
        self._platforms = platforms
        self._busy = settings.busy
        self._opener = Opener(settings)
        self._judge = judge

    async def take(self, work: Work) -> Taken | None:
        """Take the oldest open event's turn; None where nothing is open that we can answer.

        Where more of a question may follow, it is waited for: the rest of a text that a client has
        cut, the next of several short messages. Nothing is shown before it is certain that there is
        an answer.

        Raises:
            StoreUnavailable: nothing was taken.
        """
        seen, judged = 0, dict[int, bool]()
        while True:
            match await self._look(work, seen, judged):
                case _Unfinished(wait_s=wait, seen=now):
                    await self._clock.sleep(wait)
                    seen = now
                case _Doubt() as doubt:
                    judged[doubt.seq] = await self._asks(doubt)
                case _Closed():
                    seen = 0
                case taken:
                    return taken

    async def _look(
        self, work: Work, seen: int, judged: Mapping[int, bool]
    ) -> Taken | _Unfinished | _Doubt | _Closed | None:
        """Take what is open, or say what has to happen first; ``judged`` is what ``_Doubt`` led to."""
        async with self._database.begin() as tx:
            found = await open_work.of(tx, work, limit=MOST_MERGED, reference=REFERENCE)
            if found is None or found.conversation.key.platform not in self._platforms:
                return None  # another process serves that platform, or none does today
            conversation, items = found.conversation, found.items
            spoken_by = found.background.group_rules if work.lane is Lane.TURNS else None
            asked = one_question(items, spoken_by, merges=self._busy is Busy.MERGE)
            if len(items) > seen and (wait := wait_s(items, asked, spoken_by, now=utc_now())):
                return _Unfinished(wait_s=wait, seen=len(items))
            if spoken_by is not None:
                ruled = await self._ruled(tx, conversation, spoken_by, asked, judged)
                if ruled is not None:
                    return ruled
            return await self._take_first(tx, conversation, asked, found.background)

    async def _ruled(
        self,
        tx: Transaction,
        conversation: Conversation,
        found: ChatRules,
        asked: Sequence[Item],
        judged: Mapping[int, bool],
    ) -> _Doubt | _Closed | None:
        """Return what a chat's rules have against a question; None where it is answered."""
        said = [item.event for item in asked if isinstance(item.event, Said)]
        if not said or await turns.state_of(tx, asked[0].id) is not None:
            return None  # no question, or one that was begun before
        verdict, seq = await hear_again(tx, conversation, found, said), asked[-1].id
        if verdict is Verdict.ASK and seq not in judged:
            words = "\n".join(one.text for one in said)
            return _Doubt(seq=seq, conversation=conversation, asker_id=said[0].author.id, words=words)
        if verdict is Verdict.NOTE or (verdict is Verdict.ASK and not judged[seq]):
            await inbox.mark(tx, [item.id for item in asked], Mark.NOTED)
            log.info("left_alone", conversation=conversation.id, messages=len(asked))
            return _CLOSED
        return None

    async def _asks(self, doubt: _Doubt) -> bool:
        if self._judge is None:
            return False
        return await self._judge(doubt.conversation, doubt.asker_id, doubt.words)

    async def _take_first(
        self, tx: Transaction, conversation: Conversation, asked: Sequence[Item], background: Background
    ) -> Taken | _Closed:
        """Take the first event's turn; it is closed where it cannot be answered."""
        first = asked[0]
        taken = await self._opener.open(tx, conversation, asked, background)
        if taken is None:
            await inbox.mark(tx, [first.id], Mark.SKIPPED)
            log.warning("event_skipped", inbox=first.id, kind=type(first.event).__name__)
            return _CLOSED
        return taken
