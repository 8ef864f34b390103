"""The rules of one chat."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from core.chat_policy.opening_hours import WeeklyHours


class Trigger(StrEnum):
    """Messages of people who are not staff that the bot answers; each includes the ones before it."""

    MENTION = "mention"  #: messages that mention the bot
    REPLY = "reply"  #: also replies to it, and follow-ups of a person who is alone with it in a conversation
    KEYWORD = "keyword"  #: also messages with one of the keywords
    QUESTION = "question"  #: also questions, as Kimi classifies them
    ALWAYS = "always"  #: every message


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRules:
    """The rules of one chat as its admins have set them.

    A rule's name is a field's name: people write it, and it is stored. A chat without stored rules is not
    governed by these defaults; the deployment's behaviour applies.
    """

    trigger: Trigger = Trigger.REPLY
    keywords: tuple[str, ...] = ()  #: of the trigger; case-insensitive
    quiet_s: float = 600.0  #: seconds of silence after a message of staff; 0: none
    gather_s: float = 1.5  #: seconds to wait for a person's next message before answering; 0: none
    hours: WeeklyHours | None = None  #: business hours, in which staff is present; None: unknown
    quiet_hours: WeeklyHours | None = None  #: hours in which the bot answers only if it is mentioned
    #: Markdown, sent instead of an answer to each person who asks outside of the business hours, once per
    #: closed period; "": the bot answers as during the business hours.
    closed_text: str = ""
    language: str = ""  #: BCP 47 tag of the answers' language; "": the person's
    persona: str = ""  #: text, or "@name" of a stored persona, unless the conversation has its own
    model: str = ""  #: unless the conversation has its own; "": the deployment's
    search: bool | None = None  #: web search, unless the conversation has its own; None: the deployment's
    tools: tuple[str, ...] = ()  #: which tools answers may use, as :mod:`core.tools.selection` reads it
    approved_tools: tuple[str, ...] = ()  #: names of tools that are called without asking a person
    knowledge: tuple[str, ...] = ()  #: names of the knowledge sets that answers use
    strict: bool = False  #: if nothing relevant is found, the bot says so and offers a person
    person_messages: int = 0  #: questions of one person per UTC day; 0: no limit of the chat's own
    chat_messages: int = 0  #: questions in the chat per UTC day; 0: no limit of the chat's own
    staff: tuple[str, ...] = ()  #: ids of people who are staff beside the chat's admins
    staff_groups: tuple[str, ...] = ()  #: Slack user groups whose members are staff
    welcome: str = ""  #: Markdown, sent once to each new member; "": none
    desk: str = ""  #: the team's desk, as "platform:channel"; "": the deployment's
    desk_people: tuple[str, ...] = ()  #: people to remind, as "platform:id"; (): the deployment's
    remember: timedelta = timedelta()  #: for how long all messages are kept for digests; 0: none is
    digest: WeeklyHours | None = None  #: times at which a digest is posted: the starts; None: never
    handover_words: tuple[str, ...] = ()  #: words that request a person; case-insensitive

    @property
    def desk_room(self) -> tuple[str, str] | None:
        """(platform, channel) of the desk; None if the rules name none."""
        platform, _, channel = self.desk.partition(":")
        return (platform, channel) if platform and channel else None

    @property
    def time_zone(self) -> str:
        """The time zone of the chat's hours; "" if it has none."""
        zones = (one.time_zone for one in (self.hours, self.quiet_hours, self.digest) if one is not None)
        return next(zones, "")

    def requests_handoff(self, text: str) -> bool:
        """Return whether a text contains one of ``handover_words``."""
        folded = text.casefold()
        return any(word.casefold() in folded for word in self.handover_words)

    def is_closed(self, moment: datetime) -> bool:
        """Return whether a moment lies outside of the business hours."""
        return self.hours is not None and not self.hours.contains(moment)

    def is_quiet(self, moment: datetime) -> bool:
        """Return whether a moment lies within the quiet hours."""
        return self.quiet_hours is not None and self.quiet_hours.contains(moment)


RULES_WITHOUT_EFFECT: Final = ChatRules(quiet_s=0.0, gather_s=0.0)
"""Rules under which a chat behaves as without any: what a choice about one thing begins with."""
