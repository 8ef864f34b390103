"""``/canned``: an admin keeps a good answer, to be said again to the same question."""

import re
from collections.abc import Awaitable, Callable

from core.commands.command import Order, OrderReply
from core.commands.options import admins_only
from core.domain.events import Choice, CommandName
from core.knowledge.asked import spoken
from core.knowledge.ready import UNKNOWN, unmarked
from core.store import Database, Transaction, canned, conversations, history, turns
from core.text.language import pick

ADD, LIST, REMOVE = "add", "list", "remove"
MOST_KEPT = 200  #: of one chat
MOST_QUESTION, MOST_ANSWER = 500, 8_000  #: characters
MOST_LISTED = 20  #: the newest
MOST_SHOWN = 60  #: characters of a question in the list
_NUMBERS = re.compile(r"[ \t]*\[\d{1,2}\](?!\()")  #: they point to sources that are not kept

MayKeep = Callable[[Order], Awaitable[bool]]
"""Tells whether somebody runs the chat that an order is given in."""


class CannedOrder:
    """Keeps, lists and removes ready answers."""

    def __init__(self, database: Database, *, may_keep: MayKeep) -> None:
        self._database = database
        self._may_keep = may_keep

    async def __call__(self, order: Order) -> OrderReply:
        """Handle one order: "add", "add WORDS OF THE QUESTION", "list", "remove NUMBER"."""
        if not await self._may_keep(order):
            return OrderReply(text=admins_only(order.language))
        verb, _, rest = order.argument.strip().replace(":", " ", 1).partition(" ")
        async with self._database.begin() as tx:
            match verb.lower():
                case "add":
                    text = await self._add(tx, order, rest.strip())
                case "remove" if rest.strip().lstrip("#").isdecimal():
                    text = await self._remove(tx, order, int(rest.strip().lstrip("#")))
                case _:
                    text = ""
            return await self._listed(tx, order, text)

    async def _add(self, tx: Transaction, order: Order, words: str) -> str:
        talk = order.conversation
        found = await _question_and_answer(tx, order)
        if found is None:
            return pick(
                order.language,
                zh="用 `/canned add` 回复我的一个回答，我就记住它。",
                en="Reply to an answer of mine with `/canned add`, and I keep it.",
            )
        question, answer = words or found[0], found[1]
        if not question or len(question) > MOST_QUESTION or len(answer) > MOST_ANSWER:
            return pick(
                order.language,
                zh="这个问题或回答太长，不适合做常用答案。可以写 `/canned add 简短的问题`。",
                en="That is too long for a ready answer. `/canned add SHORT QUESTION` gives it other words.",
            )
        if await canned.count(tx, talk.key) >= MOST_KEPT:
            return pick(
                order.language,
                zh=f"常用答案最多 {MOST_KEPT} 条，请先移除一些。",
                en=f"There are {MOST_KEPT} ready answers already; please remove some first.",
            )
        await canned.put(tx, talk.key, question=question, answer=answer, author_id=order.author.id)
        return pick(
            order.language,
            zh="记住了，再有人这样问，我就这样回答。",
            en="Kept: whoever asks this again gets this answer.",
        )

    async def _remove(self, tx: Transaction, order: Order, number: int) -> str:
        await canned.remove(tx, order.conversation.key, number)
        # Said even where it was gone already: the button may have been pressed twice.
        return pick(order.language, zh="已移除。", en="Removed.")

    async def _listed(self, tx: Transaction, order: Order, head: str) -> OrderReply:
        kept = await canned.of(tx, order.conversation.key)
        shown = kept[-MOST_LISTED:]
        rows = [f"- `#{one.id}` {_short(one.question)}" for one in shown]
        if not rows and not head:
            head = pick(
                order.language,
                zh="这里还没有常用答案。用 `/canned add` 回复我的一个回答就会记住它。",
                en="There are no ready answers here. Reply to an answer of mine with `/canned add`.",
            )
        verb = pick(order.language, zh="移除", en="Remove")
        buttons = tuple(
            Choice(label=f"{verb} #{one.id}", data=f"{CommandName.CANNED}:{REMOVE}:{one.id}") for one in shown
        )
        return OrderReply(text="\n\n".join(part for part in (head, "\n".join(rows)) if part), choices=buttons)


async def _question_and_answer(tx: Transaction, order: Order) -> tuple[str, str] | None:
    """Return what the message that the command replies to answers, else the conversation's last answer."""
    talk, seq = order.conversation, None
    if order.quoted is not None:
        turn_id = await conversations.turn_of_message(tx, talk.key, order.quoted.message_id)
        turn = None if turn_id is None else await turns.get(tx, turn_id)
        talk = talk if turn is None else await conversations.get(tx, turn.conversation_id)
    else:
        turn = await turns.latest(tx, talk.id)
    if turn is None or turn.outcome == UNKNOWN:
        return None
    first, seq = min(turn.seq, turn.inbox_id), turn.seq
    answer = unmarked(_NUMBERS.sub("", await history.answer_to(tx, talk.id, seq)).strip())
    lines = await history.recent(tx, talk.id, after_seq=first - 1, up_to_seq=seq, max_lines=40)
    asked = [spoken(line.text) for line in lines if line.role == "user"]
    return (" ".join(" ".join(asked).split()), answer) if answer else None


def _short(question: str) -> str:
    flat = " ".join(question.replace("`", "'").split())
    return flat if len(flat) <= MOST_SHOWN else f"{flat[: MOST_SHOWN - 1]}…"
