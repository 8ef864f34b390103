"""How many calls Slack grants: windows per method and team, a bucket per channel. Pure.

Slack publishes tiers as floors "per method, per workspace, per app" over one minute (docs:
apis/web-api/rate-limits). The stand-in grants exactly the floor.
"""

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

TIER_1, TIER_2, TIER_3, TIER_4, SPECIAL = 1, 20, 50, 100, 300  #: calls a minute

PER_MINUTE: Mapping[str, int] = {
    "api.test": SPECIAL,
    "auth.test": SPECIAL,
    "apps.connections.open": TIER_3,
    "assistant.threads.setStatus": 60,
    "bots.info": TIER_3,
    "chat.delete": TIER_3,
    "chat.getPermalink": SPECIAL,
    "chat.postEphemeral": TIER_4,
    "chat.postMessage": SPECIAL,
    "chat.startStream": TIER_2,
    "chat.appendStream": TIER_4,
    "chat.stopStream": TIER_2,
    "chat.update": TIER_3,
    "conversations.members": TIER_4,
    "files.completeUploadExternal": TIER_4,
    "files.getUploadURLExternal": TIER_4,
    "files.info": TIER_4,
    "reactions.remove": TIER_2,
    "usergroups.list": TIER_2,
    "usergroups.users.list": TIER_2,
    "users.info": TIER_4,
    "users.list": TIER_2,
    "views.open": TIER_4,
    "views.publish": TIER_4,
}
PER_CHANNEL = frozenset({"assistant.threads.setStatus"})  #: counted for each channel by itself
RESTRICTED_READS = ("conversations.history", "conversations.replies")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The numbers of the stand-in; the defaults are Slack's."""

    enabled: bool = True  #: False: no call is refused for its rate
    per_minute: Mapping[str, int] = field(default_factory=lambda: dict(PER_MINUTE))
    other_per_minute: int = TIER_3  #: methods that ``per_minute`` does not name
    window_s: float = 60.0
    post_per_s: float = 1.0  #: chat.postMessage in one channel
    post_burst: float = 4.0
    restricted_reads: bool = False  #: a commercially distributed app: 1 read a minute, 15 messages
    stream_life_s: float = 315.0  #: a stream dies this long after its start, whatever is appended
    ack_within_s: float = 3.0
    retries_after_s: tuple[float, ...] = (0.0, 60.0, 300.0)  #: waits before each redelivery
    connections: int = 10  #: Socket Mode connections of one app
    share_delay_s: float = 0.1  #: an uploaded file's message appears so long after its last call
    status_life_s: float = 120.0  #: a status goes away by itself

    def granted(self, method: str) -> int:
        """Return the calls a minute for ``method`` in one team."""
        if self.restricted_reads and method in RESTRICTED_READS:
            return 1
        return self.per_minute.get(method, self.other_per_minute)

    def with_method(self, method: str, per_minute: int) -> "Limits":
        """Return a copy that grants ``method`` another number of calls a minute."""
        return replace(self, per_minute={**self.per_minute, method: per_minute})


class Meter:
    """Counts calls against :class:`QuotaLimits`. Reads no clock: the time comes in."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._windows: dict[tuple[str, str, str], deque[float]] = {}
        self._buckets: dict[str, tuple[float, float]] = {}  #: channel → (level, at)
        self._floods: dict[str, float] = {}  #: method → until

    def flood(self, method: str, until: float) -> None:
        """Refuse every call of ``method`` before the time ``until``, even with limits disabled."""
        self._floods[method] = until

    def refuse_for_s(self, method: str, team: str, channel: str, now: float) -> int:
        """Count one call; return 0, or the whole seconds to wait where it is refused.

        A refused call counts towards nothing. ``channel`` is "" where the method has none.
        """
        wait = self._floods.get(method, now) - now
        if wait <= 0 and self.limits.enabled:
            key = (method, team, channel if method in PER_CHANNEL else "")
            window = self._windows.setdefault(key, deque())
            wait = self._window_wait(window, method, now)
            if wait <= 0 and method == "chat.postMessage":
                wait = self._spend(channel, now)
            if wait <= 0:
                window.append(now)
        return max(0, math.ceil(wait))

    def _window_wait(self, window: deque[float], method: str, now: float) -> float:
        while window and window[0] <= now - self.limits.window_s:
            window.popleft()
        if len(window) < self.limits.granted(method):
            return 0.0
        return window[0] + self.limits.window_s - now

    def _spend(self, channel: str, now: float) -> float:
        level, at = self._buckets.get(channel, (self.limits.post_burst, now))
        level = min(self.limits.post_burst, level + (now - at) * self.limits.post_per_s)
        if level < 1.0:
            self._buckets[channel] = (level, now)
            return (1.0 - level) / self.limits.post_per_s
        self._buckets[channel] = (level - 1.0, now)
        return 0.0
