"""Answers of the team to questions that the bot could not answer."""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import String, and_, func, select, type_coerce

from core.domain.message_content import MessageRole
from core.domain.turn_states import Outcome
from core.store import schema
from core.store.database import Transaction

_M, _T = schema.messages, schema.turns

_NO_QUESTION = (Outcome.NOTICE, Outcome.PERSON_WANTED)  #: outcomes of turns without a question
MAX_REPLIES = 5  #: messages of the team that count as the answer to one question


async def load_team_replies(tx: Transaction, turn_ids: Collection[int]) -> Mapping[int, Sequence[str]]:
    """Return the texts that people of the team wrote after the questions of some turns, in order.

    Messages count up to the next question of the same conversation; a command or the wish for a person
    is none.
    """
    if not turn_ids:
        return {}
    later = _T.alias("later")
    is_question = func.coalesce(type_coerce(later.c.outcome, String), "").not_in(_NO_QUESTION)
    next_seq = (
        select(later.c.seq)
        .where(later.c.conversation_id == _T.c.conversation_id, later.c.seq > _T.c.seq, is_question)
        .order_by(later.c.seq)
        .limit(1)
        .correlate(_T)
        .scalar_subquery()
    )
    of_team = and_(
        _M.c.conversation_id == _T.c.conversation_id,
        _M.c.seq > _T.c.seq,
        _M.c.role == MessageRole.ASSISTANT,
        _M.c.turn_id.is_(None),
        _M.c.author_id != "",
        _M.c.text != "",
    )
    query = (
        select(_T.c.id, _M.c.text, _M.c.seq, next_seq.label("next_seq"))
        .join(_M, of_team)
        .where(_T.c.id.in_(turn_ids))
        .order_by(_M.c.id)
    )
    found: dict[int, list[str]] = {}
    for turn_id, text, seq, following in await tx.execute(query):
        replies = found.setdefault(turn_id, [])
        if (following is None or seq < following) and len(replies) < MAX_REPLIES:
            replies.append(text)
    return {turn_id: replies for turn_id, replies in found.items() if replies}
