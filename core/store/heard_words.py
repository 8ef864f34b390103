"""Words of recordings as part of the messages that carried them."""

from dataclasses import dataclass, replace

from sqlalchemy import select, update

from core.domain.message_content import MessageRole
from core.store import file_blobs, schema, summaries
from core.store.database import Transaction
from core.store.files import File

_M = schema.messages


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardWords:
    """Words of one recording."""

    text: str
    is_quoted: bool = False  #: whether the recording came with the message that is replied to
    author: str = ""  #: display name of that message's author


async def add_to_message(tx: Transaction, file: File) -> HeardWords:
    """Make the words of a recording that was heard part of its message, once; return them.

    They become words of the message's author, or of the message that it replies to if that carried the
    recording. Summaries that cover the message are deleted.
    """
    words = await file_blobs.get_text(tx, file.hash)
    rows = await tx.execute(
        select(_M.c.id, _M.c.text, _M.c.attachments, _M.c.reply).where(
            _M.c.conversation_id == file.conversation_id,
            _M.c.seq == file.seq,
            _M.c.role == MessageRole.USER,
        )
    )
    source = file.attachment.source
    for row in rows.all():
        change = update(_M).where(_M.c.id == row.id)
        if any(one.source == source for one in row.attachments or ()):
            if words not in row.text:
                await tx.execute(change.values(text=_joined(row.text, words)))
                await summaries.remove_from(tx, file.conversation_id, file.seq)
            return HeardWords(text=words)
        if row.reply is not None and any(one.source == source for one in row.reply.attachments):
            if words not in row.reply.text:
                reply = replace(row.reply, text=_joined(row.reply.text, words))
                await tx.execute(change.values(reply=reply))
                await summaries.remove_from(tx, file.conversation_id, file.seq)
            return HeardWords(text=words, is_quoted=True, author=row.reply.author)
    return HeardWords(text=words)


def _joined(before: str, words: str) -> str:
    return "\n\n".join(filter(None, (before.strip(), words)))
