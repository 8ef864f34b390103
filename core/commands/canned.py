"""``/canned``: an admin keeps a good answer, to be said again to the same question."""

import re
from collections.abc import Awaitable, Callable

from core.commands.command import Command, CommandReply
from core.commands.options import admins_only_text
from core.domain.buttons import OptionButton, RunCommand
from core.domain.command_names import CommandName
from core.domain.message_content import MessageRole
from core.domain.turn_states import Outcome
from core.knowledge.canned_responses import strip_label
from core.store import Database, Transaction, canned, conversations, history, turns
from core.text.language import pick

ADD, LIST, REMOVE = "add", "list", "remove"
MAX_ANSWERS = 200  #: of one chat
MAX_QUESTION_CHARS, MAX_ANSWER_CHARS = 500, 8_000  #: characters
MAX_LISTED = 20  #: the newest
MAX_SHOWN_CHARS = 60  #: characters of a question in the list
_CITATIONS = re.compile(r"(?<![ \t])[ \t]*\[\d{1,2}\](?!\()")  #: they point to sources that are not kept

MayManageCanned = Callable[[Command], Awaitable[bool]]
"""Tells whether somebody runs the chat that an order is given in."""


class CannedCommand:
    """Keeps, lists and removes ready answers."""

    def __init__(self, database: Database, *, may_manage: MayManageCanned) -> None:
        self._database = database
        self._may_manage = may_manage

    async def __call__(self, command: Command) -> CommandReply:
        """Handle one order: "add", "add WORDS OF THE QUESTION", "list", "remove NUMBER"."""
        if not await self._may_manage(command):
            return CommandReply(text=admins_only_text(command.language))
        verb, _, rest = command.argument.strip().partition(" ")
        async with self._database.begin() as tx:
            match verb.lower():
                case "add":
                    text = await self._add(tx, command, rest.strip())
                case "remove" if rest.strip().lstrip("#").isdecimal():
                    text = await self._remove(tx, command, int(rest.strip().lstrip("#")))
                case _:
                    text = ""
            return await self._list_reply(tx, command, text)

    async def _add(self, tx: Transaction, command: Command, question_text: str) -> str:
        talk = command.conversation
        found = await _question_and_answer(tx, command)
        if found is None:
            return pick(
                command.language,
                zh="用 `/canned add` 回复我的一个回答，我就记住它。",
                en="Reply to an answer of mine with `/canned add`, and I keep it.",
            )
        question, answer = question_text or found[0], found[1]
        if not question or len(question) > MAX_QUESTION_CHARS or len(answer) > MAX_ANSWER_CHARS:
            return pick(
                command.language,
                zh="这个问题或回答太长，不适合做常用答案。可以写 `/canned add 简短的问题`。",
                en="That is too long for a ready answer. `/canned add SHORT QUESTION` gives it other words.",
            )
        if await canned.count(tx, talk.key) >= MAX_ANSWERS:
            return pick(
                command.language,
                zh=f"常用答案最多 {MAX_ANSWERS} 条，请先移除一些。",
                en=f"There are {MAX_ANSWERS} ready answers already; please remove some first.",
            )
        await canned.save(tx, talk.key, question=question, answer=answer, author_id=command.author.id)
        return pick(
            command.language,
            zh="记住了，再有人这样问，我就这样回答。",
            en="Kept: whoever asks this again gets this answer.",
        )

    async def _remove(self, tx: Transaction, command: Command, number: int) -> str:
        await canned.remove_response(tx, command.conversation.key, number)
        # Said even where it was gone already: the button may have been pressed twice.
        return pick(command.language, zh="已移除。", en="Removed.")

    async def _list_reply(self, tx: Transaction, command: Command, intro: str) -> CommandReply:
        kept = await canned.load(tx, command.conversation.key)
        shown = kept[-MAX_LISTED:]
        rows = [f"- `#{one.id}` {_shorten(one.question)}" for one in shown]
        if not rows and not intro:
            intro = pick(
                command.language,
                zh="这里还没有常用答案。用 `/canned add` 回复我的一个回答就会记住它。",
                en="There are no ready answers here. Reply to an answer of mine with `/canned add`.",
            )
        verb = pick(command.language, zh="移除", en="Remove")
        buttons = tuple(
            OptionButton(
                label=f"{verb} #{one.id}",
                action=RunCommand(command=CommandName.CANNED, argument=f"{REMOVE} {one.id}"),
            )
            for one in shown
        )
        return CommandReply(
            text="\n\n".join(part for part in (intro, "\n".join(rows)) if part), options=buttons
        )


async def _question_and_answer(tx: Transaction, command: Command) -> tuple[str, str] | None:
    """Return what the message that the command replies to answers, else the conversation's last answer."""
    talk = command.conversation
    if command.quoted is not None:
        turn_id = await conversations.find_turn_id(tx, talk.key, command.quoted.message_id)
        turn = None if turn_id is None else await turns.get(tx, turn_id)
        talk = talk if turn is None else await conversations.get(tx, turn.conversation_id)
    else:
        turn = await turns.get_latest(tx, talk.id)
    if turn is None or turn.outcome is Outcome.NO_KNOWLEDGE:
        return None
    answer = strip_label(strip_citations(await history.get_answer(tx, talk.id, turn.seq)))
    lines = await history.load_recent(tx, talk.id, after_seq=turn.first_seq - 1, up_to_seq=turn.seq, limit=40)
    asked = [line.text for line in lines if line.role is MessageRole.USER]
    return (" ".join(" ".join(asked).split()), answer) if answer else None


def strip_citations(answer: str) -> str:
    """Return an answer without the numbers of its sources, which are not kept with it."""
    return _CITATIONS.sub("", answer).strip()


def _shorten(question: str) -> str:
    flat = " ".join(question.replace("`", "'").split())
    return flat if len(flat) <= MAX_SHOWN_CHARS else f"{flat[: MAX_SHOWN_CHARS - 1]}…"
