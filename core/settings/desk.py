"""Settings of the desk: the people who take over from the bot."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel

from core.settings.declare import CASE_INSENSITIVE, OnOff, setting
from core.settings.shapes import AccessEntries


def _check_room(text: str) -> str:
    """Check the name of a room."""
    platform, _, channel = text.partition(":")
    if text and (platform not in ("slack", "telegram") or not channel or " " in channel):
        raise ValueError("is not a room; write slack:C0123 or telegram:-100123")
    return text


RoomName = Annotated[str, AfterValidator(_check_room)]


class DeskFields(BaseModel):
    """A part of :class:`core.settings.Settings`."""

    desk: RoomName = setting(
        "MOONTHREAD_DESK",
        "Desk",
        "Where people of the team take conversations over: a Slack channel (`slack:C0123`) or a Telegram "
        "forum group (`telegram:-100123`), whatever platform customers are on.",
        default="",
        default_text="none",
    )
    desk_people: AccessEntries = setting(
        "MOONTHREAD_DESK_PEOPLE",
        "Desk",
        "Who is mentioned where nobody takes a conversation: `slack:U0123, telegram:42`.",
        default=(),
        default_text="nobody",
    )
    desk_names: OnOff = setting(
        "MOONTHREAD_DESK_NAMES",
        "Desk",
        "Whether customers see the name of who writes to them.",
        default="on",
    )
    desk_unasked: Annotated[Literal["offer", "ask"], CASE_INSENSITIVE] = setting(
        "MOONTHREAD_DESK_UNASKED",
        "Desk",
        "Where the bot could not help (nothing known, a bad verdict, the same question again): `offer` a "
        "person with a button, or `ask` for one at once.",
        default="offer",
    )
    desk_remind_minutes: float = setting(
        "MOONTHREAD_DESK_REMIND_MINUTES",
        "Desk",
        "Minutes after which the desk, and then the people by name, are reminded of a customer who waits.",
        default=5.0,
        gt=0,
        le=1440,
    )
    desk_idle_minutes: float = setting(
        "MOONTHREAD_DESK_IDLE_MINUTES",
        "Desk",
        "Minutes without a word after which a taken conversation ends; half-way its taker is warned.",
        default=60.0,
        gt=0,
        le=43_200,
    )
    desk_idle_then: Annotated[Literal["return", "close"], CASE_INSENSITIVE] = setting(
        "MOONTHREAD_DESK_IDLE_THEN",
        "Desk",
        "How it ends: `return` to the bot, or `close`.",
        default="return",
    )
