"""Recognition of requests for a person, in Chinese and English, and of repeated questions. Pure.

Precision comes first: questions about people ("do you have human resources?", "人工智能是什么") and refusals
("I don't want to talk to a human") are no requests.
"""

import re
import unicodedata
from difflib import SequenceMatcher

MAX_CHARS = 200  #: longer messages contain such words by chance
SIMILARITY_THRESHOLD = 0.86  #: ratio of :class:`difflib.SequenceMatcher` for equal questions
MIN_CHARS = 4  #: shorter messages ("ok", "为什么") are often repeated

_ANY_PERSON = (
    r"(?:an? |the |your |some )?(?:real |live |actual |human )?"
    r"(?:human(?: being)?|person|people|agent|representative|operator|somebody|someone)"
)
_A_PERSON = (
    r"(?:an? |the |your )?(?:real |live |actual )?"
    r"(?:human(?: being)?|person|human agent|live agent|operator|representative)"
)
_END = r"(?=[\s.!?,;:…]|$)(?! (?:resources?|rights?|error|body|who|that|from|about|named|called))"
_ENGLISH = (
    rf"\b(?:talk|speak|chat) (?:to|with) {_ANY_PERSON}{_END}",
    rf"\b(?:connect|transfer|pass|hand) me (?:over )?(?:to|with) {_ANY_PERSON}{_END}",
    rf"\b(?:i (?:want|need)|i'?d like|give me|get me|can i (?:have|get)) {_A_PERSON}{_END}",
    r"^\W*(?:human|real person|human agent|live agent|agent|operator|representative)(?: please)?\W*$",
    r"\b(?:human|live) (?:support|agent)(?: please)?\W*$",
)
_CHINESE = (
    r"转(?:接)?(?:到|至|给)?(?:一?[个下位])?(?:人工|真人|客服)",
    r"(?:人工|真人)(?:客服|服务|坐席)(?!机器人|系统|平台|费用|价格|是什么|怎么)",
    r"(?:找|要|叫|换|联系|接)(?:一?[个下位])?(?:人工|真人|活人)(?!智能|费|成本)",
    r"(?:和|跟|与)(?:一?[个位])?(?:真人|人工|活人)(?:说|聊|谈|讲|沟通)",
    r"^\W*(?:人工|真人)\W*$",
)
_REQUEST = re.compile("|".join((*_ENGLISH, *_CHINESE)), re.IGNORECASE)
_REFUSAL = re.compile(
    r"\b(?:do ?n[o']?t|don’t|not|never|no need to|without)\b[^.!?]{0,25}"
    r"\b(?:talk|speak|chat|connect|transfer|want|need|human)\b"
    r"|(?:不用|不要|不想|不需要|别|无需|没必要)[^。！？]{0,6}(?:转|人工|真人|客服)",
    re.IGNORECASE,
)


def asks_for_human(text: str) -> bool:
    """Return whether a message asks to be answered by a person."""
    plain = unicodedata.normalize("NFKC", " ".join(text.replace("’", "'").split()))
    if len(plain) > MAX_CHARS or _REFUSAL.search(plain):
        return False
    return _REQUEST.search(plain) is not None


def is_same_question(text: str, other: str) -> bool:
    """Return whether two messages are the same question, in almost the same words."""
    one, two = _normalized(text), _normalized(other)
    if min(len(one), len(two)) < MIN_CHARS:
        return False
    return one == two or SequenceMatcher(None, one, two, autojunk=False).ratio() >= SIMILARITY_THRESHOLD


def _normalized(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(char for char in folded if char.isalnum())[:MAX_CHARS]
