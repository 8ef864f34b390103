"""What people read while they wait."""

import pytest

from core.access.channel_moves import ChannelMoves
from core.answering.queue_notices import REPEAT_AFTER_S, QueueNotice, queue_position_text
from core.domain.addresses import ChatType, ThreadKey
from core.domain.clock import Clock
from core.kimi import KimiUnavailable
from core.llm.requester import requester_of
from core.ports.chat_model import QueuePosition
from core.store.conversations import Conversation
from core.text.language import Language


class Watch:
    """A clock that a test moves."""

    at = 0.0

    def time(self) -> float:
        """Return the set time."""
        return self.at

    async def sleep(self, delay_s: float) -> None:
        """Let the time pass at once."""
        self.at += delay_s


def place(position: int, eta_s: float) -> QueuePosition:
    """A place in the line."""
    return QueuePosition(position=position, eta_s=eta_s)


@pytest.mark.parametrize(
    ("told", "language", "text"),
    [
        (place(3, 38.2), "en", "You are 3rd in line, about 40 s."),
        (place(3, 38.2), "zh", "你排在第 3 位，大约还要 40 秒。"),
        (place(1, 0.4), "en", "You are next, about 5 s."),
        (place(1, 0.4), "zh", "下一个就是你，大约还要 5 秒。"),
        (place(12, 130.0), "en", "You are 12th in line, about 3 min."),
        (place(22, 130.0), "zh", "你排在第 22 位，大约还要 3 分钟。"),
        (place(101, 9_000.0), "en", "You are 101st in line, about 3 h."),
        (place(0, 0.0), "en", "It is your turn."),
        (place(0, 0.0), "zh", "轮到你了。"),
    ],
)
def test_a_place_in_words(told: QueuePosition, language: Language, text: str) -> None:
    """Position and time are told as people say them, rather too long than too short."""
    assert queue_position_text(told, language) == text


def test_only_what_changed_is_told() -> None:
    """A new position is told at once, the time alone now and then, a short wait not at all."""
    clock = Watch()
    texts: list[str] = []
    as_clock: Clock = clock
    waiting = QueueNotice(texts.append, "en", as_clock)
    waiting.on_queue_position(place(1, 1.5))
    waiting.on_queue_position(place(0, 0.0))
    assert texts == []
    waiting.on_queue_position(place(2, 40.0))
    waiting.on_queue_position(place(2, 38.0))
    clock.at = REPEAT_AFTER_S
    waiting.on_queue_position(place(2, 32.0))
    waiting.on_queue_position(place(1, 31.0))
    waiting.on_queue_position(place(0, 0.0))
    assert texts == [
        "You are 2nd in line, about 40 s.",
        "You are 2nd in line, about 35 s.",
        "You are next, about 35 s.",
        "It is your turn.",
    ]
    waiting.on_retry(KimiUnavailable("no"), 3.0)
    assert texts[-1] == "Kimi does not answer right now. I keep trying."


def test_a_turn_asks_as_its_person_with_its_chats_weight() -> None:
    """People are told apart over platforms and tenants; a chat that is not named weighs one."""
    key = ThreadKey(platform="slack", tenant="T1", channel="C1", thread="1.0")
    conversation = Conversation(
        id=1, key=key, chat_type=ChatType.GROUP, history_cutoff_seq=-1, backfilled=True
    )
    moves = ChannelMoves()
    asker = requester_of(conversation, "U1", {"slack:C1": 2.5}, moves)
    assert (asker.person, asker.chat, asker.weight) == ("slack:T1:U1", "slack:C1", 2.5)
    assert requester_of(conversation, "U1", {}, moves).weight == 1.0
    assert requester_of(conversation, "U1", {"slack:C0": 2.0}, moves).weight == 1.0
    moves.add("slack", "C0", "C1")
    assert requester_of(conversation, "U1", {"slack:C0": 2.0}, moves).weight == 2.0
