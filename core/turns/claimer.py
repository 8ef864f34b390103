"""Taking a turn: when a conversation's oldest open event is whole, and certain to be answered."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import structlog

from core.chat_policy import ChatRules, ReplyDecision
from core.chat_settings import ChatSettings, WhileAnswering
from core.domain.clock import Clock
from core.domain.events import MessageReceived
from core.domain.queue import EventStatus, Lane, QueueKey
from core.files.references import REFERENCE_PREFIX
from core.inbound.group_policy import recheck
from core.store import Database, Transaction, inbox, open_work, turns
from core.store.clock import utc_now
from core.store.conversations import Conversation
from core.store.inbox import InboxItem
from core.store.open_work import AvailableContext
from core.turns.coalescing import coalesce, remaining_wait_s
from core.turns.event_claimer import ClaimedTurn, EventClaimer

__all__ = ["MAX_MERGED", "ClaimedTurn", "IntentClassifier", "TurnClaimer"]

log = structlog.get_logger(__name__)

MAX_MERGED = 40  #: questions that become one at the most


class IntentClassifier(Protocol):
    """Tells whether somebody asks something at all."""

    async def __call__(self, conversation: Conversation, asker_id: str, text: str) -> bool:
        """Return whether words that were not said to the bot ask something; False where nobody can tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Incomplete:
    """More of a question may follow."""

    wait_s: float
    event_count: int  #: how many events there are so far


@dataclass(frozen=True, slots=True, kw_only=True)
class _NeedsClassification:
    """It is not known yet whether messages ask something."""

    seq: int  #: of the last of them
    conversation: Conversation
    asker_id: str
    text: str


class _ClosedWithoutTurn:
    """The first event was closed without a turn."""


_CLOSED_WITHOUT_TURN: Final = _ClosedWithoutTurn()


class TurnClaimer:
    """Takes turns; ``platforms`` are those that this process can show answers on."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        platforms: Collection[str],
        settings: ChatSettings,
        classifier: IntentClassifier | None = None,
    ) -> None:
        """Without ``judge`` nobody is taken to ask something who was not clearly meant to be answered."""
        self._database = database
        self._clock = clock
        self._platforms = platforms
        self._while_answering = settings.while_answering
        self._event_claimer = EventClaimer(settings)
        self._classifier = classifier

    async def claim(self, queue_key: QueueKey) -> ClaimedTurn | None:
        """Take the oldest open event's turn; None where nothing is open that we can answer.

        Where more of a question may follow, it is waited for: the rest of a text that a client has
        cut, the next of several short messages. Nothing is shown before it is certain that there is
        an answer.

        Raises:
            StoreUnavailable: nothing was taken.
        """
        seen, judged = 0, dict[int, bool]()
        while True:
            match await self._try_claim(queue_key, seen, judged):
                case _Incomplete(wait_s=wait, event_count=now):
                    await self._clock.sleep(wait)
                    seen = now
                case _NeedsClassification() as doubt:
                    judged[doubt.seq] = await self._classify(doubt)
                case _ClosedWithoutTurn():
                    seen = 0
                case taken:
                    return taken

    async def _try_claim(
        self, queue_key: QueueKey, seen_count: int, classified: Mapping[int, bool]
    ) -> ClaimedTurn | _Incomplete | _NeedsClassification | _ClosedWithoutTurn | None:
        """Take what is open, or say what has to happen first; ``judged`` is what ``_Doubt`` led to."""
        async with self._database.begin() as tx:
            found = await open_work.load_open_work(
                tx, queue_key, limit=MAX_MERGED, file_marker=REFERENCE_PREFIX
            )
            if found is None or found.conversation.key.platform not in self._platforms:
                return None  # another process serves that platform, or none does today
            conversation, items = found.conversation, found.items
            spoken_by = found.available_context.group_rules if queue_key.lane is Lane.TURNS else None
            asked = coalesce(items, spoken_by, merge_all=self._while_answering is WhileAnswering.MERGE)
            if len(items) > seen_count and (wait := remaining_wait_s(items, asked, spoken_by, now=utc_now())):
                return _Incomplete(wait_s=wait, event_count=len(items))
            if spoken_by is not None:
                ruled = await self._apply_rules(tx, conversation, spoken_by, asked, classified)
                if ruled is not None:
                    return ruled
            return await self._claim_first(tx, conversation, asked, found.available_context)

    async def _apply_rules(
        self,
        tx: Transaction,
        conversation: Conversation,
        rules: ChatRules,
        items: Sequence[InboxItem],
        classified: Mapping[int, bool],
    ) -> _NeedsClassification | _ClosedWithoutTurn | None:
        """Return what a chat's rules have against a question; None where it is answered."""
        said = [item.event for item in items if isinstance(item.event, MessageReceived)]
        if not said or await turns.get_state(tx, items[0].id) is not None:
            return None  # no question, or one that was begun before
        verdict, seq = await recheck(tx, conversation, rules, said), items[-1].id
        if verdict is ReplyDecision.ASK_CLASSIFIER and seq not in classified:
            words = "\n".join(one.text for one in said)
            return _NeedsClassification(
                seq=seq, conversation=conversation, asker_id=said[0].author.id, text=words
            )
        if verdict is ReplyDecision.IGNORE or (
            verdict is ReplyDecision.ASK_CLASSIFIER and not classified[seq]
        ):
            await inbox.set_status(tx, [item.id for item in items], EventStatus.RECORDED)
            log.info("turn.not_needed", conversation=conversation.id, messages=len(items))
            return _CLOSED_WITHOUT_TURN
        return None

    async def _classify(self, request: _NeedsClassification) -> bool:
        if self._classifier is None:
            return False
        return await self._classifier(request.conversation, request.asker_id, request.text)

    async def _claim_first(
        self,
        tx: Transaction,
        conversation: Conversation,
        items: Sequence[InboxItem],
        available_context: AvailableContext,
    ) -> ClaimedTurn | _ClosedWithoutTurn:
        """Take the first event's turn; it is closed where it cannot be answered."""
        first = items[0]
        taken = await self._event_claimer.claim(tx, conversation, items, available_context)
        if taken is None:
            await inbox.set_status(tx, [first.id], EventStatus.SKIPPED)
            log.warning("event.skipped", inbox=first.id, kind=type(first.event).__name__)
            return _CLOSED_WITHOUT_TURN
        return taken
