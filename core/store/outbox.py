"""What is shown on either side of a handover: one row for each message, written before it is sent.

A row is due to an event of the inbox, in whose transaction it is stored. The event's line of work
sends its rows in order; ``run`` is the fence, as in turns.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Literal, TypeAlias

from pydantic import TypeAdapter
from sqlalchemy import func, insert, select, update
from sqlalchemy.engine import Row

from core.domain.errors import Fenced
from core.domain.events import Address, Attachment, Choice, MessageRef, ThreadKey, Unparsed
from core.store import inbox, schema
from core.store.clock import utc_now
from core.store.conversations import Conversation
from core.store.database import Transaction
from core.store.inbox import Lane, Mark, Work

_P = schema.relayed
_I = schema.inbox

Side: TypeAlias = Literal["customer", "desk"]
State: TypeAlias = Literal["open", "done", "failed"]


class Kind(StrEnum):
    """What is to be done."""

    WORDS = "words"  #: a message, of a person or of ours
    FILE = "file"  #: a file or picture of a person
    EDIT = "edit"  #: of an earlier row's message
    DELETE = "delete"
    CARD = "card"  #: the desk's card of a handover: opened first, changed later
    SEAL = "seal"  #: close the desk's topic
    SUMMARY = "summary"  #: let Kimi summarise, and put it into the card
    DRAFT = "draft"  #: let Kimi suggest a reply


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a row shows."""

    text: str = ""  #: Markdown
    choices: tuple[Choice, ...] = ()
    file: Attachment | None = None
    platform: str = ""  #: where the file lies
    of: int = 0  #: the row that is changed or taken away
    draft: str = ""  #: Kimi's words that a press may send to the customer, once
    address: Address | None = None  #: where the customer is answered, where there is no handover yet


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The message that a row is the copy of; "" where it is our own."""

    platform: str = ""
    channel: str = ""
    message_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """One row as whoever sends it sees it."""

    id: int
    conversation_id: int
    handover_id: int | None
    inbox_id: int
    kind: Kind
    side: Side
    state: State
    run: int
    content: Content
    refs: tuple[MessageRef, ...] = field(default_factory=tuple)


_CONTENT = TypeAdapter(Content)
_COLUMNS = (
    _P.c.id,
    _P.c.conversation_id,
    _P.c.handover_id,
    _P.c.inbox_id,
    _P.c.kind,
    _P.c.side,
    _P.c.state,
    _P.c.run,
    _P.c.payload,
    _P.c.refs,
)


def blank() -> dict[str, Any]:
    """Return the payload of a row of which nothing is kept."""
    payload: dict[str, Any] = _CONTENT.dump_python(Content(), mode="json")
    return payload


async def put(
    tx: Transaction,
    *,
    conversation_id: int,
    handover_id: int | None,
    inbox_id: int,
    kind: Kind,
    side: Side,
    content: Content | None = None,
    source: Source | None = None,
) -> int:
    """Store what is to be shown, behind all that was stored before; return its id."""
    source = source or Source()
    made = await tx.execute(
        insert(_P)
        .values(
            conversation_id=conversation_id,
            handover_id=handover_id,
            inbox_id=inbox_id,
            kind=kind.value,
            side=side,
            state="open",
            run=0,
            payload=_CONTENT.dump_python(content or Content(), mode="json"),
            refs=[],
            source_platform=source.platform,
            source_channel=source.channel,
            source_message_id=source.message_id,
            created_at=utc_now(),
        )
        .returning(_P.c.id)
    )
    return int(made.scalar_one())


async def ticket(tx: Transaction, conversation: Conversation, name: str, lane: Lane) -> int | None:
    """Store an event of nobody, for rows that are due to none; None where ``name`` was there before.

    What is kept of it is that it came.
    """
    key = conversation.key
    event = Unparsed(
        delivery_id=f"desk:{name}", platform=key.platform, tenant=key.tenant, raw="", fault="desk"
    )
    return await inbox.add(tx, event, conversation_id=conversation.id, lane=lane, mark=Mark.OPEN)


async def take_next(tx: Transaction, work: Work) -> Post | None:
    """Take the oldest row of a line of work for this run; None where nothing is open.

    Events whose rows are all done are closed on the way.
    """
    while True:
        oldest = (
            select(_I.c.id)
            .where(
                _I.c.state == Mark.OPEN.value,
                _I.c.conversation_id == work.conversation_id,
                _I.c.lane == work.lane.value,
            )
            .order_by(_I.c.id)
            .limit(1)
        )
        inbox_id = (await tx.execute(oldest)).scalar_one_or_none()
        if inbox_id is None:
            return None
        open_row = (
            select(_P.c.id).where(_P.c.inbox_id == inbox_id, _P.c.state == "open").order_by(_P.c.id).limit(1)
        )
        row_id = (await tx.execute(open_row)).scalar_one_or_none()
        if row_id is None:
            await inbox.mark(tx, [inbox_id], Mark.DONE)
            continue
        taken = await tx.execute(
            update(_P).where(_P.c.id == row_id).values(run=_P.c.run + 1).returning(*_COLUMNS)
        )
        return _post(taken.one())


async def get(tx: Transaction, post_id: int) -> Post | None:
    """Return a row; None where it is gone."""
    row = (await tx.execute(select(*_COLUMNS).where(_P.c.id == post_id))).one_or_none()
    return None if row is None else _post(row)


async def copies_of(tx: Transaction, key: ThreadKey, message_id: str) -> Sequence[Post]:
    """Return the copies of a message, in the order in which they were made."""
    query = (
        select(*_COLUMNS)
        .where(
            _P.c.source_platform == key.platform,
            _P.c.source_channel == key.channel,
            _P.c.source_message_id == message_id,
        )
        .order_by(_P.c.id)
    )
    return [_post(row) for row in await tx.execute(query)]


async def carded_at(tx: Transaction, handover_id: int) -> int | None:
    """Return the event that a handover's card was first due to; None where it has none."""
    query = select(func.min(_P.c.inbox_id)).where(
        _P.c.handover_id == handover_id, _P.c.kind == Kind.CARD.value
    )
    inbox_id: int | None = (await tx.execute(query)).scalar_one_or_none()
    return inbox_id


async def showing(tx: Transaction, handover_id: int, message_id: str) -> Post | None:
    """Return the customer's side's row of a handover that stands in this message."""
    query = select(*_COLUMNS).where(_P.c.handover_id == handover_id, _P.c.side == "customer")
    posts = [_post(row) for row in await tx.execute(query.order_by(_P.c.id.desc()))]
    shown = (post for post in posts if message_id in {ref.message_id for ref in post.refs})
    return next(shown, None)


async def offer(tx: Transaction, post_id: int, choice: Choice) -> None:
    """Put a button under a row that names the row itself."""
    found = await get(tx, post_id)
    if found is not None:
        payload = _CONTENT.dump_python(replace(found.content, choices=(choice,)), mode="json")
        await tx.execute(update(_P).where(_P.c.id == post_id).values(payload=payload))


async def take_draft(tx: Transaction, post: Post) -> bool:
    """Take a draft for whoever sends it; False where somebody did before."""
    row = (await tx.execute(select(_P.c.payload).where(_P.c.id == post.id).with_for_update())).one_or_none()
    if row is None or not _CONTENT.validate_python(row.payload).draft:
        return False
    payload = _CONTENT.dump_python(replace(post.content, draft=""), mode="json")
    await tx.execute(update(_P).where(_P.c.id == post.id).values(payload=payload))
    return True


async def shown_ids(tx: Transaction, handover_id: int) -> frozenset[str]:
    """Return the ids of all messages that a handover's rows stand in."""
    query = select(_P.c.refs).where(_P.c.handover_id == handover_id)
    return frozenset(ref["message_id"] for refs in (await tx.execute(query)).scalars() for ref in refs)


async def save_refs(tx: Transaction, post: Post, refs: Sequence[MessageRef]) -> None:
    """Store the messages sent so far.

    Raises:
        Fenced: another run owns the row.
    """
    await _write(tx, post, refs=_stored(refs))


async def finish(tx: Transaction, post: Post, *, state: State) -> None:
    """Close a row.

    Raises:
        Fenced: another run owns the row.
    """
    await _write(tx, post, state=state, done_at=utc_now())


async def repoint(tx: Transaction, post_id: int, refs: Sequence[MessageRef], text: str) -> None:
    """Note where an edited row stands now, and with which words."""
    found = await get(tx, post_id)
    if found is None:
        return
    content = replace(found.content, text=text)
    payload = _CONTENT.dump_python(content, mode="json")
    await tx.execute(update(_P).where(_P.c.id == post_id).values(refs=_stored(refs), payload=payload))


def _stored(refs: Sequence[MessageRef]) -> list[dict[str, str]]:
    return [{"channel": ref.channel, "message_id": ref.message_id, "rung": ref.rung} for ref in refs]


async def _write(tx: Transaction, post: Post, **values: object) -> None:
    written = await tx.execute(
        update(_P).where(_P.c.id == post.id, _P.c.run == post.run, _P.c.state == "open").values(**values)
    )
    if written.rowcount == 0:
        raise Fenced(f"what is relayed as {post.id} belongs to a later run than {post.run}")


def _post(row: Row[*tuple[Any, ...]]) -> Post:
    return Post(
        id=row.id,
        conversation_id=row.conversation_id,
        handover_id=row.handover_id,
        inbox_id=row.inbox_id,
        kind=Kind(row.kind),
        side=row.side,
        state=row.state,
        run=row.run,
        content=_CONTENT.validate_python(row.payload),
        refs=tuple(MessageRef(**ref) for ref in row.refs),
    )
