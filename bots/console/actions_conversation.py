"""Changes of one conversation: stop, retry, take over, return, close, answer, forget."""

from starlette.exceptions import HTTPException
from starlette.responses import Response

from bots.console.site import Visit
from core.access import Actor
from core.domain.addresses import Person
from core.domain.handoff_state import HandoffAction
from core.handoff.operator_actions import ActionResult
from core.store import authors, conversations


async def stop(visit: Visit) -> Response:
    """Stop the answer that is being written."""
    return _shown(visit, await visit.site.actions.stop(visit.path_number, visit.operator))


async def retry(visit: Visit) -> Response:
    """Answer the latest question again."""
    return _shown(visit, await visit.site.actions.retry(visit.path_number, visit.operator))


async def take(visit: Visit) -> Response:
    """Take the conversation over, or assign it to the person that the form names."""
    person_id = visit.field("assignee")
    assignee = Person(id=person_id, name=visit.field("assignee_name")) if person_id else None
    result = await visit.site.actions.take(visit.path_number, visit.operator, assignee=assignee)
    return _shown(visit, result)


async def back(visit: Visit) -> Response:
    """Return the conversation to the bot."""
    result = await visit.site.actions.end(visit.path_number, visit.operator, HandoffAction.RETURN_TO_BOT)
    return _shown(visit, result)


async def close(visit: Visit) -> Response:
    """Close the conversation's handoff."""
    return _shown(visit, await visit.site.actions.end(visit.path_number, visit.operator, HandoffAction.CLOSE))


async def answer(visit: Visit) -> Response:
    """Send a text to the customer as a member of the team."""
    text = visit.field("text")
    return _shown(visit, await visit.site.actions.answer(visit.path_number, visit.operator, text))


async def forget(visit: Visit) -> Response:
    """Delete what a person of the conversation said on the platform; admins only, and confirmed."""
    person_id = visit.field("person")
    visit.require_admin()
    async with visit.site.database.read() as tx:
        conversation = await conversations.find_in_scope(tx, visit.path_number, visit.rights.changeable)
        if conversation is None or person_id not in await authors.load_ids(tx, conversation.id):
            raise HTTPException(404)
    if visit.field("sure") != "1":
        return _to(visit, "unconfirmed")
    gone = await visit.site.forgetter.forget(Actor.at(conversation.key, person_id))
    if gone is None:
        return _to(visit, "still_answering")
    await visit.audit("person.forget", str(conversation.id))
    return visit.redirect("/conversations?result=forgotten")


def _shown(visit: Visit, result: ActionResult) -> Response:
    """Return to the page that the form was on, which says what came of it.

    Raises:
        HTTPException: there is no such conversation, or the person may not change it (404).
    """
    if result is ActionResult.NOT_FOUND:
        raise HTTPException(404)
    return _to(visit, result.value)


def _to(visit: Visit, result: str) -> Response:
    page = "/desk" if visit.field("page") == "desk" else f"/conversations/{visit.path_number}"
    return visit.redirect(f"{page}?result={result}")
