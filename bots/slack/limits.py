"""Slack's rate limits, as budgets of calls.

Slack counts the calls of one method by one app in one workspace over a minute
(https://docs.slack.dev/apis/web-api/rate-limits): tier 2 grants 20, tier 3 grants 50, tier 4 grants
100, each a minimum. ``chat.postMessage`` has a limit of its own: about one a second in one channel, and
several hundred a minute in the workspace.

Methods that update a growing message are paced, so their window becomes a token bucket. A bucket of
``burst`` calls that refills by ``per_s`` permits at most ``burst + 60 * per_s`` calls in any minute. With
a window of ``n`` calls and a share ``s`` of them at once, ``burst = s * n`` and ``per_s = (1 - s) * n / 60``
add up to exactly ``n``. An answer of one minute gets its ``n`` updates whatever ``s`` is; a large ``s``
favours short answers and leaves little for the rest of long ones. An answer of ``a`` seconds that gets
all of the burst and its refill needs ``s * n + (1 - s) * n * a / 60`` updates. A sixth of the window is a
compromise (``python -m tests.bench policy`` prints the table): of a stream, an answer of 5 s trails its text
by 0.12 s on average, one of 60 s by 0.34 s; with a tenth it were 0.15 and 0.33 s.

That optimum is the bucket's own. With the bare window an answer of 5 s could use all ``n`` updates, and
would leave none for the rest of the minute and for everybody else in the workspace.

The other methods are called once for each message, when they must be, and delaying them gains nothing:
their window is counted exactly.
"""

from dataclasses import dataclass, replace

from core.domain.bot_messages import DeliveryModeName
from core.ports.platform import Budget, DeliveryMode

WINDOW_S = 60.0
"""Length of the window in which Slack counts calls."""

PACED_METHODS = frozenset({"chat.update", "chat.appendStream"})
"""Methods that update a growing message and may be called as often as the budget permits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackLimits:
    """The limits; each ``*_per_minute`` is the number of calls of one method a minute in one workspace."""

    update_per_minute: int = 50  #: chat.update, tier 3
    start_per_minute: int = 20  #: chat.startStream, tier 2
    append_per_minute: int = 100  #: chat.appendStream, tier 4
    stop_per_minute: int = 20  #: chat.stopStream, tier 2
    status_per_minute: int = 50  #: assistant.threads.setStatus; unpublished, so a tier 3 is assumed
    reaction_per_minute: int = 20  #: reactions.add, tier 3, and each is removed again, tier 2
    session_per_minute: int = 24  #: agents.sessions.setStatus; half of tier 3: resets are unpaid
    file_per_minute: int = 25  #: files shared; a message needs up to three calls of files.info (tier 4)
    post_per_minute: int = 200  #: chat.postMessage in the whole workspace; "several hundred"
    post_per_s: float = 1.0  #: chat.postMessage in one channel
    post_burst: float = 1.0  #: posts at once in one channel
    append_burst_share: float = 0.16  #: share of chat.appendStream's window that may be spent at once
    update_burst_share: float = 0.16  #: share of chat.update's window that may be spent at once
    stream_max_age_s: float = 240.0  #: Slack ends a stream after about five minutes
    stream_min_interval_s: float = 0.0  #: minimum time between two appends to one stream
    edit_min_interval_s: float = 0.0  #: minimum time between two updates of one message
    status_refresh_s: float = 90.0  #: Slack clears a status after two minutes

    def method_budget(self, team_id: str, method: str) -> Budget:
        """Return the budget of ``method`` in a workspace.

        Raises:
            KeyError: ``method`` has no limit here.
        """
        calls = {
            "chat.update": self.update_per_minute,
            "chat.startStream": self.start_per_minute,
            "chat.appendStream": self.append_per_minute,
            "chat.stopStream": self.stop_per_minute,
            "chat.postMessage": self.post_per_minute,
            "assistant.threads.setStatus": self.status_per_minute,
            "agents.sessions.setStatus": self.session_per_minute,
            "reactions.add": self.reaction_per_minute,
        }[method]
        key = f"slack:{team_id}:{method}"
        if method not in PACED_METHODS:
            return Budget(key=key, per_s=calls / WINDOW_S, burst=float(calls), window_s=WINDOW_S)
        share = self.append_burst_share if method == "chat.appendStream" else self.update_burst_share
        burst = max(1.0, share * calls)
        return Budget(key=key, per_s=max(0.0, calls - burst) / WINDOW_S, burst=burst)

    def post_budgets(self, team_id: str, channel: str) -> tuple[Budget, Budget]:
        """Return the budgets that one ``chat.postMessage`` spends: its channel's and the workspace's."""
        in_channel = Budget(
            key=f"slack:{team_id}:post:{channel}", per_s=self.post_per_s, burst=self.post_burst
        )
        return in_channel, self.method_budget(team_id, "chat.postMessage")

    def upload_budgets(self, team_id: str, channel: str, files: int = 1) -> tuple[Budget, ...]:
        """Return the budgets of files in one message: a message in the channel, and each file's own calls."""
        calls = self.file_per_minute
        shared = Budget(
            key=f"slack:{team_id}:files", per_s=calls / WINDOW_S, burst=float(calls), window_s=WINDOW_S
        )
        return (*self.post_budgets(team_id, channel), *(shared,) * files)

    def stream_mode(self, team_id: str) -> DeliveryMode:
        """Return the mode of native streams: text is appended, for a few minutes at most."""
        return DeliveryMode(
            name=DeliveryModeName.STREAM,
            create_cost=(self.method_budget(team_id, "chat.startStream"),),
            update_cost=(self.method_budget(team_id, "chat.appendStream"),),
            finalize_cost=(self.method_budget(team_id, "chat.stopStream"),),
            max_age_s=self.stream_max_age_s,
            min_interval_s=self.stream_min_interval_s,
        )

    def private_modes(self) -> tuple[DeliveryMode, DeliveryMode]:
        """Return the modes of an answer that one person sees: nothing is shown before it is complete."""
        growing = DeliveryMode(name=DeliveryModeName.STREAM, create_cost=(), update_cost=(), finalize_cost=())
        return growing, replace(growing, name=DeliveryModeName.EDIT)

    def edit_mode(self, team_id: str, channel: str) -> DeliveryMode:
        """Return the mode of posted messages: each update replaces the whole text."""
        update = (self.method_budget(team_id, "chat.update"),)
        return DeliveryMode(
            name=DeliveryModeName.EDIT,
            create_cost=self.post_budgets(team_id, channel),
            update_cost=update,
            finalize_cost=update,
            min_interval_s=self.edit_min_interval_s,
        )
