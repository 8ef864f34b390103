"""Recognition of remarks that customers type after they rated a handoff. Pure.

Precision comes first: what may be a new question is answered as one.
"""

import re
from typing import Final

MAX_CHARS: Final = 200  #: longer messages contain such words by chance

_ASKS = re.compile(
    r"[?？]|\b(?:how|what|when|where|which|who|why|can|could|would|should|please|help|need|want|but|does)\b"
    r"|[吗呢]|怎|什么|如何|哪|为何|多少|几[个天点时]|能不能|可不可以|是不是|有没有|请|帮|我要|我想|但|可是",
    re.IGNORECASE,
)
_REMARK = re.compile(
    r"\b(?:thanks?|thank you|thx|great|good|nice|kind|helpful|quick|quickly|fast|friendly|perfect|awesome"
    r"|excellent|amazing|brilliant|lovely|happy|satisfied|slow|slowly|bad|poor|terrible|awful|rude"
    r"|disappointed|disappointing|useless|well done)\b"
    r"|谢|感激|很好|挺好|真好|太好|不错|满意|专业|耐心|热情|周到|给力|点赞|辛苦|很快|真快|太快|很慢|太慢|真慢"
    r"|很差|太差|真差|糟糕|失望|态度",
    re.IGNORECASE,
)


def is_remark(text: str) -> bool:
    """Return whether a customer's message comments on the help that they have just rated."""
    return len(text) <= MAX_CHARS and bool(_REMARK.search(text)) and not _ASKS.search(text)
