"""What can be done for a growing message, and what is remembered of each message on the screen."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

from core.domain.events import Button, MessageRef, Page
from core.ports.platform import Budget


class Need(IntEnum):
    """What a message needs next, most urgent first."""

    FINAL = 0  #: the text of a message is complete
    FIRST = 1  #: there are words and no message yet
    PREVIEW = 2  #: the message is behind the text
    STATUS = 3  #: there are no words yet


@dataclass(slots=True)
class Slot:
    """One message on the screen, or about to be there."""

    ref: MessageRef | None = None
    shown: Page | None = None  #: None where unknown (a message that an earlier run left)
    controls: tuple[Button, ...] = ()
    opened_at: float = 0.0
    shown_at: float = 0.0  #: when its latest frame landed
    closed: bool = False
    plain: bool = False  #: the platform refused the form; only the text is sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One call to a surface."""

    action: Literal["post", "edit", "delete", "reclaim", "find"]
    need: Need
    slot: int
    cost: tuple[Budget, ...]
    rung: str = "edit"
    page: Page | None = None
    last: bool = False
    controls: tuple[Button, ...] = ()
    ends: bool = False  #: once this took effect, the whole answer stands
