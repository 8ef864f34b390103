"""Slack as a place where an answer appears and grows.

Two rungs. "stream" is Slack's own streaming: text is appended, the message lives for about five
minutes, and stopping it ends it. "edit" posts a message and replaces its whole text. A message of
the first kind that cannot go on becomes one of the second with a call of ``chat.update``.

The adapter reads from ``Address.details``: ``thread_ts`` (the thread to post into, "" for the top
level, where Slack has no streams), ``status_ts`` (the message or thread a status stands under),
``recipient_user`` and ``recipient_team`` (whom a stream is for), and ``language``.
"""

from collections.abc import Sequence
from dataclasses import replace

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from bots.slack import controls as buttons
from bots.slack.errors import code_of
from bots.slack.form import Blocks
from bots.slack.limits import SlackLimits
from bots.slack.reading import Reader, marker_of
from bots.slack.render import SlackPager
from bots.slack.status import StatusLine
from bots.slack.writing import Writer, is_unsupported
from core.domain.errors import (
    SurfaceClosed,
    SurfaceError,
    SurfaceRefused,
    SurfaceUnavailable,
    SurfaceUncertain,
)
from core.domain.events import Address, Button, MessageRef, Page, Status, ThinkingStyle
from core.markdown.mentions import Mentions
from core.ports.platform import Budget, Pager, Rung

log = structlog.get_logger()

WRONG_RECIPIENT = frozenset(
    {"missing_recipient_team_id", "missing_recipient_user_id", "team_not_found", "user_not_found"}
)
DOUBTFUL_KEPT = 1_000


class SlackSurface:
    """One workspace's screen. Implements :class:`core.ports.platform.Surface`."""

    thinking_style = ThinkingStyle.LINE
    finds_posts = True

    def __init__(
        self,
        client: AsyncWebClient,
        reader: Reader,
        *,
        limits: SlackLimits,
        agent: bool = False,
        mentions: Mentions | None = None,
    ) -> None:
        """``agent`` says that the app has the agent view: threads are sessions that begin and end.

        ``mentions`` tells which links in a text are mentions of ours.
        """
        self._mentions = mentions
        self._writer, self._reader = Writer(client), reader
        self._status = StatusLine(client, agent=agent)
        self._limits = limits
        self._streaming = True  #: False once Slack said that it does not offer streams here
        self._doubtful: dict[str, None] = {}  #: streams whose last call may have taken effect

    def pager(self, address: Address) -> Pager:
        """Return a pager; where streaming is offered, a shown prefix never changes."""
        return SlackPager(streaming=self._can_stream(address), mentions=self._mentions)

    def rungs(self, address: Address) -> Sequence[Rung]:
        """Return "stream" where Slack has all it needs for one, and "edit"."""
        edit = self._limits.edit_rung(address.key.tenant, address.key.channel)
        return (self._limits.stream_rung(address.key.tenant), edit) if self._can_stream(address) else (edit,)

    def status_cost(self, address: Address) -> Sequence[Budget]:
        """Return the budget of the method that shows a status; () where none can be shown."""
        if not self._status.offered(address):
            return ()
        return (self._limits.method(address.key.tenant, self._status.method),)

    def status_every_s(self, address: Address) -> float:
        """Return a time before Slack's two minutes are over; 0 where no status fades."""
        return self._limits.status_every_s if self._status.fades(address) else 0.0

    async def status(self, address: Address, status: Status) -> None:
        """Show "is thinking…" under the question, or take it away; a refusal is nothing."""
        await self._status.show(address, status)

    async def post(
        self,
        address: Address,
        page: Page,
        *,
        rung: str,
        marker: str,
        controls: Sequence[Button] = (),
        last: bool = False,
    ) -> MessageRef:
        """Show a new message: a stream where ``rung`` says so and Slack takes it, else a post."""
        channel = address.key.channel
        if rung == "stream" and self._can_stream(address):
            ts = await self._start_stream(address, page)
            if ts:
                self._status.streams(address)
                return MessageRef(channel=channel, message_id=ts, rung="stream")
        ts = await self._writer.post(
            channel, _thread_of(address), page.text, marker=marker, blocks=_blocks(address, controls)
        )
        await (self._status.ended(address) if last else self._status.goes_on(address))
        return MessageRef(channel=channel, message_id=ts)

    async def edit(
        self,
        address: Address,
        ref: MessageRef,
        page: Page,
        *,
        shown: Page | None,
        last: bool,
        controls: Sequence[Button] = (),
    ) -> MessageRef:
        """Show ``page``: appended where ``ref`` is a stream that shows a beginning of it."""
        blocks = _blocks(address, controls)
        if ref.rung != "stream":
            await self._writer.update(ref.channel, ref.message_id, page.text, blocks=blocks)
            if last:
                await self._status.ended(address, surely=shown is None)
            elif shown is None:
                await self._status.goes_on(address)
            return ref
        if shown is None or not page.text.startswith(shown.text) or ref.message_id in self._doubtful:
            after = await self._rewrite(ref, page, blocks)
        else:
            try:
                return await self._grow(ref, page.text[len(shown.text) :], last=last, blocks=blocks)
            except (SurfaceUncertain, SurfaceUnavailable):
                self._doubt(ref)
                raise
            except SurfaceRefused as exc:
                after = await self._leave_stream(ref, page, blocks, last=last, refusal=exc)
        await (self._status.ended(address, surely=True) if last else self._status.goes_on(address))
        return after

    async def delete(self, address: Address, ref: MessageRef) -> None:
        """Take a message away; one that is gone already is success."""
        self._doubtful.pop(ref.message_id, None)
        await self._writer.delete(ref.channel, ref.message_id)

    async def reclaim(self, address: Address, ref: MessageRef) -> MessageRef:
        """End the stream that a dead process left open; its text stays until the next edit."""
        if ref.rung == "stream":
            await self._writer.close_stream(ref.channel, ref.message_id)
        return replace(ref, rung="edit")

    async def find(
        self, address: Address, marker: str, *, after: str, known: frozenset[str]
    ) -> MessageRef | None:
        """Look for a message of ours after the question: by its marker, else any that is nobody's.

        A stream carries no marker. Where more than one message of ours is left, the oldest is it.

        Raises:
            core.domain.errors.SurfaceError: Slack cannot be reached or is rate limited.
        """
        thread_ts = _thread_of(address)
        try:
            ours = await self._reader.own(address.key.channel, thread_ts, after=after or thread_ts)
        except (SurfaceRefused, SurfaceClosed) as exc:
            log.warning("slack.cannot_look_for_post", error=str(exc))
            return None
        unknown = [one for one in ours if one["ts"] not in known]
        marked = next((one for one in unknown if marker_of(one) == marker), None)
        found = marked or next((one for one in unknown if not marker_of(one)), None)
        if found is None:
            return None
        rung = "edit" if marked else "stream"
        return MessageRef(channel=address.key.channel, message_id=found["ts"], rung=rung)

    def _can_stream(self, address: Address) -> bool:
        needed = ("thread_ts", "recipient_user", "recipient_team")
        return self._streaming and all(address.details.get(name) for name in needed)

    async def _start_stream(self, address: Address, page: Page) -> str:
        """Return the ts of a new stream; "" where Slack takes a plain post only.

        For people of another team in a shared channel Slack's documentation does not say which of
        the two team ids it wants, so the other one is tried once.
        """
        details = address.details
        teams = dict.fromkeys((details["recipient_team"], address.key.tenant))
        for team in teams:
            try:
                return await self._writer.start_stream(
                    address.key.channel,
                    details["thread_ts"],
                    page.text,
                    user=details["recipient_user"],
                    team=team,
                )
            except SurfaceRefused as exc:
                self._latch(exc)
                log.info("slack.stream_refused", error=code_of(exc))
                if code_of(exc) not in WRONG_RECIPIENT:
                    break
        return ""

    async def _grow(self, ref: MessageRef, more: str, *, last: bool, blocks: Blocks) -> MessageRef:
        """Append ``more``; with ``last`` the same call ends the stream."""
        if last:
            await self._writer.stop_stream(ref.channel, ref.message_id, more, blocks=blocks)
            return replace(ref, rung="edit")
        if more:
            await self._writer.append(ref.channel, ref.message_id, more)
        return ref

    async def _leave_stream(
        self, ref: MessageRef, page: Page, blocks: Blocks, *, last: bool, refusal: SurfaceRefused
    ) -> MessageRef:
        """Go on with a stream that takes no more text as with any message."""
        code = code_of(refusal)
        self._latch(refusal)
        log.info("slack.stream_left", error=code)
        if code == "stopped_by_user" and not last:
            # The person does not want more of it; what core makes of the event is written last.
            return replace(ref, rung="edit")
        if code == "message_not_in_streaming_state" or is_unsupported(refusal):
            await self._writer.update(ref.channel, ref.message_id, page.text, blocks=blocks)
            return replace(ref, rung="edit")
        return await self._rewrite(ref, page, blocks)

    async def _rewrite(self, ref: MessageRef, page: Page, blocks: Blocks) -> MessageRef:
        """End the stream and say everything anew: what stands there is not known or no beginning."""
        self._doubt(ref)
        await self._writer.close_stream(ref.channel, ref.message_id)
        await self._writer.update(ref.channel, ref.message_id, page.text, blocks=blocks)
        self._doubtful.pop(ref.message_id, None)
        return replace(ref, rung="edit")

    def _doubt(self, ref: MessageRef) -> None:
        self._doubtful[ref.message_id] = None
        while len(self._doubtful) > DOUBTFUL_KEPT:
            del self._doubtful[next(iter(self._doubtful))]

    def _latch(self, refusal: SurfaceError) -> None:
        """Offer no more streams where Slack does not have them."""
        if is_unsupported(refusal) and self._streaming:
            self._streaming = False
            log.warning("slack.streaming_off", error=code_of(refusal))


def _thread_of(address: Address) -> str:
    """Return the thread to post into; "" for the top level."""
    return address.details.get("thread_ts") or address.key.thread


def _blocks(address: Address, controls: Sequence[Button]) -> Blocks:
    return buttons.blocks(controls, language=address.details.get("language", ""))
