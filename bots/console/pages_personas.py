"""The page of personas: the texts that tell Kimi who answers, and where each is used."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from starlette.exceptions import HTTPException
from starlette.responses import Response

from bots.console.site import Visit
from bots.console.texts import translate
from core.prompting.options_loader import PERSONA_FILE_PREFIX
from core.store import conversation_settings, rules

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonaInUse:
    """One persona of this replica's folder."""

    name: str
    text: str  #: "" if its file cannot be read
    chats: Sequence[str]  #: whose rules name it, as "platform:channel"
    conversations: int  #: that chose it


async def personas(visit: Visit) -> Response:
    """Return every persona with its text and where it is used."""
    return await _page(visit)


async def save(visit: Visit) -> Response:
    """Store a persona; it applies from the next question on."""
    visit.require_admin()
    name, text = visit.field("name"), visit.field("text")
    try:
        is_kept = await visit.site.personas.save(name, text)
    except OSError as exc:
        log.warning("persona.write_failed", error=type(exc).__name__)
        return await _page(visit, fault=f"{exc.strerror or exc}", name=name, text=text)
    if not is_kept:
        return await _page(visit, fault=translate("persona_bad", visit.language), name=name, text=text)
    await visit.audit("persona.save", name)
    return visit.redirect("/personas?result=saved")


async def remove(visit: Visit) -> Response:
    """Delete a persona; conversations that chose it are answered without."""
    visit.require_admin()
    name = visit.field("name")
    if not await visit.site.personas.remove(name):
        raise HTTPException(404)
    await visit.audit("persona.remove", name)
    return visit.redirect("/personas?result=saved")


async def _page(visit: Visit, *, fault: str = "", name: str = "", text: str = "") -> Response:
    async with visit.site.database.read() as tx:
        chats = [one for one in await rules.load_all(tx) if one.rules.persona.startswith(PERSONA_FILE_PREFIX)]
        chosen = Counter(await conversation_settings.load_values(tx, conversation_settings.PERSONA))
    found = [
        PersonaInUse(
            name=one,
            text=await visit.site.personas.load_text(one) or "",
            chats=[
                f"{chat.platform}:{chat.channel}"
                for chat in chats
                if chat.rules.persona == f"{PERSONA_FILE_PREFIX}{one}"
            ],
            conversations=chosen[f"{PERSONA_FILE_PREFIX}{one}"],
        )
        for one in await visit.site.personas.list_names()
    ]
    return visit.render(
        "personas.html",
        personas=found,
        fault=fault,
        name=name,
        text=text,
        can_change=visit.is_admin,
        status_code=422 if fault else 200,
    )
