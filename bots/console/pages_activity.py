"""Pages of activity: now, the list of conversations, one conversation, one turn."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from bots.console.site import Visit
from bots.console.thread_links import thread_link
from core.domain.message_content import MessageRole
from core.domain.turn_states import Outcome
from core.store import activity_report, answer_steps, conversation_reports, handoffs, inbox, turn_reports
from core.store import conversations as conversations_store
from core.store.activity_report import HourlyActivity
from core.store.clock import utc_now
from core.store.conversation_filters import ANY_FAILURE, ConversationFilter, ConversationState
from core.store.conversation_reports import MessageReport
from core.store.turn_reports import TurnFilter, TurnReport

HOURS = 24
LIST_LENGTH = 50
CONVERSATION_LENGTH = 100  #: messages of one page of a conversation
LATEST_FAILURES = 8
FAILURE_PERIOD = timedelta(days=7)
RUNNING_PERIOD = timedelta(days=1)  #: no answer grows longer
STATES: Final = {one.value: one for one in ConversationState}
OUTCOMES: Final = (*(one.value for one in Outcome if one is not Outcome.NOTICE), ANY_FAILURE)


async def now(visit: Visit) -> Response:
    """Return the overview; its fragment is fetched again every few seconds."""
    return await _now(visit, "now.html")


async def now_fragment(visit: Visit) -> Response:
    """Return the changing part of the overview."""
    return await _now(visit, "now_live.html")


async def conversations(visit: Visit) -> Response:
    """Return the list of conversations that the filters select."""
    until = visit.day("until")
    wanted = ConversationFilter(
        platform=visit.argument("platform"),
        channel=visit.argument("chat"),
        person_id=visit.argument("person"),
        text=visit.argument("text"),
        failed=bool(visit.argument("failed")),
        rated_bad=bool(visit.argument("bad")),
        used_knowledge=bool(visit.argument("knowledge")),
        state=STATES.get(visit.argument("state")),
        outcome=visit.argument("outcome") if visit.argument("outcome") in OUTCOMES else "",
        since=visit.day("since"),
        until=until + timedelta(days=1) if until is not None else None,
    )
    offset = visit.number("offset") or 0
    async with visit.site.database.read() as tx:
        rows = await conversation_reports.list_conversations(
            tx, wanted, scope=visit.rights.readable, limit=LIST_LENGTH + 1, offset=offset
        )
    if wanted.text:
        await visit.audit("conversations.search", wanted.text)
    more = dict(visit.request.query_params) | {"offset": str(offset + LIST_LENGTH)}
    return visit.render(
        "conversations.html",
        rows=rows[:LIST_LENGTH],
        wanted=wanted,
        since=visit.argument("since"),
        until=visit.argument("until"),
        states=STATES,
        outcomes=OUTCOMES,
        more=more if len(rows) > LIST_LENGTH else None,
    )


async def conversation(visit: Visit) -> Response:
    """Return one conversation, which is audited as read."""
    page = await _conversation(visit, "conversation.html")
    await visit.audit("conversation.read", str(visit.path_number))
    return page


async def conversation_fragment(visit: Visit) -> Response:
    """Return the messages of one conversation."""
    return await _conversation(visit, "conversation_live.html")


async def turn(visit: Visit) -> Response:
    """Redirect to a turn within its conversation."""
    async with visit.site.database.read() as tx:
        found = await turn_reports.list_turns(
            tx, TurnFilter(turn_id=visit.path_number), scope=visit.rights.readable, limit=1
        )
    if not found:
        raise HTTPException(404)
    target = f"{visit.site.base_path}/conversations/{found[0].conversation_id}#turn-{found[0].id}"
    return RedirectResponse(target, status_code=303)


async def _now(visit: Visit, template: str) -> Response:
    scope, at = visit.rights.readable, utc_now()
    growing_now = TurnFilter(running=True, since=at - RUNNING_PERIOD)
    failed_lately = TurnFilter(failed=True, since=at - FAILURE_PERIOD)
    async with visit.site.database.read() as tx:
        hours = await activity_report.hourly_activity(tx, scope=scope, hours=HOURS)
        growing = await turn_reports.list_turns(tx, growing_now, scope=scope, limit=LIST_LENGTH)
        failures = await turn_reports.list_turns(tx, failed_lately, scope=scope, limit=LATEST_FAILURES)
        handoffs = await activity_report.list_open_handoffs(tx, scope=scope, limit=LIST_LENGTH)
        open_events, oldest_s = await inbox.queue_depth(tx)
    return visit.render(
        template,
        components=await visit.site.components(),
        providers=visit.site.providers(),
        mcp_servers=visit.site.mcp_servers(),
        open_events=open_events,
        oldest_s=oldest_s,
        hours=hours,
        mean_first_token_s=_mean_first_token_s(hours),
        growing=growing,
        failures=failures,
        handoffs=handoffs,
    )


async def _conversation(visit: Visit, template: str) -> Response:
    conversation_id, before = visit.path_number, visit.number("before")
    scope = visit.rights.readable
    async with visit.site.database.read() as tx:
        messages = await conversation_reports.list_messages(
            tx, conversation_id, scope=scope, limit=CONVERSATION_LENGTH, before_id=before
        )
        turns = await turn_reports.list_turns(
            tx, TurnFilter(conversation_id=conversation_id), scope=scope, limit=CONVERSATION_LENGTH
        )
        found = await conversations_store.find_in_scope(tx, conversation_id, scope)
        mine = await conversations_store.find_in_scope(tx, conversation_id, visit.rights.changeable)
        handoff = await handoffs.get_active(tx, conversation_id)
        passages = await answer_steps.load_passages(tx, [one.id for one in turns])
        tool_calls = await answer_steps.load_tool_calls(tx, [one.id for one in turns])
    if found is None:
        raise HTTPException(404)
    answered = {message.turn_id for message in messages}
    return visit.render(
        template,
        conversation_id=conversation_id,
        key=found.key,
        thread_link=thread_link(found.key.platform, found.key.channel, found.key.thread),
        rows=_in_order(
            messages,
            _unanswered(turns, answered),
            is_first=len(messages) < CONVERSATION_LENGTH,
            is_last=before is None,
        ),
        turns={one.id: one for one in turns},
        earlier=messages[0].id if len(messages) == CONVERSATION_LENGTH else None,
        before=before,
        passages=passages,
        tool_calls=tool_calls,
        can_change=mine is not None,
        handoff=handoff,
        writers={one.author_id: one.author_name for one in messages if one.role is MessageRole.USER},
    )


def _unanswered(turns: Sequence[TurnReport], answered: set[int | None]) -> Sequence[TurnReport]:
    """Return the turns without a stored answer, in order: those that grow, failed or were commands."""
    return [one for one in reversed(turns) if one.id not in answered]


def _in_order(
    messages: Sequence[MessageReport], unanswered: Sequence[TurnReport], *, is_first: bool, is_last: bool
) -> Sequence[tuple[MessageReport | None, TurnReport | None]]:
    """Return messages, and turns without a stored answer after the messages that were there before them.

    A page that is not the first or the last of a conversation leaves out the turns of the others.
    """
    rows: list[tuple[MessageReport | None, TurnReport | None]] = []
    left = [one for one in unanswered if is_first or one.started_at >= messages[0].created_at]
    for message in messages:
        while left and left[0].started_at < message.created_at:
            rows.append((None, left.pop(0)))
        rows.append((message, None))
    return rows + [(None, one) for one in left if is_last]


def _mean_first_token_s(hours: Sequence[HourlyActivity]) -> float | None:
    known = [one for one in hours if one.time_to_first_token_s is not None and one.questions]
    weight = sum(one.questions for one in known)
    return (
        sum((one.time_to_first_token_s or 0.0) * one.questions for one in known) / weight if weight else None
    )
