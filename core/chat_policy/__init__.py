"""When the bot speaks in a chat, and how: the rules that its admins set. Pure: no I/O, no clock."""

from core.chat_policy.chat_rules import ChatRules, Trigger
from core.chat_policy.opening_hours import Hours, Span
from core.chat_policy.rule_syntax import NAMES, changed, from_words, parse_pairs, to_words
from core.chat_policy.speaking import Heard, Verdict, speaks

__all__ = [
    "NAMES",
    "ChatRules",
    "Heard",
    "Hours",
    "Span",
    "Trigger",
    "Verdict",
    "changed",
    "from_words",
    "parse_pairs",
    "speaks",
    "to_words",
]
