"""The bot's identity and people's profiles: Slack's events carry only ids.

Source: https://docs.slack.dev/reference/methods/users.info
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from slack_sdk.web.async_client import AsyncWebClient

from bots.slack.errors import translate_errors
from core.concurrency.ttl_cache import TtlCache
from core.domain.addresses import Person
from core.domain.clock import Clock

CAPACITY: Final = 5_000  #: profiles kept; the least recently used is evicted first
PROFILE_TTL_S: Final = 6 * 3600.0  #: people rename themselves


@dataclass(frozen=True, slots=True, kw_only=True)
class BotIdentity:
    """The bot in its workspace, as ``auth.test`` describes it."""

    team_id: str
    user_id: str  #: the bot's user id, which mentions of it carry
    bot_id: str = ""
    name: str = ""  #: the bot's name
    team_name: str = ""  #: the workspace's name
    url: str = ""  #: the workspace's web address
    is_org_wide: bool = False  #: the app is installed for a whole Enterprise Grid organisation
    agent_view: bool = False  #: the app has the agent view: each message of a person begins a thread
    allowed_apps: frozenset[str] = frozenset()  #: ids of apps, bots or their users that are answered

    @property
    def ids(self) -> frozenset[str]:
        """The ids that name the bot in mentions: clients use its user id, some its bot id."""
        return frozenset(filter(None, (self.user_id, self.bot_id)))


class BotAccount:
    """Holds the bot's identity, which is known once the platform is connected."""

    def __init__(self) -> None:
        """Hold an identity with empty ids until :meth:`set_identity` is called."""
        self._identity = BotIdentity(team_id="", user_id="")

    @property
    def identity(self) -> BotIdentity:
        """The bot's identity; its ids are "" until the platform is connected."""
        return self._identity

    def set_identity(self, identity: BotIdentity) -> None:
        """Set the identity that Slack reported."""
        self._identity = identity


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What is known about one person."""

    name: str  #: display name; the id if no name is known
    language: str = ""  #: BCP 47 tag of their client; "" if unknown


def person_of(person_id: str, profiles: Mapping[str, Profile]) -> Person:
    """Return the person, with name and language if their profile is known."""
    profile = profiles.get(person_id)
    if profile is None:
        return Person(id=person_id)
    return Person(id=person_id, name=profile.name, language=profile.language)


def names_of(profiles: Mapping[str, Profile]) -> dict[str, str]:
    """Return display names by person id; people without a known name are left out."""
    return {id_: profile.name for id_, profile in profiles.items() if profile.name != id_}


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownNames:
    """What is known of the people, channels and user groups that an event mentions, by id."""

    profiles: Mapping[str, Profile] = field(default_factory=dict)
    places: Mapping[str, str] = field(default_factory=dict)  #: channels (without "#"), groups (without "@")

    @property
    def all(self) -> Mapping[str, str]:
        """Names of people, channels and groups by id."""
        return names_of(self.profiles) | dict(self.places)


def author_of(message: Mapping[str, Any], profiles: Mapping[str, Profile]) -> Person:
    """Return the person or app that wrote a message.

    Apps have no profile: their name is in the message. So is the name of people of other workspaces
    whom ``users.info`` does not know (``user_profile``).
    """
    person = person_of(str(message.get("user") or message.get("bot_id") or ""), profiles)
    if person.name not in ("", person.id):
        return person
    shown: list[object] = [message.get("username")]
    for key, names in (("bot_profile", ("name",)), ("user_profile", ("display_name", "real_name", "name"))):
        profile = message.get(key)
        shown += [profile.get(name) for name in names] if isinstance(profile, Mapping) else []
    name = next((one.strip() for one in shown if isinstance(one, str) and one.strip()), person.name)
    return Person(id=person.id, name=name, language=person.language)


class ProfileCache:
    """Profiles by person id, each loaded once and kept for :data:`PROFILE_TTL_S`."""

    def __init__(self, client: AsyncWebClient, clock: Clock, *, capacity: int = CAPACITY) -> None:
        """Cache up to ``capacity`` profiles."""
        self._client = client
        self._profiles: TtlCache[str, Profile | None] = TtlCache(
            "users.info", self._load, clock, default=None, ttl_s=PROFILE_TTL_S, capacity=capacity
        )

    async def get_profile(self, person_id: str) -> Profile:
        """Return a profile, with the id as its name if it cannot be loaded."""
        return await self._profiles.get(person_id) or Profile(name=person_id)

    async def get_profiles(self, person_ids: Iterable[str], *, timeout_s: float) -> Mapping[str, Profile]:
        """Return the profiles that are available within ``timeout_s`` seconds of the machine's clock.

        Loads that take longer continue, so that a later message finds their names.
        """
        profiles = await self._profiles.get_many(sorted(set(person_ids)), timeout_s=timeout_s)
        return {one: profile or Profile(name=one) for one, profile in profiles.items()}

    async def close(self) -> None:
        """Cancel the loads that are under way."""
        await self._profiles.close()

    async def _load(self, person_id: str) -> Profile:
        with translate_errors("users.info", idempotent=True):
            answer = await self._client.users_info(user=person_id, include_locale=True)
        return _parse_profile(person_id, answer.get("user"))


def _parse_profile(person_id: str, user: object) -> Profile:
    """Return the profile in ``user``, an object of ``users.info``; the display name takes precedence."""
    if not isinstance(user, dict):
        return Profile(name=person_id)
    profile = user.get("profile")
    shown = profile if isinstance(profile, dict) else {}
    candidates = (shown.get("display_name"), shown.get("real_name"), user.get("real_name"), user.get("name"))
    name = next((one for one in candidates if isinstance(one, str) and one.strip()), person_id)
    return Profile(name=name.strip(), language=str(user.get("locale") or ""))
