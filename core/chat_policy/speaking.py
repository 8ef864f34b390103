"""Whether the bot speaks when something is said in a chat that has rules. Pure."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from core.chat_policy.chat_rules import ChatRules, Trigger
from core.domain.events import Addressed

_REACH = {trigger: rank for rank, trigger in enumerate(Trigger)}


class Verdict(StrEnum):
    """What becomes of something that was said."""

    ANSWER = "answer"
    ASK = "ask"  #: answered if it asks something, which Kimi is to judge
    OUT_OF_HOURS = "out_of_hours"  #: its person is told when people are there again
    NOTE = "note"  #: nothing is said to it


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What the decision looks at."""

    text: str
    at: datetime  #: when it was said, by the platform's clock
    addressed: Addressed
    by_staff: bool  #: somebody of the chat's staff said it
    alone: bool  #: it goes on with a conversation that only its person has with the bot
    staff_at: datetime | None = None  #: when the staff last spoke here and nobody mentioned us since
    told_closed: bool = False  #: its person was told in this closed period


def speaks(rules: ChatRules, heard: Heard) -> Verdict:
    """Return what becomes of something that a person said in a group or channel."""
    called = heard.addressed in (Addressed.MENTION, Addressed.DIRECT)
    if heard.by_staff and not called:
        # They talk to the bot only where they have begun to and nobody else is there.
        return Verdict.ANSWER if heard.alone and _reaches(rules, Trigger.REPLY) else Verdict.NOTE
    if not called and (_staff_speaks(rules, heard) or rules.quiet(heard.at)):
        return Verdict.NOTE
    verdict = Verdict.ANSWER if called else _triggered(rules, heard)
    if verdict is Verdict.NOTE or heard.by_staff or not (rules.closed_text and rules.closed(heard.at)):
        return verdict
    if heard.told_closed:
        return Verdict.ANSWER if called else Verdict.NOTE
    return Verdict.ASK if verdict is Verdict.ASK else Verdict.OUT_OF_HOURS


def _staff_speaks(rules: ChatRules, heard: Heard) -> bool:
    """Return whether somebody of the staff has spoken here a short time ago."""
    if heard.staff_at is None or rules.quiet_s <= 0:
        return False
    return heard.at - heard.staff_at < timedelta(seconds=rules.quiet_s)


def _triggered(rules: ChatRules, heard: Heard) -> Verdict:
    if _reaches(rules, Trigger.REPLY) and (heard.addressed is Addressed.REPLY or heard.alone):
        return Verdict.ANSWER
    if rules.trigger is Trigger.ALWAYS:
        return Verdict.ANSWER
    if _reaches(rules, Trigger.KEYWORD) and holds_any(heard.text, rules.keywords):
        return Verdict.ANSWER
    return Verdict.ASK if rules.trigger is Trigger.QUESTION else Verdict.NOTE


def _reaches(rules: ChatRules, trigger: Trigger) -> bool:
    return _REACH[rules.trigger] >= _REACH[trigger]


def holds_any(text: str, keywords: tuple[str, ...]) -> bool:
    """Return whether a text holds one of the keywords; in Latin letters only as a whole word."""
    return any(_pattern(keyword).search(text) for keyword in keywords if keyword)


def _pattern(keyword: str) -> re.Pattern[str]:
    before = r"(?<![A-Za-z0-9])" if keyword[0].isascii() and keyword[0].isalnum() else ""
    after = r"(?![A-Za-z0-9])" if keyword[-1].isascii() and keyword[-1].isalnum() else ""
    return re.compile(f"{before}{re.escape(keyword)}{after}", re.IGNORECASE)
