"""Works off what is to be shown for handovers, in order, each message exactly once.

::

    take   the row's run number is raised: whoever had it before can write nothing more
    show   through the courier, from the references that an earlier run stored
    close  the row; what could not be delivered is told to the other side
"""

from collections.abc import Callable, Sequence
from functools import partial

import structlog

from core.domain.errors import Fenced, SurfaceClosed, SurfaceError, SurfaceRefused
from core.domain.events import Address, MessageRef
from core.domain.handoff_state import Action
from core.handoff import texts_for_customers, texts_for_staff, ticket_card
from core.handoff.ai_assist import Notes
from core.handoff.sender import Carriage
from core.handoff.service import Desk
from core.store import Database, Lane, Transaction, Work, conversations, handoffs, history, outbox, ratings
from core.store.handoffs import NOBODY, Handover
from core.store.outbox import Content, Kind, Post
from core.work_queue.port import Engine

log = structlog.get_logger(__name__)


class DeskRunner:
    """Implements :data:`core.work_queue.port.Drain` for the lanes of handovers."""

    def __init__(
        self,
        database: Database,
        desk_: Desk,
        carriage: Carriage,
        notes: Notes,
        engine: Engine,
    ) -> None:
        self._database = database
        self._desk = desk_
        self._carriage = carriage
        self._notes = notes
        self._engine = engine
        self.stopping: Callable[[], bool] = lambda: False

    async def __call__(self, work: Work) -> None:
        """Work off everything that is open in one line of work, in order.

        Raises:
            StoreUnavailable: what is open stays open.
        """
        while not self.stopping():
            async with self._database.begin() as tx:
                conversation = await conversations.get(tx, work.conversation_id)
                if not self._carriage.serves(conversation.key.platform):
                    return  # another process serves that platform, or none does today
                post = await outbox.take_next(tx, work)
            if post is None:
                return
            try:
                await self._bring(post)
            except Fenced:
                log.info("relay_fenced", post=post.id)
                return

    async def _bring(self, post: Post) -> None:
        async with self._database.read() as tx:
            handover = await handoffs.get(tx, post.handover_id) if post.handover_id is not None else None
        try:
            await self._do(post, handover)
        except SurfaceError as exc:
            log.warning("relay_failed", post=post.id, kind=post.kind.value, side=post.side, error=str(exc))
            await self._failed(post, handover, exc)
        else:
            async with self._database.begin() as tx:
                await outbox.finish(tx, post, state="done")

    async def _do(self, post: Post, handover: Handover | None) -> None:
        match post.kind:
            case Kind.WORDS:
                await self._words(post, handover)
            case Kind.EDIT | Kind.DELETE:
                await self._change(post, handover)
            case Kind.FILE if handover is not None:
                address = self._address(post, handover)
                await self._carriage.file(post, address, on_refs=partial(self._keep, post, handover))
            case Kind.CARD if handover is not None:
                await self._card(post, handover)
            case Kind.SEAL if handover is not None and handover.desk_thread:
                await self._carriage.seal(post, handover)
            case Kind.SUMMARY if handover is not None:
                await self._summary(handover)
            case Kind.DRAFT if handover is not None:
                await self._draft(post, handover)
            case _:
                log.info("relay_pointless", post=post.id, kind=post.kind.value)

    # -- messages ------------------------------------------------------------------------------------

    def _address(self, post: Post, handover: Handover | None) -> Address:
        """Return where a row is shown.

        Raises:
            SurfaceClosed: there is no such place.
        """
        if handover is None:
            if post.content.address is None:
                raise SurfaceClosed("nowhere to show it")
            return post.content.address
        if post.side == "customer":
            return handover.address
        if not handover.desk_thread:
            raise SurfaceClosed("the desk has no thread for it")
        return self._carriage.platforms.desk_address(handover)

    async def _words(self, post: Post, handover: Handover | None) -> None:
        """Show a message; where the desk's topic is closed by now, in the desk's room instead."""
        try:
            await self._message(post, handover, self._address(post, handover), post.content.text)
        except (SurfaceClosed, SurfaceRefused):
            if post.side == "customer" or handover is None or handover.ended_at is None:
                raise
            room = self._carriage.platforms.desk_room(handover)
            text = f"**{ticket_card.title(handover)}**\n\n{post.content.text}"
            await self._message(post, handover, room, text)

    async def _message(self, post: Post, handover: Handover | None, address: Address, text: str) -> None:
        await self._carriage.show(
            post,
            address,
            text,
            post.content.choices,
            refs=post.refs,
            known=await self._known(post, handover),
            on_refs=partial(self._keep, post, handover),
        )

    async def _change(self, post: Post, handover: Handover | None) -> None:
        """Edit an earlier row's messages, or with no text take them away."""
        async with self._database.read() as tx:
            target = await outbox.get(tx, post.content.of)
        if target is None or not target.refs:
            return  # it never stood anywhere
        gone = post.kind is Kind.DELETE
        await self._carriage.show(
            post,
            self._address(target, handover),
            "" if gone else post.content.text,
            post.content.choices,
            refs=target.refs,
            known=frozenset(),
            on_refs=partial(self._repoint, target, "" if gone else post.content.text),
        )

    async def _repoint(self, target: Post, text: str, refs: Sequence[MessageRef]) -> None:
        async with self._database.begin() as tx:
            await outbox.repoint(tx, target.id, refs, text)

    async def _keep(self, post: Post, handover: Handover | None, refs: Sequence[MessageRef]) -> None:
        """Store the references; a copy on the customer's side belongs to their conversation."""
        async with self._database.begin() as tx:
            await outbox.save_refs(tx, post, refs)
            if post.side == "customer":
                address = self._address(post, handover)
                await self._claim(tx, post, address, refs)

    async def _claim(self, tx: Transaction, post: Post, address: Address, refs: Sequence[MessageRef]) -> None:
        for ref in refs:
            await conversations.remember_ref(tx, address.key, ref.message_id, post.conversation_id, None)

    async def _known(self, post: Post, handover: Handover | None) -> frozenset[str]:
        """Return the messages of ours that are not the one that a dead run may have posted."""
        if post.run <= 1:
            return frozenset()
        async with self._database.read() as tx:
            known = await conversations.known_refs(tx, post.conversation_id)
            if handover is not None:
                known |= await outbox.shown_ids(tx, handover.id)
                known |= {ref.message_id for ref in handover.card}
        return known - {ref.message_id for ref in post.refs}

    # -- the card --------------------------------------------------------------------------------------

    async def _card(self, post: Post, handover: Handover) -> None:
        """Open the handover's thread with its card, or show in the card what has changed."""
        first = not handover.card
        async with self._database.read() as tx:
            lines = await history.recent(
                tx,
                handover.conversation_id,
                after_seq=-1,
                up_to_seq=await outbox.carded_at(tx, handover.id) or post.inbox_id,
                max_lines=ticket_card.MOST_LINES,
            )
            rating = await ratings.of(tx, handover.id)
        thread = handover.desk_thread
        if first and not thread:
            thread = await self._carriage.open_topic(post, handover, ticket_card.title(handover))
            if thread:
                await self._opened(handover, thread, ())
        address = self._carriage.platforms.desk_address(handover, thread)
        await self._carriage.show(
            post,
            address,
            ticket_card.text(handover, lines, rating=rating),
            ticket_card.buttons(handover),
            refs=handover.card,
            known=await self._known(post, handover),
            on_refs=partial(self._opened, handover, thread),
        )
        if first:
            await self._beside(handover, f"summary:{handover.id}", Lane.NOTES, Kind.SUMMARY)

    async def _opened(self, handover: Handover, thread: str, refs: Sequence[MessageRef]) -> None:
        async with self._database.begin() as tx:
            await handoffs.opened(
                tx, handover.id, thread=thread or (refs[0].message_id if refs else ""), card=refs
            )

    # -- Kimi's notes ----------------------------------------------------------------------------------

    async def _summary(self, handover: Handover) -> None:
        """Let Kimi summarise; the card shows it, or goes without."""
        summary = await self._notes.summary(handover)
        if not summary:
            return
        async with self._database.begin() as tx:
            await handoffs.summarise(tx, handover.id, summary)
        await self._beside(handover, f"summarised:{handover.id}", Lane.DESK, Kind.CARD)

    async def _draft(self, post: Post, handover: Handover) -> None:
        language = ticket_card.language_of_card(handover)
        words = await self._notes.draft(handover)
        content = Content(text=texts_for_staff.drafting_failed(language))
        if words:
            content = Content(text=texts_for_staff.draft(language, words), draft=words)
        await self._beside(handover, f"draft:{post.id}", Lane.DESK, Kind.WORDS, content)

    async def _beside(
        self, handover: Handover, name: str, lane: Lane, kind: Kind, content: Content | None = None
    ) -> None:
        """Store what follows for the desk, as work of its own; once for each name."""
        async with self._database.begin() as tx:
            conversation = await conversations.get(tx, handover.conversation_id)
            inbox_id = await outbox.ticket(tx, conversation, name, lane)
            if inbox_id is None:
                return
            number = await self._desk.put(tx, handover, inbox_id, kind, "desk", content)
            if content is not None and content.draft:
                await outbox.offer(
                    tx, number, texts_for_staff.send_button(ticket_card.language_of_card(handover), number)
                )
            work = Work(conversation.id, lane)
            await self._engine.enlist(tx, work)
        self._engine.wake(work)

    # -- what could not be done ------------------------------------------------------------------------

    async def _failed(self, post: Post, handover: Handover | None, error: SurfaceError) -> None:
        """Close a row that cannot be shown, and let somebody know."""
        async with self._database.begin() as tx:
            await outbox.finish(tx, post, state="failed")
            if handover is None:
                return
            language = ticket_card.language_of_card(handover)
            if post.kind is Kind.CARD and not handover.desk_thread:
                await self._desk.act(
                    tx,
                    handover,
                    Action.BACK,
                    NOBODY,
                    inbox_id=post.inbox_id,
                    words=texts_for_customers.unreachable(language),
                )
            elif post.side == "customer" and handover.desk_thread:
                told = texts_for_staff.undelivered(language, _why(error))
                await self._desk.say(tx, handover, post.inbox_id, "desk", told)
            elif post.kind is Kind.FILE and handover.desk_thread and post.content.file is not None:
                told = texts_for_staff.file_lost(language, post.content.file.name or post.content.file.kind)
                await self._desk.say(tx, handover, post.inbox_id, "desk", told)


def _why(error: SurfaceError) -> str:
    """Return a platform's refusal in a few words."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:120]}"
