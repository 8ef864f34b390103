"""Settings of the desk, the room in which the team takes conversations over from the bot."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel

from core.settings.declare import CASE_INSENSITIVE, OnOff, setting
from core.settings.shapes import AccessEntries


def _check_room(text: str) -> str:
    """Return ``text`` if it is "" or names a room.

    Raises:
        ValueError: it does not.
    """
    platform, _, channel = text.partition(":")
    if text and (platform not in ("slack", "telegram") or not channel or " " in channel):
        raise ValueError("is not a room; write slack:C0123 or telegram:-100123")
    return text


RoomName = Annotated[str, AfterValidator(_check_room)]


class DeskFields(BaseModel):
    """Fields of :class:`core.settings.Settings`: group Desk."""

    desk: RoomName = setting(
        "MOONTHREAD_DESK",
        "Desk",
        "The room in which the team takes conversations over: a Slack channel (`slack:C0123`) or a Telegram "
        "forum group (`telegram:-100123`), for customers on either platform.",
        default="",
        default_text="none",
    )
    desk_people: AccessEntries = setting(
        "MOONTHREAD_DESK_PEOPLE",
        "Desk",
        "Who is mentioned while nobody takes a conversation: `slack:U0123, telegram:42`.",
        default=(),
        default_text="nobody",
    )
    desk_names: OnOff = setting(
        "MOONTHREAD_DESK_NAMES",
        "Desk",
        "Whether customers see the names of the people who write to them.",
        default="on",
    )
    desk_send: Annotated[Literal["all", "marked"], CASE_INSENSITIVE] = setting(
        "MOONTHREAD_DESK_SEND",
        "Desk",
        "What the team writes that goes to the customer: `all` but internal notes (`// …`), or only what is "
        "`marked` with `>>`.",
        default="all",
    )
    desk_language: Annotated[Literal["customer", "en", "zh"], CASE_INSENSITIVE] = setting(
        "MOONTHREAD_DESK_LANGUAGE",
        "Desk",
        "Language of the bot's own texts to the team (cards, reminders, summaries): `en`, `zh`, or the "
        "`customer`'s.",
        default="customer",
    )
    desk_rating: OnOff = setting(
        "MOONTHREAD_DESK_RATING",
        "Desk",
        "Whether customers are asked for one to five stars after *Close*.",
        default="on",
    )
    desk_unasked: Annotated[Literal["offer", "ask"], CASE_INSENSITIVE] = setting(
        "MOONTHREAD_DESK_UNASKED",
        "Desk",
        "What follows an answer that did not help (nothing known, a bad rating, the same question again): "
        "`offer` shows a button that asks for a person, `ask` asks for one at once.",
        default="offer",
    )
    desk_remind_minutes: float = setting(
        "MOONTHREAD_DESK_REMIND_MINUTES",
        "Desk",
        "Minutes after which the desk is reminded of a waiting customer, and the named people later on.",
        default=5.0,
        gt=0,
        le=1440,
    )
    desk_idle_minutes: float = setting(
        "MOONTHREAD_DESK_IDLE_MINUTES",
        "Desk",
        "Minutes without a message after which a taken conversation ends; its assignee is warned half-way.",
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
