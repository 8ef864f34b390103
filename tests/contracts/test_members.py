"""What every platform tells of who people are, through the real SDKs and the strict stand-ins."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from bots.platform_adapter import Platform
from bots.simulator.slack import SlackSimulator
from bots.simulator.telegram import TelegramSimulator
from bots.slack.app import SlackApp, SlackConfig
from bots.telegram.app import TelegramApp, TelegramConfig
from core.domain.clock import Clock
from core.ports.platform import MemberLookup
from tests.virtual_time import LoopClock

pytestmark = pytest.mark.virtual_time


@dataclass(kw_only=True)
class Team:
    """A room with one who runs it and one who does not."""

    members: MemberLookup
    sim: Any
    room: str
    admin: str
    other: str
    method: str  #: the call that tells who is who
    clock: Clock

    @property
    def asked(self) -> int:
        """How often the platform was asked."""
        return sum(call.method.casefold() == self.method.casefold() for call in self.sim.calls)

    async def pass_s(self, seconds: float) -> None:
        """Let time go by."""
        await self.clock.sleep(seconds)


@pytest.fixture(params=["telegram", "slack"])
async def team(request: pytest.FixtureRequest) -> AsyncIterator[Team]:
    """A supergroup; a channel."""
    clock = LoopClock()
    app: Platform
    if request.param == "telegram":
        async with TelegramSimulator(clock=clock) as telegram:
            app = TelegramApp(TelegramConfig(token="1:test", api_url=telegram.api_url), clock=clock)
            await app.connect()
            ann, bob = telegram.add_person("Ann"), telegram.add_person("Bob")
            room = telegram.add_group("Team", [ann, bob])
            yield Team(
                members=app.members,
                sim=telegram,
                room=str(room),
                admin=str(ann),
                other=str(bob),
                method="getChatAdministrators",
                clock=clock,
            )
            await app.close()
        return
    async with SlackSimulator(clock=clock) as slack:
        config = SlackConfig(bot_token=slack.bot_token, app_token=slack.app_token, api_url=slack.api_url)
        app = SlackApp(config, clock=clock)
        await app.connect()
        boss, member = slack.add_person("Ann", admin=True), slack.add_person("Bob")
        yield Team(
            members=app.members,
            sim=slack,
            room=slack.add_channel("team", [boss, member]),
            admin=boss,
            other=member,
            method="users.info",
            clock=clock,
        )
        await app.close()


async def test_who_runs_a_room_is_known(team: Team) -> None:
    """An owner or admin is one; a member, a stranger and nobody are none."""
    assert await team.members.is_admin(team.room, team.admin)
    assert not await team.members.is_admin(team.room, team.other)
    assert not await team.members.is_admin(team.room, "999999")
    assert not await team.members.is_admin(team.room, "")


async def test_many_who_ask_at_once_ask_the_platform_once(team: Team) -> None:
    """One call answers all; within some minutes no other is made, afterwards there is one."""
    assert all(await asyncio.gather(*(team.members.is_admin(team.room, team.admin) for _ in range(20))))
    assert await team.members.is_admin(team.room, team.admin)
    assert team.asked == 1
    await team.pass_s(301)
    assert await team.members.is_admin(team.room, team.admin)
    assert team.asked == 2


@pytest.mark.parametrize("kind", ["gateway", "429"])
async def test_a_platform_that_does_not_tell_makes_nobody_an_admin(team: Team, kind: str) -> None:
    """It is left alone for a while, and asked again later."""
    gateway = "502" if isinstance(team.sim, TelegramSimulator) else "503"
    team.sim.faults.next(team.method, gateway if kind == "gateway" else kind, seconds=90)
    assert not await team.members.is_admin(team.room, team.admin)
    assert not await team.members.is_admin(team.room, team.admin)
    assert team.asked == 1
    await team.pass_s(91)
    assert await team.members.is_admin(team.room, team.admin)


async def test_a_group_that_nobody_knows_has_no_members(team: Team) -> None:
    """Neither an unknown handle nor an unknown id is an error."""
    assert not await team.members.in_group("@nobody", team.admin)
    assert not await team.members.in_group("S123", team.admin)


@pytest.mark.parametrize("team", ["telegram"], indirect=True)
async def test_an_anonymous_administrator_is_the_chat_itself(team: Team) -> None:
    """Whoever speaks as the group runs it; whoever speaks as a channel does not."""
    assert await team.members.is_admin(team.room, team.room)
    assert not await team.members.is_admin(team.room, "-1001000000999")
    assert await team.members.is_admin(team.other, team.other)
    assert not await team.members.is_admin(team.other, team.admin)


@pytest.mark.parametrize("team", ["telegram"], indirect=True)
async def test_an_administrator_may_be_made(team: Team) -> None:
    """Somebody who was promoted runs the chat some minutes later at the latest."""
    assert not await team.members.is_admin(team.room, team.other)
    team.sim.promote(int(team.room), int(team.other))
    await team.pass_s(301)
    assert await team.members.is_admin(team.room, team.other)


@pytest.mark.parametrize("team", ["slack"], indirect=True)
async def test_an_admin_of_another_workspace_is_none_here(team: Team) -> None:
    """A guest of a shared channel runs nothing of ours."""
    stranger = team.sim.add_person("Eve", external_team="T2", admin=True)
    assert not await team.members.is_admin(team.room, stranger)


@pytest.mark.parametrize("team", ["slack"], indirect=True)
async def test_a_user_group_is_found_by_id_and_by_handle(team: Team) -> None:
    """Its members belong to it whichever way it is named."""
    group = team.sim.add_group("support", [team.other])
    for name in (group, "support", "@Support", " @support "):
        assert await team.members.in_group(name, team.other)
        assert not await team.members.in_group(name, team.admin)
    calls = [call.method for call in team.sim.calls if call.method.startswith("usergroups.")]
    assert sorted(calls) == ["usergroups.list", "usergroups.users.list"]


@pytest.mark.parametrize("team", ["slack"], indirect=True)
async def test_without_the_scope_nobody_is_in_a_group(team: Team) -> None:
    """An app that was installed before groups were asked for goes on without them."""
    group = team.sim.add_group("support", [team.other])
    team.sim.scopes = team.sim.scopes - {"usergroups:read"}
    assert not await team.members.in_group("support", team.other)
    assert not await team.members.in_group(group, team.other)
    assert [call.error for call in team.sim.calls if call.method.startswith("usergroups.")]


async def test_whether_the_bot_receives_every_message_is_known(team: Team) -> None:
    """On Slack always; on Telegram as an administrator, or without privacy mode. A room unknown to it: no."""
    if isinstance(team.sim, SlackSimulator):
        assert await team.members.sees_all(team.room)
        return
    assert not await team.members.sees_all(team.room)
    team.sim.promote_bot(int(team.room))
    assert await team.members.sees_all(team.room)
    assert not await team.members.sees_all("-1009")
