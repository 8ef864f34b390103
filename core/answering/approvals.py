"""Ends an answer with the question about its tool calls, and continues it with the decision."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

import structlog

from core.access import AccessLists, Actor
from core.answering.turn_question import Question
from core.domain.addresses import ChatType
from core.domain.buttons import DecideTools, OptionButton
from core.domain.tool_approval import ApprovalCall, ToolApproval, ToolDecision
from core.kimi import Message, MessageContent, ToolCall, count_media, text_of
from core.store import Database, tool_choices, turns
from core.store.clock import utc_now
from core.store.conversations import Conversation
from core.text.language import Language, pick
from core.text.quoting import backtick_fence
from core.text.visible_text import escape_invisible
from core.tools.tool_runner import ToolRunner
from core.tools.transcripts import decode_transcript, encode_transcript

log = structlog.get_logger(__name__)

VALID_FOR: Final = timedelta(days=7)
MAX_SHOWN_CHARS: Final = 3_000  #: of one call's arguments in the card, which says if there are more
DENIED: Final = "The person did not allow this call. Do not try it again; say what you can without it."
EXPIRED: Final = "Nobody allowed this call in time. Say so, and offer to ask again."
UNKNOWN: Final = "The service ended during the call: it is unknown whether it was carried out. Say so."


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalCard:
    """The question to a person."""

    approval: ToolApproval
    text: str  #: Markdown
    options: tuple[OptionButton, ...]


class Approvals:
    """Asks for approvals, and carries out decisions, each call at most once."""

    def __init__(self, database: Database, access: AccessLists) -> None:
        self._database = database
        self._access = access

    async def load_granted(self, conversation: Conversation) -> frozenset[str]:
        """Return the tools that are always allowed in a conversation's chat.

        Raises:
            StoreUnavailable: its settings cannot be read.
        """
        async with self._database.read() as tx:
            return frozenset((await tool_choices.load(tx, conversation)).approved)

    def ask(self, question: Question, runner: ToolRunner, text: str) -> ApprovalCard:
        """Return the question for the calls that a runner did not make, below an answer's text so far."""
        conversation = question.conversation
        calls = tuple(
            ApprovalCall(id=call.id, name=call.name, arguments=call.arguments) for call in runner.pending
        )
        approval = ToolApproval(
            text=text,
            transcript=encode_transcript(runner.transcript),
            calls=calls,
            sources=_pages(runner),
            expires_at=utc_now() + VALID_FOR,
        )
        asker = Actor.at(conversation.key, question.person_id)
        may_grant = conversation.chat_type is ChatType.DIRECT or self._access.is_admin(asker)
        decisions = [one for one in ToolDecision if may_grant or one is not ToolDecision.ALWAYS]
        log.info("approval.asked", turn=question.turn.id, tools=[call.name for call in calls])
        return ApprovalCard(
            approval=approval,
            text=card_text(approval, question.language),
            options=tuple(
                OptionButton(
                    label=_label(decision, question.language),
                    action=DecideTools(turn_id=question.turn.id, decision=decision),
                )
                for decision in decisions
            ),
        )

    async def resume(self, question: Question, runner: ToolRunner) -> tuple[Message, ...]:
        """Carry out the decision of a turn; return the rounds of calls up to now.

        Before the calls it is stored that they begin, and after them what came of them: a process that
        takes over does not make them again.

        Raises:
            LeaseLost: another attempt owns the turn.
            StoreUnavailable: the state cannot be stored.
        """
        turn, approval = question.turn, question.turn.decided_approval
        if approval is None:
            return ()
        results: Sequence[MessageContent] | None = approval.results
        if results is None:
            results = await self._carry_out(turn, approval, runner)
            stored = tuple(map(_without_media, results))
            await self._save(turn, replace(approval, is_started=True, results=stored, sources=_pages(runner)))
        answers = (
            Message(role="tool", content=result, tool_call_id=call.id)
            for call, result in zip(approval.calls, results, strict=True)
        )
        return (*decode_transcript(approval.transcript), *answers)

    async def _carry_out(
        self, turn: turns.Turn, approval: ToolApproval, runner: ToolRunner
    ) -> Sequence[MessageContent]:
        if approval.expired or approval.decision is ToolDecision.DENY:
            return (EXPIRED if approval.expired else DENIED,) * len(approval.calls)
        if approval.is_started:
            log.warning("approval.calls_interrupted", turn=turn.id)
            return (UNKNOWN,) * len(approval.calls)
        await self._save(turn, replace(approval, is_started=True))
        calls = [ToolCall(call.id, call.name, call.arguments) for call in approval.calls]
        return await runner.run_approved(calls)

    async def _save(self, turn: turns.Turn, approval: ToolApproval) -> None:
        async with self._database.begin() as tx:
            await turns.save_approval(tx, turn, approval)


def card_text(approval: ToolApproval, language: Language) -> str:
    """Return the question: what exactly will be called, who may decide, and until when."""
    shown = "\n".join(_call_text(call, language) for call in approval.calls)
    until = f"{approval.expires_at:%Y-%m-%d %H:%M} UTC"
    return pick(
        language,
        zh=f"**需要批准**，我才能调用：\n{shown}\n\n提问者或管理员可以在 {until} 之前决定。",
        en=f"**May I?** This needs your approval:\n{shown}\n\nThe person who asked, or an admin, can decide "
        f"until {until}.",
    )


def decision_text(approval: ToolApproval | None, language: Language) -> str:
    """Return who decided what; "" if nothing was decided."""
    if approval is None or approval.decision is None:
        return ""
    names, by = ", ".join(f"`{call.name}`" for call in approval.calls), approval.decided_by
    if approval.expired:
        return pick(
            language, zh=f"⌛ {names}：批准的期限已过。", en=f"⌛ {names}: the time to approve was over."
        )
    match approval.decision:
        case ToolDecision.APPROVE:
            return pick(language, zh=f"✓ {by} 批准了 {names}。", en=f"✓ {by} approved {names}.")
        case ToolDecision.ALWAYS:
            return pick(
                language,
                zh=f"✓ {by} 批准了 {names}，以后在这里不再询问。",
                en=f"✓ {by} approved {names}, always here.",
            )
        case ToolDecision.DENY:
            return pick(language, zh=f"✗ {by} 拒绝了 {names}。", en=f"✗ {by} denied {names}.")


def with_waiting_calls(text: str, approval: ToolApproval | None) -> str:
    """Return the text of an answer for later prompts, with the calls that wait for approval.

    Else Kimi would call the same again for the next question.
    """
    if approval is None:
        return text
    names = ", ".join(call.name for call in approval.calls)
    note = f"[Calls that wait for a person's approval and have not been made: {names}. Do not repeat them.]"
    return f"{text.rstrip()}\n\n{note}".lstrip()


def _call_text(call: ApprovalCall, language: Language) -> str:
    arguments = escape_invisible(call.arguments)
    fence, rest = backtick_fence(arguments, min_ticks=3), len(arguments) - MAX_SHOWN_CHARS
    shown = f"`{call.name}`\n{fence}json\n{arguments[:MAX_SHOWN_CHARS]}\n{fence}"
    if rest <= 0:
        return shown
    left_out = pick(
        language, zh=f"还有 {rest:,} 个字符未显示。", en=f"{rest:,} more characters are not shown."
    )
    return f"{shown}\n⚠ {left_out}"


def _pages(runner: ToolRunner) -> tuple[tuple[str, str], ...]:
    return tuple((source.url, source.title) for source in runner.sources)


def _without_media(content: MessageContent) -> str:
    """Return the stored form of a result: its text, and the number of its pictures."""
    media = count_media(content)
    return f"{text_of(content)}\n[{media} images are left out]" if media else text_of(content)


def _label(decision: ToolDecision, language: Language) -> str:
    match decision:
        case ToolDecision.APPROVE:
            return pick(language, zh="批准", en="Approve")
        case ToolDecision.ALWAYS:
            return pick(language, zh="在这里总是允许", en="Always here")
        case ToolDecision.DENY:
            return pick(language, zh="拒绝", en="Deny")
