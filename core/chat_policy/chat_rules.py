"""The rules of one chat, as a value."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from core.chat_policy.opening_hours import WeeklyHours


class Trigger(StrEnum):
    """What makes the bot answer somebody who is not of the staff; each does what those before it do."""

    MENTION = "mention"  #: the bot's name, and nothing else
    REPLY = "reply"  #: also replies to it, and going on in a conversation one has alone with it
    KEYWORD = "keyword"  #: also words that hold one of the keywords
    QUESTION = "question"  #: also what asks something, as Kimi judges it
    ALWAYS = "always"  #: everything


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRules:
    """What a chat's admins have set; the defaults are what a chat without rules does.

    A chat without stored rules has none of these at all, and behaves as any other.
    """

    trigger: Trigger = Trigger.REPLY
    keywords: tuple[str, ...] = ()  #: for the trigger; looked for in any letter case
    quiet_s: float = 600.0  #: how long the bot stays silent where somebody of the staff has spoken; 0: not
    gather_s: float = 1.5  #: how long one person's next message is waited for; 0: not
    hours: WeeklyHours | None = None  #: business hours: when people are there; None: nobody has said
    quiet_hours: WeeklyHours | None = None  #: when the bot speaks only to those who mention it
    closed_text: str = ""
    """Markdown; told once to each person who asks outside of the business hours, in place of an
    answer. "" where the bot answers at all hours as it does by day."""
    language: str = ""  #: BCP 47 tag in which answers are written; "" follows the person
    persona: str = ""  #: words, or "@name" of a kept persona, for conversations that chose none
    model: str = ""  #: for conversations that chose none; "" the deployment's
    search: bool | None = None  #: the web, for conversations that did not choose; None the deployment's
    knowledge: tuple[str, ...] = ()  #: names of the knowledge sets that answers draw on
    strict: bool = False  #: where nothing relevant is known, say so and offer a person
    person_messages: int = 0  #: questions that one person may ask in a day (UTC); 0 no limit of its own
    chat_messages: int = 0  #: questions that may be asked here in a day (UTC); 0 no limit of its own
    staff: tuple[str, ...] = ()  #: ids of people who count as staff beside the chat's admins
    staff_groups: tuple[str, ...] = ()  #: Slack user groups whose people count as staff
    welcome: str = ""  #: Markdown; said once to each new member; "" nothing
    desk: str = ""  #: where the team's desk is, as "platform:channel"; "" the deployment's, if it has one
    desk_people: tuple[str, ...] = ()  #: reminded by name, as "platform:id"; none: the deployment's
    handover_words: tuple[str, ...] = ()  #: words that bring a person; looked for in any letter case

    @property
    def desk_room(self) -> tuple[str, str] | None:
        """The platform and the channel of the desk; None where there is none."""
        platform, _, channel = self.desk.partition(":")
        return (platform, channel) if platform and channel else None

    def requests_handoff(self, text: str) -> bool:
        """Return whether words hold one that brings a person."""
        said = text.casefold()
        return any(word.casefold() in said for word in self.handover_words)

    def is_closed(self, moment: datetime) -> bool:
        """Return whether a moment lies outside of the business hours."""
        return self.hours is not None and not self.hours.contains(moment)

    def is_quiet(self, moment: datetime) -> bool:
        """Return whether a moment lies within the quiet hours."""
        return self.quiet_hours is not None and self.quiet_hours.contains(moment)
