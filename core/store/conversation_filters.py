"""Which conversations an operator asks for, as conditions of a query."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, assert_never

from sqlalchemy import ColumnElement, String, func, not_, or_, select, true, type_coerce

from core.domain.bot_messages import FeedbackVerdict
from core.domain.handoff_state import HandoffState
from core.domain.turn_states import FAILURE_PREFIX, TurnState
from core.store import schema
from core.store.turn_reports import FAILED

_C, _M, _T, _F = schema.conversations, schema.messages, schema.turns, schema.feedback
_H, _P = schema.handoffs, schema.turn_passages

SEARCHED_MESSAGES: Final = 500_000
"""Newest messages whose words are searched. The search reads them one by one: no index of SQLite's or
PostgreSQL's own finds a Chinese word of two characters."""

ANY_FAILURE: Final = FAILURE_PREFIX.rstrip(":")
"""Outcome of a filter that stands for every error of Kimi's."""


class ConversationState(StrEnum):
    """Who has a conversation now."""

    ANSWERING = "answering"  #: the bot, which writes an answer
    WAITING = "waiting"  #: the desk, where nobody has taken it yet
    STAFF = "staff"  #: a person of the team
    BOT = "bot"  #: the bot, which waits for a question


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationFilter:
    """Selects conversations; an empty field selects all."""

    platform: str = ""
    channel: str = ""
    person_id: str = ""  #: asked or wrote in it
    text: str = ""  #: words that one message has, whatever their case; "two words" in quotes stand together
    failed: bool = False  #: has a question that got no answer
    rated_bad: bool = False  #: has an answer that somebody rated bad
    used_knowledge: bool = False  #: has an answer whose prompt showed passages
    state: ConversationState | None = None
    outcome: str = ""  #: has a turn that ended so; "failed" stands for every error of Kimi's
    since: datetime | None = None  #: has a turn that started since
    until: datetime | None = None  #: has a turn that started before; with ``since``, the same turn


def conditions(
    wanted: ConversationFilter, *, dialect: str, newest_message_id: int
) -> Sequence[ColumnElement[bool]]:
    """Return the conditions on a row of the table of conversations.

    ``newest_message_id`` says up to which message words are searched; it counts only if there are any.
    """
    found: list[ColumnElement[bool]] = []
    if wanted.platform:
        found.append(_C.c.platform == wanted.platform)
    if wanted.channel:
        found.append(_C.c.channel == wanted.channel)
    if wanted.person_id:
        asked = select(_T.c.id).where(_T.c.conversation_id == _C.c.id, _T.c.asker_id == wanted.person_id)
        wrote = select(_M.c.id).where(_M.c.conversation_id == _C.c.id, _M.c.author_id == wanted.person_id)
        found.append(or_(asked.exists(), wrote.exists()))
    if wanted.text:
        found.append(_C.c.id.in_(_search(wanted.text, dialect, newest_message_id)))
    if wanted.state is not None:
        found.append(_is_in(wanted.state))
    return found + _turn_conditions(wanted)


def words_of(text: str) -> Sequence[str]:
    """Return what a search asks for: words, and the contents of quotes."""
    return [quoted or word for quoted, word in re.findall(r'"([^"]+)"|([^\s"]+)', text)]


def _search(text: str, dialect: str, newest_message_id: int) -> Any:
    """Return the query of the conversations with a message that has every word."""
    is_searched = _M.c.id > newest_message_id - SEARCHED_MESSAGES
    return select(_M.c.conversation_id).where(
        is_searched, *(_has_word(one, dialect) for one in words_of(text))
    )


def _has_word(word: str, dialect: str) -> ColumnElement[bool]:
    """Return the condition that a message has a word, whatever the case of its ASCII letters.

    PostgreSQL finds bytes (COLLATE "C") in less than half of the time that ILIKE takes.
    """
    if dialect == "sqlite":
        return _M.c.text.contains(word, autoescape=True)
    lower = "".join(char.lower() if char.isascii() else char for char in word)
    in_bytes = _M.c.text.collate("C")
    has_case = any(map(str.isalpha, filter(str.isascii, word)))
    return func.strpos(func.lower(in_bytes) if has_case else in_bytes, lower) > 0


def _turn_conditions(wanted: ConversationFilter) -> list[ColumnElement[bool]]:
    """Return the conditions on the conversation's turns."""
    outcome = type_coerce(_T.c.outcome, String)
    is_wanted = (
        outcome.startswith(FAILURE_PREFIX) if wanted.outcome == ANY_FAILURE else outcome == wanted.outcome
    )
    conditions: list[ColumnElement[bool]] = []
    if wanted.failed:
        conditions.append(_has_turn(FAILED))
    if wanted.rated_bad:
        conditions.append(_was_rated_bad())
    if wanted.used_knowledge:
        conditions.append(_has_turn(select(_P.c.turn_id).where(_P.c.turn_id == _T.c.id).exists()))
    if wanted.outcome:
        conditions.append(_has_turn(is_wanted))
    if wanted.since is not None or wanted.until is not None:
        since = true() if wanted.since is None else _T.c.started_at >= wanted.since
        until = true() if wanted.until is None else _T.c.started_at < wanted.until
        conditions.append(_has_turn(since & until))
    return conditions


def _is_in(state: ConversationState) -> ColumnElement[bool]:
    answering = _has_turn(_T.c.state == TurnState.RUNNING)
    match state:
        case ConversationState.ANSWERING:
            return answering
        case ConversationState.WAITING:
            return _has_handoff(_H.c.state == HandoffState.WAITING)
        case ConversationState.STAFF:
            return _has_handoff(_H.c.state == HandoffState.STAFF)
        case ConversationState.BOT:
            return not_(answering) & not_(_has_handoff(true()))
        case _:
            assert_never(state)


def _has_handoff(where: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the condition that the conversation has a handoff that is under way."""
    return select(_H.c.id).where(_H.c.conversation_id == _C.c.id, _H.c.ended_at.is_(None), where).exists()


def _has_turn(where: ColumnElement[bool]) -> ColumnElement[bool]:
    return select(_T.c.id).where(_T.c.conversation_id == _C.c.id, where).exists()


def _was_rated_bad() -> ColumnElement[bool]:
    rated = _F.join(_T, _T.c.id == _F.c.turn_id)
    where = (_T.c.conversation_id == _C.c.id, _F.c.verdict == FeedbackVerdict.BAD)
    return select(_F.c.turn_id).select_from(rated).where(*where).exists()
