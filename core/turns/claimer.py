"""Claiming a turn: once a conversation's oldest question is complete and certain to be answered."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

import structlog

from core.chat_policy import ChatRules, ReplyDecision
from core.domain.addresses import ThreadKey
from core.domain.clock import Clock
from core.domain.events import Event, MessageReceived
from core.domain.message_content import AttachmentKind
from core.domain.queue import EventStatus, Lane, QueueKey
from core.files.references import REFERENCE_PREFIX
from core.inbound.forwards import find_turn_of_comment
from core.inbound.group_policy import recheck
from core.store import Database, Transaction, inbox, open_work, turns
from core.store.clock import utc_now
from core.store.conversations import Conversation
from core.store.inbox import InboxItem
from core.store.open_work import OpenWork
from core.turns.claimed_turn import ClaimedTurn
from core.turns.coalescing import (
    COMMENT_WAIT_S,
    COMMENT_WAIT_STEP_S,
    awaits_comment,
    coalesce,
    messages_of,
    next_command,
    remaining_wait_s,
)
from core.turns.event_claimer import EventClaimer
from core.turns.hearing import HearMessage

log = structlog.get_logger(__name__)

MAX_MERGED: Final = 40  #: messages that one question may consist of

ClassifyIntent: TypeAlias = Callable[[Conversation, str, str], Awaitable[bool]]
"""Returns whether a text (third argument) by a person (id, second) asks something; False if unknown."""


@dataclass(slots=True)
class _Progress:
    """State of one claim over its transactions."""

    waited_for: int = 0  #: number of open events that were waited for
    comment_wait_left_s: float = COMMENT_WAIT_S  #: for words about forwarded messages
    intents: dict[int, bool] = field(default_factory=dict)  #: classified questions, by their last inbox id


@dataclass(frozen=True, slots=True, kw_only=True)
class _Incomplete:
    """More of the question may follow."""

    wait_s: float
    event_count: int  #: open events so far


@dataclass(frozen=True, slots=True, kw_only=True)
class _NeedsClassification:
    """Kimi must classify the question before it is certain that it is one."""

    inbox_id: int  #: of its last message
    conversation: Conversation
    asker_id: str
    text: str
    recording_seqs: tuple[int, ...] = ()  #: of messages whose words are still to be heard


class _AwaitsComment:
    """A person's own words may follow what they have forwarded."""


_NotYet: TypeAlias = _Incomplete | _AwaitsComment | _NeedsClassification


class TurnClaimer:
    """Claims turns of the conversations that this process serves."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        event_claimer: EventClaimer,
        *,
        serves: Callable[[ThreadKey], bool],
        merge_waiting: bool = False,
        classify_intent: ClassifyIntent | None = None,
        hear: HearMessage | None = None,
    ) -> None:
        """Build a claimer.

        Args:
            database: the store.
            clock: measures the waits for more of a question.
            event_claimer: claims the turn of one event.
            serves: returns whether a conversation belongs to a team or bot of this process.
            merge_waiting: whether all waiting messages become one question.
            classify_intent: decides on messages that may not ask anything; None: they are not answered.
            hear: hears the recordings of such messages; None: their other words decide.
        """
        self._database = database
        self._clock = clock
        self._event_claimer = event_claimer
        self._serves = serves
        self._merge_waiting = merge_waiting
        self._classify_intent = classify_intent
        self._hear = hear

    async def claim(self, queue_key: QueueKey) -> ClaimedTurn | None:
        """Claim the turn of a queue's oldest open event; None if nothing is open that can be answered here.

        If more of a question may follow, it waits for it: for the rest of a text that a client has cut,
        or for the next of several short messages. Nothing is shown meanwhile, because the question may
        turn out to need no answer.

        Raises:
            StoreUnavailable: nothing was claimed.
        """
        progress = _Progress()
        while True:
            match await self._try_claim(queue_key, progress):
                case _Incomplete(wait_s=wait_s, event_count=event_count):
                    await self._clock.sleep(wait_s)
                    progress.waited_for = event_count
                case _AwaitsComment():
                    await self._clock.sleep(COMMENT_WAIT_STEP_S)
                    progress.comment_wait_left_s -= COMMENT_WAIT_STEP_S
                case _NeedsClassification() as request:
                    progress.intents[request.inbox_id] = await self._classify(request)
                case claimed:
                    return claimed

    async def _try_claim(self, queue_key: QueueKey, progress: _Progress) -> ClaimedTurn | _NotYet | None:
        """Claim the oldest turn that needs a reply, and close the events before it that need none."""
        async with self._database.begin() as tx:
            while True:
                work = await open_work.load_open_work(
                    tx, queue_key, limit=MAX_MERGED, file_marker=REFERENCE_PREFIX
                )
                if work is None or not self._serves(work.conversation.key):
                    return None  # another process serves that tenant, or none does now
                rules = work.available_context.group_rules if queue_key.lane is Lane.TURNS else None
                items = (
                    coalesce(work.items, rules, merge_all=self._merge_waiting)
                    if queue_key.lane is Lane.TURNS
                    else [next_command(work.items)]
                )
                count = len(work.items)
                if count > progress.waited_for and (
                    wait_s := remaining_wait_s(work.items, items, rules, now=utc_now())
                ):
                    return _Incomplete(wait_s=wait_s, event_count=count)
                if progress.comment_wait_left_s > 0 and await _awaits_comment(tx, work, items):
                    return _AwaitsComment()
                decision = ReplyDecision.ANSWER if rules is None else await _recheck(tx, work, items, rules)
                if decision is ReplyDecision.ASK_CLASSIFIER:
                    if items[-1].id not in progress.intents:
                        return _classification_of(work.conversation, items)
                    asks = progress.intents[items[-1].id]
                    decision = ReplyDecision.ANSWER if asks else ReplyDecision.IGNORE
                if decision is ReplyDecision.IGNORE:
                    await inbox.set_status(tx, [item.id for item in items], EventStatus.RECORDED)
                    log.info("turn.not_needed", conversation=work.conversation.id, messages=len(items))
                elif claimed := await self._event_claimer.claim(tx, work, items):
                    return replace(claimed, more_open=not len(items) == count < MAX_MERGED)
                else:
                    await inbox.set_status(tx, [items[0].id], EventStatus.SKIPPED)
                    log.warning("event.skipped", inbox=items[0].id, kind=type(items[0].event).__name__)
                progress.waited_for = 0  # for the next question
                progress.comment_wait_left_s = COMMENT_WAIT_S

    async def _classify(self, request: _NeedsClassification) -> bool:
        if self._classify_intent is None:
            return False
        words = [request.text]
        if self._hear is not None:
            words += [await self._hear(request.conversation, seq) for seq in request.recording_seqs]
        text = "\n".join(filter(None, words))
        return await self._classify_intent(request.conversation, request.asker_id, text)


async def _awaits_comment(tx: Transaction, work: OpenWork, items: Sequence[InboxItem]) -> bool:
    """Return whether words about forwarded messages may follow; they may have come before, too."""
    if not awaits_comment(items):
        return False
    forward = messages_of(items)[0]
    return await find_turn_of_comment(tx, work.conversation, forward) is None


async def _recheck(
    tx: Transaction, work: OpenWork, items: Sequence[InboxItem], rules: ChatRules
) -> ReplyDecision:
    """Apply a chat's rules to a question again; a question is answered if its turn has begun."""
    messages = messages_of(items)
    if not messages or await turns.get_state(tx, items[0].id) is not None:
        return ReplyDecision.ANSWER
    return await recheck(tx, work.conversation, rules, messages)


def _classification_of(conversation: Conversation, items: Sequence[InboxItem]) -> _NeedsClassification:
    messages = messages_of(items)
    return _NeedsClassification(
        inbox_id=items[-1].id,
        conversation=conversation,
        asker_id=messages[0].author.id,
        text="\n".join(message.text for message in messages),
        recording_seqs=tuple(item.id for item in items if _has_recording(item.event)),
    )


def _has_recording(event: Event) -> bool:
    return isinstance(event, MessageReceived) and any(
        attachment.kind is AttachmentKind.AUDIO for attachment in event.attachments
    )
