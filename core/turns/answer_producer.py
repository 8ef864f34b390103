"""Production of a turn's reply: by the bot itself if it can, else by Kimi."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final

import structlog

from core.answering.answerer import Answerer
from core.answering.turn_question import NoKnowledgeReply, Question
from core.commands import CommandDispatcher, CommandReply
from core.delivery.streamed_message import StreamedMessage
from core.domain.events import ButtonPressed, CommandReceived, Mention, MessageReceived
from core.domain.message_content import MessageRole, UnsupportedContent
from core.domain.turn_states import CancelReason, Outcome, TurnOutcome, TurnState
from core.llm.reply_marker import new_code
from core.store import Database, history, turns
from core.text.notices import REFUSAL_NOTICES, UNSUPPORTED_CONTENT_NOTICES, Notice
from core.text.quoting import blockquote, plain_name, truncate
from core.turns.backfill import ThreadBackfill
from core.turns.claimed_turn import ClaimedTurn
from core.turns.hearing import RecordingHearer
from core.turns.predefined_answers import PredefinedAnswer
from core.work_queue.active_answers import ActiveAnswer

log = structlog.get_logger(__name__)

MAX_REPEATED_CHARS: Final = 1_000  #: of a question that the answer repeats
MAX_ATTEMPTS: Final = 12  #: for one event; after so many crashes it is closed with an apology
MAX_COMMAND_ATTEMPTS: Final = 2  #: of a command, whose work may be what ended the process


class AnswerProducer:
    """Produces the replies to claimed turns."""

    def __init__(
        self,
        database: Database,
        commands: CommandDispatcher,
        answerer: Answerer,
        backfill: ThreadBackfill,
        no_knowledge: Callable[[ClaimedTurn], Awaitable[NoKnowledgeReply]],
        *,
        can_call_person: Callable[[ClaimedTurn], bool] = lambda claimed: False,
        predefined_answers: Sequence[PredefinedAnswer] = (),
        hearer: RecordingHearer | None = None,
    ) -> None:
        """Build the producer.

        Args:
            database: the store.
            commands: carries out commands.
            answerer: asks Kimi.
            backfill: completes threads with messages from before the bot was called.
            no_knowledge: returns the reply if Kimi says that a strict chat's passages do not answer.
            can_call_person: returns whether a person would come if Kimi calls one.
            predefined_answers: tried in order before Kimi is asked.
            hearer: hears recordings; None: they are told as not readable.
        """
        self._hearer = hearer
        self._database = database
        self._commands = commands
        self._answerer = answerer
        self._backfill = backfill
        self._no_knowledge = no_knowledge
        self._can_call_person = can_call_person
        self._predefined_answers = predefined_answers

    async def hear(
        self, claimed: ClaimedTurn, delivery: StreamedMessage, running: ActiveAnswer
    ) -> ClaimedTurn:
        """Return the turn with the words of its recordings, a quote of which begins its answer.

        Raises:
            StoreUnavailable: the words cannot be stored.
        """
        if self._hearer is None:
            return claimed
        claimed, quote = await self._hearer.hear(claimed, running, delivery.show_placeholder)
        delivery.append(quote)
        return claimed

    async def produce(
        self, claimed: ClaimedTurn, delivery: StreamedMessage, running: ActiveAnswer
    ) -> TurnOutcome:
        """Write a turn's reply into ``delivery`` and store it; return how the turn ended.

        When this returns, the turn is "answered": only the last text remains to be shown.

        Raises:
            LeaseLost: another attempt owns the turn.
            StoreUnavailable: the reply cannot be stored.
        """
        turn = claimed.turn
        delivery.append(repeated_question(claimed))
        if turn.state is TurnState.ANSWERED and turn.outcome is not None:
            delivery.append(turn.partial)
            delivery.final_buttons = turn.options
            return turn.outcome
        asks_about_thread = False
        if _is_bare_mention(claimed):
            claimed = await self._backfill.run(claimed)
            asks_about_thread = await self._asks_about_thread(claimed)
        reply = None if asks_about_thread else await self._bot_reply(claimed)
        if reply is None:
            return await self._ask_kimi(claimed, delivery, running)
        async with self._database.begin() as tx:
            await turns.save_answer(tx, turn, text=reply.text, outcome=reply.outcome, options=reply.options)
            if reply.text and reply.outcome is not Outcome.NOTICE:
                await history.save_answer(tx, turn.conversation_id, turn.seq, turn.id, reply.text)
        delivery.append(reply.text)
        delivery.final_buttons = reply.options
        return reply.outcome

    async def prepare_next(self, claimed: ClaimedTurn) -> None:
        """Prepare the conversation for its next question, once the answer is shown. Raises nothing."""
        await self._answerer.prepare_next(claimed.conversation, claimed.turn)

    async def _ask_kimi(
        self, claimed: ClaimedTurn, delivery: StreamedMessage, running: ActiveAnswer
    ) -> TurnOutcome:
        if claimed.digest is None:
            claimed = await self._backfill.run(claimed)
        if self._hearer is not None:
            await self._hearer.hear_earlier(claimed, running)
        delivery.completion.on_end(lambda: running.cancel(CancelReason.UNDELIVERABLE))
        question = Question(
            turn=claimed.turn,
            conversation=claimed.conversation,
            person_id=claimed.asker_id,
            language=claimed.language,
            available_context=claimed.available_context,
            no_knowledge=partial(self._no_knowledge, claimed),
            person_code=new_code() if claimed.digest is None and self._can_call_person(claimed) else "",
            asked_at=claimed.question.sent_at if claimed.turn.attempt == 1 and claimed.question else None,
            digest=claimed.digest,
            text=claimed.question.text if claimed.question is not None else "",
            unread=claimed.question.content.unread if claimed.question is not None else (),
        )
        return await self._answerer.answer(question, delivery, running)

    async def _asks_about_thread(self, claimed: ClaimedTurn) -> bool:
        """Return whether a bare mention in a thread follows a message of a person or an app."""
        if claimed.refusal is not None or claimed.notice_text:
            return False
        async with self._database.read() as tx:
            above = await history.load_recent(
                tx,
                claimed.conversation.id,
                after_seq=claimed.conversation.history_cutoff_seq,
                up_to_seq=claimed.turn.seq,
                limit=1,
            )
        return bool(above) and above[-1].role is MessageRole.USER

    async def _bot_reply(self, claimed: ClaimedTurn) -> CommandReply | None:
        """Return the bot's own reply; None if Kimi is to be asked."""
        language = claimed.language
        if claimed.turn.attempt > MAX_ATTEMPTS:
            log.error("turn.attempts_exhausted", attempts=claimed.turn.attempt)
            return CommandReply(text=Notice.FAILED.text(language))
        if claimed.command is not None and claimed.turn.attempt > MAX_COMMAND_ATTEMPTS:
            log.error("command.given_up", command=claimed.command.name.value, attempts=claimed.turn.attempt)
            return CommandReply(text=Notice.FAILED.text(language))
        if claimed.refusal is not None:
            return CommandReply(text=REFUSAL_NOTICES[claimed.refusal].text(language))
        if claimed.notice_text:
            return CommandReply(text=claimed.notice_text)
        match claimed.event:
            case MessageReceived() if (
                claimed.question is not None and not (content := claimed.question.content).is_answerable
            ):
                kind = next(iter(content.unread), UnsupportedContent.EMPTY)
                return CommandReply(text=UNSUPPORTED_CONTENT_NOTICES[kind].text(language))
            case CommandReceived() | ButtonPressed() if claimed.command is not None:
                reply = await self._commands.dispatch(claimed.command)
                return reply or CommandReply(text=Notice.HELP.text(language))
            case _ if claimed.question is None:
                return CommandReply(text=Notice.NOTHING_TO_RETRY.text(language))
            case _ if claimed.digest is not None:
                return None
            case _:
                return await self._predefined_answer(claimed)

    async def _predefined_answer(self, claimed: ClaimedTurn) -> CommandReply | None:
        for predefined_answer in self._predefined_answers:
            if (reply := await predefined_answer(claimed)) is not None:
                return reply
        return None


def repeated_question(claimed: ClaimedTurn) -> str:
    """Return the question as a quote above its answer, if nobody else sees it in the chat; else ""."""
    question = claimed.question
    if question is None or not question.is_hidden:
        return ""
    words = truncate(question.text.strip(), MAX_REPEATED_CHARS)
    return blockquote(f"**{plain_name(question.author.name_or_id)}:** {words}") + "\n\n"


def _is_bare_mention(claimed: ClaimedTurn) -> bool:
    """Return whether a turn's question is a mention of the bot in a thread, and nothing else."""
    question = claimed.question
    return (
        isinstance(question, MessageReceived)
        and question.mention is Mention.BY_NAME
        and bool(question.address.key.thread)
        and question.address.key.thread != question.message_id
        and question.unsupported_content is UnsupportedContent.EMPTY
        and not question.content.is_answerable
    )
