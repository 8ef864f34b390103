"""Decision whether to answer a message in a group that has rules. Pure."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from core.chat_policy.chat_rules import ChatRules, Trigger
from core.domain.events import Mention

_TRIGGER_RANK = {trigger: rank for rank, trigger in enumerate(Trigger)}


class ReplyDecision(StrEnum):
    """Decision on one message."""

    ANSWER = "answer"
    ASK_CLASSIFIER = "ask"  #: answer it if Kimi classifies it as a question
    OUT_OF_HOURS = "out_of_hours"  #: send the closed text instead of an answer
    IGNORE = "note"  #: keep it as context, without an answer


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFacts:
    """Facts about a message on which the decision depends."""

    text: str
    at: datetime  #: sent at, by the platform's clock
    mention: Mention
    by_staff: bool
    sole_participant: bool  #: follows up in a conversation of its author and the bot alone
    last_staff_message_at: datetime | None = None  #: None also if somebody has mentioned the bot since
    closed_notice_sent: bool = False  #: its author got the closed text in this closed period


def decide_reply(rules: ChatRules, facts: MessageFacts) -> ReplyDecision:
    """Return the decision on a person's message in a group or channel."""
    mentioned = facts.mention in (Mention.BY_NAME, Mention.DIRECT)
    if facts.by_staff and not mentioned:
        # Staff talks to customers, unless a member of it has begun a conversation with the bot alone.
        return (
            ReplyDecision.ANSWER
            if facts.sole_participant and _trigger_includes(rules, Trigger.REPLY)
            else ReplyDecision.IGNORE
        )
    if not mentioned and (_muted_by_staff(rules, facts) or rules.is_quiet(facts.at)):
        return ReplyDecision.IGNORE
    decision = ReplyDecision.ANSWER if mentioned else _decide_by_trigger(rules, facts)
    closed = bool(rules.closed_text) and rules.is_closed(facts.at)
    if decision is ReplyDecision.IGNORE or facts.by_staff or not closed:
        return decision
    if facts.closed_notice_sent:
        return ReplyDecision.ANSWER if mentioned else ReplyDecision.IGNORE
    return decision if decision is ReplyDecision.ASK_CLASSIFIER else ReplyDecision.OUT_OF_HOURS


def _muted_by_staff(rules: ChatRules, facts: MessageFacts) -> bool:
    """Return whether staff has written here within the chat's ``quiet_s``."""
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
    """Return whether a text contains one of the keywords; those in Latin letters match whole words only."""
    return any(_keyword_pattern(keyword).search(text) for keyword in keywords if keyword)


def _keyword_pattern(keyword: str) -> re.Pattern[str]:
    before = r"(?<![A-Za-z0-9])" if keyword[0].isascii() and keyword[0].isalnum() else ""
    after = r"(?![A-Za-z0-9])" if keyword[-1].isascii() and keyword[-1].isalnum() else ""
    return re.compile(f"{before}{re.escape(keyword)}{after}", re.IGNORECASE)
