"""Whether the bot speaks when something is said in a chat that has rules. Pure."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from core.chat_policy.chat_rules import ChatRules, Trigger
from core.domain.events import Mention

_TRIGGER_RANK = {trigger: rank for rank, trigger in enumerate(Trigger)}


class ReplyDecision(StrEnum):
    """What becomes of something that was said."""

    ANSWER = "answer"
    ASK_CLASSIFIER = "ask"  #: answered if it asks something, which Kimi is to judge
    OUT_OF_HOURS = "out_of_hours"  #: its person is told when people are there again
    IGNORE = "note"  #: nothing is said to it


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFacts:
    """What the decision looks at."""

    text: str
    at: datetime  #: when it was said, by the platform's clock
    mention: Mention
    by_staff: bool  #: somebody of the chat's staff said it
    sole_participant: bool  #: it goes on with a conversation that only its person has with the bot
    last_staff_message_at: datetime | None = (
        None  #: when the staff last spoke here and nobody mentioned us since
    )
    closed_notice_sent: bool = False  #: its person was told in this closed period


def decide_reply(rules: ChatRules, facts: MessageFacts) -> ReplyDecision:
    """Return what becomes of something that a person said in a group or channel."""
    called = facts.mention in (Mention.BY_NAME, Mention.DIRECT)
    if facts.by_staff and not called:
        # They talk to the bot only where they have begun to and nobody else is there.
        return (
            ReplyDecision.ANSWER
            if facts.sole_participant and _trigger_includes(rules, Trigger.REPLY)
            else ReplyDecision.IGNORE
        )
    if not called and (_muted_by_staff(rules, facts) or rules.is_quiet(facts.at)):
        return ReplyDecision.IGNORE
    verdict = ReplyDecision.ANSWER if called else _decide_by_trigger(rules, facts)
    if (
        verdict is ReplyDecision.IGNORE
        or facts.by_staff
        or not (rules.closed_text and rules.is_closed(facts.at))
    ):
        return verdict
    if facts.closed_notice_sent:
        return ReplyDecision.ANSWER if called else ReplyDecision.IGNORE
    return (
        ReplyDecision.ASK_CLASSIFIER
        if verdict is ReplyDecision.ASK_CLASSIFIER
        else ReplyDecision.OUT_OF_HOURS
    )


def _muted_by_staff(rules: ChatRules, facts: MessageFacts) -> bool:
    """Return whether somebody of the staff has spoken here a short time ago."""
    if facts.last_staff_message_at is None or rules.quiet_s <= 0:
        return False
    return facts.at - facts.last_staff_message_at < timedelta(seconds=rules.quiet_s)


def _decide_by_trigger(rules: ChatRules, facts: MessageFacts) -> ReplyDecision:
    if _trigger_includes(rules, Trigger.REPLY) and (facts.mention is Mention.REPLY or facts.sole_participant):
        return ReplyDecision.ANSWER
    if rules.trigger is Trigger.ALWAYS:
        return ReplyDecision.ANSWER
    if _trigger_includes(rules, Trigger.KEYWORD) and contains_keyword(facts.text, rules.keywords):
        return ReplyDecision.ANSWER
    return ReplyDecision.ASK_CLASSIFIER if rules.trigger is Trigger.QUESTION else ReplyDecision.IGNORE


def _trigger_includes(rules: ChatRules, trigger: Trigger) -> bool:
    return _TRIGGER_RANK[rules.trigger] >= _TRIGGER_RANK[trigger]


def contains_keyword(text: str, keywords: tuple[str, ...]) -> bool:
    """Return whether a text holds one of the keywords; in Latin letters only as a whole word."""
    return any(_keyword_pattern(keyword).search(text) for keyword in keywords if keyword)


def _keyword_pattern(keyword: str) -> re.Pattern[str]:
    before = r"(?<![A-Za-z0-9])" if keyword[0].isascii() and keyword[0].isalnum() else ""
    after = r"(?![A-Za-z0-9])" if keyword[-1].isascii() and keyword[-1].isalnum() else ""
    return re.compile(f"{before}{re.escape(keyword)}{after}", re.IGNORECASE)
