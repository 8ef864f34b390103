"""``/learn``: an admin teaches a chat a file, which came with the command or stands above it.

What is learnt belongs to the chat's tenant, in a set of the chat's own; no other chat looks into it
unless its rules name that set.
"""

from collections.abc import Awaitable, Callable, Sequence

import structlog

from core.answering.file_notices import SENTENCES
from core.commands.command import Order, OrderReply
from core.commands.options import admins_only, echoed
from core.domain.events import Attachment
from core.files.library import Library
from core.files.policy import Fault, Unusable, shown_name
from core.kimi import KimiError
from core.knowledge.reading import FileWords
from core.knowledge.scope import own_set, owner_of
from core.knowledge.teaching import Taught, teach
from core.store import Database, files, history, knowledge
from core.text.language import Language, pick

log = structlog.get_logger(__name__)

LAST_SEQ = 2**62  #: later than any message
REMOVE = "remove"
LIST = "list"
MOST_LISTED = 30

MayTeach = Callable[[Order], Awaitable[bool]]
"""Tells whether somebody runs the chat that an order is given in."""


class LearnOrder:
    """Takes files in, lists and forgets what was taken in."""

    def __init__(
        self, database: Database, library: Library, words: FileWords, *, may_teach: MayTeach
    ) -> None:
        self._database = database
        self._library = library
        self._words = words
        self._may_teach = may_teach

    async def __call__(self, order: Order) -> OrderReply:
        """Handle one order: none with a file, "list", or "remove NAME"."""
        if not await self._may_teach(order):
            return OrderReply(text=admins_only(order.language))
        verb, _, name = order.argument.strip().partition(" ")
        if verb.lower() == REMOVE and name.strip():
            return await self._remove(order, name.strip("` \n"))
        if verb.lower() == LIST:
            return await self._listed(order)
        attachments = await self._attachments(order)
        if not attachments:
            listed = await self._listed(order)
            return OrderReply(text=f"{_how(order.language)}\n\n{listed.text}")
        lines = [await self._learn(order, attachment) for attachment in attachments]
        return OrderReply(text="\n".join(lines))

    async def _attachments(self, order: Order) -> Sequence[Attachment]:
        """Return what came with the command, else with the message it replies to, else the latest files."""
        if order.attachments:
            return order.attachments
        talk = order.conversation
        async with self._database.read() as tx:
            sent = await files.of(tx, talk.id, after_seq=talk.history_after, up_to_seq=LAST_SEQ)
            meant = None
            if order.quoted is not None:
                meant = await history.said(tx, talk.id, order.quoted.message_id)
        if order.quoted is not None:
            return [file.attachment for file in sent if meant is not None and file.seq == meant.seq]
        return [file.attachment for file in sent if file.seq == sent[-1].seq]

    async def _learn(self, order: Order, attachment: Attachment) -> str:
        """Take one file in, and return what to say of it."""
        name = shown_name(attachment.name, attachment.kind)
        try:
            async with self._library.fetched(order.conversation, attachment) as path:
                ending, text = await self._words.read(path, name=name, media_type=attachment.media_type)
            taught = await teach(
                self._database,
                owner_of(order.conversation.key),
                own_set(order.conversation.key),
                name=name,
                text=text,
                ending=ending,
                author_id=order.author.id,
            )
        except Unusable as exc:
            return _refused(order.language, name, exc.fault)
        except (KimiError, OSError) as exc:
            log.warning("learning_failed", error=type(exc).__name__)
            return _refused(order.language, name, Fault.UNREACHABLE)
        log.info("learnt", passages=taught.passages, version=taught.version, changed=taught.changed)
        return _learnt(order.language, taught)

    async def _listed(self, order: Order) -> OrderReply:
        key = order.conversation.key
        async with self._database.read() as tx:
            own = await knowledge.owned(tx, owner_of(key), own_set(key))
            known = await knowledge.documents(tx, own.id) if own is not None else ()
        if not known:
            none = pick(order.language, zh="这个群还没有学过文件。", en="This chat was taught no files yet.")
            return OrderReply(text=none)
        head = pick(order.language, zh="这个群学过的文件：", en="What this chat was taught:")
        unit = pick(order.language, zh="段", en="passages")
        rows = [f"- `{one.name}` ({one.passages} {unit})" for one in known[:MOST_LISTED]]
        return OrderReply(text="\n".join([head, *rows]))

    async def _remove(self, order: Order, name: str) -> OrderReply:
        key = order.conversation.key
        async with self._database.begin() as tx:
            own = await knowledge.owned(tx, owner_of(key), own_set(key))
            gone = own is not None and await knowledge.remove_document(tx, own.id, name)
        if gone:
            done = pick(order.language, zh="已忘掉 {}。", en="Forgotten: {}.")
            return OrderReply(text=done.format(echoed(name)))
        listed = await self._listed(order)
        none = pick(order.language, zh="没有学过 {}。", en="I was never taught {}.").format(echoed(name))
        return OrderReply(text=f"{none}\n\n{listed.text}")


def _how(language: Language) -> str:
    return pick(
        language,
        zh="把文件和 `/learn` 一起发来，或者用 `/learn` 回复一个文件；`/learn remove 文件名` 忘掉它。",
        en="Send a file with `/learn`, or reply to one with it; `/learn remove NAME` forgets it.",
    )


def _learnt(language: Language, taught: Taught) -> str:
    name = echoed(taught.name)
    if not taught.changed:
        return pick(language, zh=f"{name} 没有变化。", en=f"{name} has not changed.")
    count = taught.passages
    if taught.version > 1:
        return pick(
            language, zh=f"{name} 已更新，共 {count} 段。", en=f"{name} is updated; passages now: {count}."
        )
    unit = "passage" if count == 1 else "passages"
    return pick(language, zh=f"学会了 {name}，共 {count} 段。", en=f"Learnt {name}: {count} {unit}.")


def _refused(language: Language, name: str, fault: Fault) -> str:
    if fault is Fault.MISLABELLED and name.lower().endswith((".csv", ".tsv")):
        return pick(
            language,
            zh=f"{name} 的第一行要有「问题」和「答案」两列。",
            en=f"The first line of {name} must name the columns question and answer.",
        )
    chinese, english = SENTENCES[fault]
    return pick(language, zh=chinese, en=english).format(name=name)
