"""Pages about chats and people: the rules of chats as a form, blocks, allow and deny."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.responses import Response

from bots.console.site import Visit
from core.chat_policy import RULE_NAMES, ChatRules, Trigger, render_rules, with_changes
from core.domain.errors import SettingsError
from core.knowledge.scope import require_sets
from core.store import blocked_people, conversation_reports, rules
from core.store.rules import ANY_TENANT, StoredChatRules

PLATFORMS: Final = ("slack", "telegram")
LONG_RULES: Final = frozenset({"persona", "welcome", "closed_text"})
CHOICES: Final = {"trigger": tuple(Trigger), "search": ("on", "off"), "strict": ("on", "off")}
SHOWN_SETTINGS: Final = ("MOONTHREAD_ADMINS", "MOONTHREAD_ALLOW", "MOONTHREAD_DENY", "MOONTHREAD_DESK")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatOfForm:
    """A chat that a form is about."""

    platform: str
    tenant: str  #: "" for any
    channel: str

    @property
    def address(self) -> str:
        """The path of its page, below the console's root."""
        named = {"platform": self.platform, "tenant": self.tenant, "chat": self.channel}
        return f"/chats/edit?{urlencode(named)}"


async def chats(visit: Visit) -> Response:
    """Return the chats with rules and those without, blocked people, and the lists of the deployment."""
    async with visit.site.database.read() as tx:
        stored = await rules.load_all(tx)
        blocked = await blocked_people.load_blocked(tx)
        places = await conversation_reports.list_group_channels(tx, scope=visit.rights.readable)
    with_rules = {(one.platform, one.channel) for one in stored}
    return visit.render(
        "chats.html",
        rows=[(one, render_rules(one.rules), _place_of(one)) for one in stored],
        others=[
            ChatOfForm(platform=platform, tenant=ANY_TENANT, channel=channel)
            for platform, channel in places
            if (platform, channel) not in with_rules
        ],
        blocked=blocked,
        lists=[one for one in visit.site.settings() if one.name in SHOWN_SETTINGS],
        can_change=visit.is_admin,
    )


async def edit(visit: Visit) -> Response:
    """Return the form of one chat's rules; the list of chats if none is named."""
    if not visit.argument("chat"):
        return await chats(visit)
    place = _place(visit.argument)
    stored = await _load(visit, place)
    values = render_rules(stored.rules if stored else ChatRules(), include_defaults=True)
    return _form(visit, place, values, stored, ())


async def save(visit: Visit) -> Response:
    """Store a chat's rules, if each holds what its command would take; else show the faults."""
    visit.require_admin()
    place = _place(visit.field)
    stored = await _load(visit, place)
    values = {name: visit.field(name) for name in RULE_NAMES}
    try:
        changed = with_changes(ChatRules(), values)
        async with visit.site.database.begin() as tx:
            await require_sets(tx, changed.knowledge, platform=place.platform, tenant=place.tenant)
            await rules.save(
                tx,
                changed,
                platform=place.platform,
                tenant=place.tenant,
                channel=place.channel,
                changed_by=visit.session.person,
            )
    except SettingsError as exc:
        return _form(visit, place, values, stored, exc.faults)
    await visit.audit("rules.save", f"{place.platform}:{place.channel}")
    return visit.redirect("/chats?result=saved")


async def drop(visit: Visit) -> Response:
    """Remove all rules of a chat."""
    visit.require_admin()
    place = _place(visit.field)
    async with visit.site.database.begin() as tx:
        await rules.remove(tx, platform=place.platform, tenant=place.tenant, channel=place.channel)
    await visit.audit("rules.drop", f"{place.platform}:{place.channel}")
    return visit.redirect("/chats?result=saved")


async def block(visit: Visit) -> Response:
    """Block a person in a chat, or everywhere on the platform."""
    visit.require_admin()
    platform, person_id, channel = visit.field("platform"), visit.field("person"), visit.field("chat")
    if platform not in PLATFORMS or not 0 < len(person_id) <= 64 or len(channel) > 128:
        raise HTTPException(404)
    async with visit.site.database.begin() as tx:
        await blocked_people.block(
            tx,
            platform=platform,
            person_id=person_id,
            channel=channel,
            blocked_by=visit.operator.person_id[:64],
        )
    await visit.audit("person.block", f"{platform}:{person_id}")
    return visit.redirect("/chats?result=saved")


async def unblock(visit: Visit) -> Response:
    """Take a block back."""
    visit.require_admin()
    platform, person_id = visit.field("platform"), visit.field("person")
    async with visit.site.database.begin() as tx:
        await blocked_people.unblock(tx, platform=platform, person_id=person_id, channel=visit.field("chat"))
    await visit.audit("person.unblock", f"{platform}:{person_id}")
    return visit.redirect("/chats?result=saved")


def _form(
    visit: Visit,
    place: ChatOfForm,
    values: dict[str, str],
    stored: StoredChatRules | None,
    faults: Sequence[str],
) -> Response:
    return visit.render(
        "chat_rules.html",
        place=place,
        values=values,
        stored=stored,
        faults=faults,
        long_rules=LONG_RULES,
        choices=CHOICES,
        can_change=visit.is_admin,
        status_code=422 if faults else 200,
    )


async def _load(visit: Visit, place: ChatOfForm) -> StoredChatRules | None:
    async with visit.site.database.read() as tx:
        stored = await rules.load_all(tx, platform=place.platform, channel=place.channel)
    return next((one for one in stored if one.tenant == place.tenant), None)


def _place(get: Callable[[str], str]) -> ChatOfForm:
    """Return the chat that an address or a form names.

    Raises:
        HTTPException: it names none (404).
    """
    place = ChatOfForm(platform=get("platform"), tenant=get("tenant"), channel=get("chat"))
    is_named = place.platform in PLATFORMS and 0 < len(place.channel) <= 128 and len(place.tenant) <= 64
    if not is_named:
        raise HTTPException(404)
    return place


def _place_of(stored: StoredChatRules) -> ChatOfForm:
    return ChatOfForm(platform=stored.platform, tenant=stored.tenant, channel=stored.channel)
