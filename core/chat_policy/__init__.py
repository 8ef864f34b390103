"""Policy of one chat: the rules that its admins set, and decisions by them. Pure: no I/O, no clock."""

from core.chat_policy.chat_rules import RULES_WITHOUT_EFFECT, ChatRules, Trigger
from core.chat_policy.hours_syntax import parse_hours, parse_weekly_times
from core.chat_policy.opening_hours import ExceptionalDays, TimeRange, WeeklyHours, WeeklyRange, find_zone
from core.chat_policy.reply_policy import MessageFacts, ReplyDecision, decide_reply
from core.chat_policy.rule_syntax import RULE_NAMES, parse_pairs, parse_rules, render_rules, with_changes

__all__ = [
    "RULES_WITHOUT_EFFECT",
    "RULE_NAMES",
    "ChatRules",
    "ExceptionalDays",
    "MessageFacts",
    "ReplyDecision",
    "TimeRange",
    "Trigger",
    "WeeklyHours",
    "WeeklyRange",
    "decide_reply",
    "find_zone",
    "parse_hours",
    "parse_pairs",
    "parse_rules",
    "parse_weekly_times",
    "render_rules",
    "with_changes",
]
