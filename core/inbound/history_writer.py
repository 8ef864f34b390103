"""Making what people say part of the history: their words, what they quote, what they attach."""

from collections.abc import Sequence

from core.domain.events import Event, Quoted, Said
from core.files.policy import marked
from core.store import Transaction, conversations, files, history, inbox
from core.store.conversations import Conversation
from core.store.history import Line
from core.store.inbox import Mark, Sibling
from core.text.quoting import quoted_text
from core.text.tokens import estimate_tokens


async def remember(
    tx: Transaction, event: Said, conversation: Conversation, seq: int, *, quotes: bool
) -> None:
    """Make a person's message part of the history."""
    text = event.text
    if quotes and event.quoted is not None and event.quoted.text:
        text = quoted_text(text, quoted=event.quoted.text, author=event.quoted.author)
    text = with_marks(text, event)
    line = Line(
        seq=seq,
        role="user",
        author_id=event.author.id,
        author=event.author.name,
        text=text,
        tokens=estimate_tokens(text),
    )
    if text.strip():
        await history.add(tx, line, conversation_id=conversation.id, message_id=event.message_id)
    await files.add(
        tx,
        conversation_id=conversation.id,
        seq=seq,
        author_id=event.author.id,
        attachments=event.attachments,
    )
    await conversations.remember_ref(tx, event.address.key, event.message_id, conversation.id, None)


async def gather(tx: Transaction, siblings: Sequence[Sibling], conversation: Conversation) -> None:
    """Let the rest of an album that was only noted so far be part of the question."""
    noted = [one for one in siblings if one.state is Mark.NOTED and isinstance(one.event, Said)]
    for sibling in noted:
        if sibling.conversation_id is None and isinstance(sibling.event, Said):
            await remember(tx, sibling.event, conversation, sibling.id, quotes=True)
    await inbox.open_again(tx, [one.id for one in noted], conversation.id)


def with_marks(text: str, event: Said) -> str:
    """Put the names of what came with a message below its words."""
    marks = marked(event.attachments)
    return f"{text}\n\n{marks}".strip() if marks else text


def unquoted(text: str, quoted: Quoted) -> str:
    """Return a message as it stands in the history without the one that stands quoted above it."""
    above = quoted_text("", quoted=quoted.text, author=quoted.author)
    return text.removeprefix(above).lstrip("\n") if quoted.text else text


def reworded(text: str, original: Event | None, *, stored: str) -> str:
    """Return changed words as they stand in the history, where ``stored`` stands now.

    Above them is again what stood above them before, the message that they reply to; below them what
    came with them.
    """
    if not isinstance(original, Said):
        return text
    match original.quoted:
        case Quoted(text=quoted, author=author) if quoted and stored.startswith(
            quoted_text("", quoted=quoted, author=author)
        ):
            text = quoted_text(text, quoted=quoted, author=author)
    return with_marks(text, original)
