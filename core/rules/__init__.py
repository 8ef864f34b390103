"""When the bot speaks in a chat, and how: the rules that its admins set. Pure: no I/O, no clock."""

from core.rules.hours import Hours, Span
from core.rules.rules import ChatRules, Trigger
from core.rules.speaking import Heard, Verdict, speaks
from core.rules.words import NAMES, changed, from_words, parse_pairs, to_words

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
