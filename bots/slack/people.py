"""Who we are and who people are: Slack's events carry only ids, ``users.info`` knows the names."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from bots.slack.errors import translate_errors
from core.domain.addresses import Person
from core.domain.clock import Clock
from core.domain.errors import PlatformError

log = structlog.get_logger()

CAPACITY = 5_000
"""People kept; the one not asked for the longest goes first."""

PROFILE_TTL_S = 6 * 3600.0
"""A name is looked up again after this long: people rename themselves."""

FAILURE_TTL_S = 60.0
"""A failed lookup is not tried again for this long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BotIdentity:
    """Who we are in the workspace, as ``auth.test`` tells."""

    team_id: str
    user_id: str  #: the bot's user id: what a mention of it carries
    bot_id: str = ""
    name: str = ""  #: the bot's name
    team_name: str = ""  #: the workspace's name
    agent_view: bool = False  #: the app has the agent view: each message of a person begins a thread


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What is known of one person."""

    name: str  #: display name; the id where none is known
    language: str = ""  #: BCP 47 tag of their client; "" where not known


def person_of(person_id: str, profiles: Mapping[str, Profile]) -> Person:
    """Return the person, with the name where it is known."""
    profile = profiles.get(person_id)
    if profile is None:
        return Person(id=person_id)
    return Person(id=person_id, name=profile.name, language=profile.language)


def names_of(profiles: Mapping[str, Profile]) -> dict[str, str]:
    """Return the names alone, by id."""
    return {person_id: profile.name for person_id, profile in profiles.items()}


class ProfileCache:
    """Profiles by id, each looked up once and cached. Implements :class:`core.ports.platform.Directory`."""

    def __init__(self, client: AsyncWebClient, clock: Clock) -> None:
        self._client, self._clock = client, clock
        self._cache: OrderedDict[str, tuple[Profile, float]] = OrderedDict()
        self._pending: dict[str, asyncio.Task[Profile]] = {}

    async def name_of(self, person_id: str) -> str:
        """Return the display name, or the id where it cannot be had."""
        return (await self.get_profile(person_id)).name

    async def get_profile(self, person_id: str) -> Profile:
        """Return what is known of ``person_id``; never raises a ``PlatformError``."""
        if known := self._get_cached(person_id):
            return known
        return await asyncio.shield(self._lookup_task(person_id))

    async def get_profiles(self, person_ids: Iterable[str], *, timeout_s: float) -> Mapping[str, Profile]:
        """Return the profiles that can be had in ``within_s`` seconds of the machine's clock.

        Lookups that take longer go on, so that the next message finds their names.
        """
        wanted = sorted(set(person_ids))
        asked = [self._lookup_task(one) for one in wanted if not self._get_cached(one)]
        if asked:
            await asyncio.wait(asked, timeout=timeout_s)
        return {one: found for one in wanted if (found := self._get_cached(one))}

    async def close(self) -> None:
        """Give up the lookups that are under way."""
        for task in list(self._pending.values()):
            task.cancel()
        await asyncio.gather(*self._pending.values(), return_exceptions=True)

    def _get_cached(self, person_id: str) -> Profile | None:
        found = self._cache.get(person_id)
        if found is None:
            return None
        profile, until = found
        if until < self._clock.time():
            del self._cache[person_id]
            return None
        self._cache.move_to_end(person_id)
        return profile

    def _lookup_task(self, person_id: str) -> asyncio.Task[Profile]:
        """Return the lookup that is under way for ``person_id``, or a new one."""
        task = self._pending.get(person_id)
        if task is None:
            task = asyncio.create_task(self._fetch(person_id), name=f"users.info {person_id}")
            self._pending[person_id] = task
            task.add_done_callback(lambda _: self._pending.pop(person_id, None))
        return task

    async def _fetch(self, person_id: str) -> Profile:
        try:
            with translate_errors("users.info", idempotent=True):
                answer = await self._client.users_info(user=person_id, include_locale=True)
            profile, kept_s = _parse_profile(person_id, answer.get("user")), PROFILE_TTL_S
        except PlatformError as exc:
            log.info("slack.profile_lookup_failed", person=person_id, error=str(exc))
            profile, kept_s = Profile(name=person_id), FAILURE_TTL_S
        self._cache[person_id] = profile, self._clock.time() + kept_s
        while len(self._cache) > CAPACITY:
            self._cache.popitem(last=False)
        return profile


def _parse_profile(person_id: str, user: object) -> Profile:
    """Return the profile in ``user``, an object of ``users.info``; the shown name comes first."""
    if not isinstance(user, dict):
        return Profile(name=person_id)
    profile = user.get("profile")
    shown = profile if isinstance(profile, dict) else {}
    candidates = (shown.get("display_name"), shown.get("real_name"), user.get("real_name"), user.get("name"))
    name = next((one for one in candidates if isinstance(one, str) and one.strip()), person_id)
    return Profile(name=name.strip(), language=str(user.get("locale") or ""))
