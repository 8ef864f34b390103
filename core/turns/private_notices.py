"""Notices in private to people who asked in a place that takes no answer."""

from collections.abc import Mapping
from typing import Final

import structlog

from core.access.closed_places import ClosedPlaces
from core.domain.addresses import ChatType, ThreadKey
from core.domain.clock import Clock
from core.domain.errors import PlatformError
from core.ports.private_messages import PrivateMessages
from core.text.language import pick
from core.text.quoting import truncate
from core.turns.claimed_turn import ClaimedTurn

log = structlog.get_logger(__name__)

QUIET_S: Final = 3600.0  #: in which a person is told at most once of one channel, or of one thread
MAX_REMEMBERED: Final = 10_000  #: notices, before all are forgotten
MAX_QUESTION_CHARS: Final = 200  #: of the question that the notice repeats


class PrivateNotices:
    """Tells people in private that the bot cannot answer where they asked."""

    def __init__(
        self, messengers: Mapping[str, PrivateMessages], closed_places: ClosedPlaces, clock: Clock
    ) -> None:
        """``messengers`` maps the names of platforms that can write to one person to their senders."""
        self._closed_places = closed_places
        self._messengers = messengers
        self._clock = clock
        self._quiet_until: dict[tuple[ThreadKey, str], float] = {}

    async def tell_unanswered(self, claimed: ClaimedTurn, *, removed: bool = False) -> None:
        """Tell the person who asked in a group that nothing could be shown there.

        ``removed`` if a moderator deleted the answer while it grew.

        A direct conversation in which nothing can be shown leaves no other way. What nobody asked for, such
        as a welcome, is not missed.
        """
        messenger = self._messengers.get(claimed.conversation.key.platform)
        is_asked = claimed.question is not None or claimed.command is not None
        if messenger is None or not is_asked or claimed.conversation.chat_type is ChatType.DIRECT:
            return
        if not claimed.asker_id or not self._is_due(claimed):
            return
        try:
            await messenger.send_private(
                claimed.address, claimed.asker_id, unanswered_text(claimed, removed=removed)
            )
        except PlatformError as exc:
            log.info("turn.asker_not_told", platform=claimed.conversation.key.platform, error=str(exc))

    def _is_due(self, claimed: ClaimedTurn) -> bool:
        place, now = self._closed_places.place_of(claimed.address.key), self._clock.time()
        key = (place, claimed.asker_id)
        if self._quiet_until.get(key, 0.0) > now:
            return False
        if len(self._quiet_until) >= MAX_REMEMBERED:
            self._quiet_until.clear()
        self._quiet_until[key] = now + QUIET_S
        return True


def unanswered_text(claimed: ClaimedTurn, *, removed: bool = False) -> str:
    """Return the notice, in the person's language, with their question."""
    question = "" if claimed.question is None else " ".join(claimed.question.text.split())
    quoted = truncate(question, MAX_QUESTION_CHARS)
    deleted = pick(
        claimed.language,
        zh="你在群里或频道里问了我，但我的回答在那里被删除了，所以我没有再说下去。可以私聊问我。",
        en="You asked me in a group or channel, but my answer was deleted there while I wrote it, so I have "
        "stopped. You can ask me in a direct message.",
    )
    closed = pick(
        claimed.language,
        zh="你在群里或频道里问了我，但我的回答在那里显示不出来：我不能在那里发言，或者那个话题已经关闭。请私聊问我。",
        en="You asked me in a group or channel, but my answer cannot be shown there: I may not write there, "
        "or the thread is closed. Please ask me in a direct message.",
    )
    told = deleted if removed else closed
    return f"{told}\n\n“{quoted}”" if quoted else told
