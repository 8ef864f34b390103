"""``moonthread conversations``: lists, searches and prints stored conversations."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer

from bots.cli.feedback import LimitOption
from bots.cli.store import run_read
from bots.cli.tables import JsonOption, Row, one_line, print_rows
from core.domain.bot_messages import FeedbackVerdict
from core.store import Transaction, conversation_reports, turn_reports
from core.store.conversation_filters import ConversationFilter
from core.store.conversation_reports import ConversationReport, MessageReport
from core.store.conversation_scope import EVERYTHING
from core.store.turn_reports import TurnFilter, TurnReport
from core.text.visible_text import terminal_text

conversations = typer.Typer(name="conversations", help="What was asked and answered.", no_args_is_help=True)
COLUMNS = ("id", "platform", "chat", "last", "turns", "people", "failed", "good", "bad", "usd", "first words")
MAX_SHOWN = 1_000  #: messages of one conversation

SinceOption = Annotated[
    datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Only with a question since this day (UTC).")
]
ChatOption = Annotated[str, typer.Option(metavar="PLATFORM:CHANNEL", help="Only this chat.")]
PersonOption = Annotated[str, typer.Option(metavar="PLATFORM:ID", help="Only with this person.")]


@conversations.command("list")
def list_(
    chat: ChatOption = "",
    person: PersonOption = "",
    since: SinceOption = None,
    failed: Annotated[bool, typer.Option("--failed", help="Only with an unanswered question.")] = False,
    bad: Annotated[bool, typer.Option("--bad", help="Only with an answer rated bad.")] = False,
    limit: LimitOption = 50,
    as_json: JsonOption = False,
) -> None:
    """List conversations, the latest first.

    Example: moonthread conversations list --failed --since 2026-11-01
    """
    _print_list(_filter(chat, person, since, failed=failed, bad=bad), limit, as_json=as_json)


@conversations.command()
def search(
    text: Annotated[str, typer.Argument(help="Words as they were written, in any case.")],
    chat: ChatOption = "",
    person: PersonOption = "",
    since: SinceOption = None,
    limit: LimitOption = 50,
    as_json: JsonOption = False,
) -> None:
    """List the conversations in which these words occur.

    Example: moonthread conversations search refund
    """
    if not text.strip():
        raise typer.BadParameter("name the words to look for")
    _print_list(_filter(chat, person, since, text=text.strip()), limit, as_json=as_json)


@conversations.command()
def show(
    conversation_id: Annotated[int, typer.Argument(metavar="ID", help="As in the list and in the logs.")],
    as_json: JsonOption = False,
) -> None:
    """Print a conversation with the figures of each answer.

    Example: moonthread conversations show 7
    """

    async def work(tx: Transaction) -> tuple[Sequence[MessageReport], Sequence[TurnReport]]:
        return (
            await conversation_reports.list_messages(tx, conversation_id, scope=EVERYTHING, limit=MAX_SHOWN),
            await turn_reports.list_turns(
                tx, TurnFilter(conversation_id=conversation_id), scope=EVERYTHING, limit=MAX_SHOWN
            ),
        )

    messages, turns = run_read(work)
    if not messages and not turns:
        typer.echo(f"moonthread: conversation {conversation_id} is not stored", err=True)
        raise typer.Exit(1)
    if as_json:
        print_rows(_json_rows(messages, turns), (), as_json=True, empty="")
        return
    by_id = {turn.id: turn for turn in turns}
    for message in messages:
        _print_message(message, by_id.pop(message.turn_id, None) if message.turn_id else None)
    for turn in reversed(by_id.values()):
        print(f"({describe_turn(turn)})")


def describe_turn(turn: TurnReport) -> str:
    """Return a turn's figures on one line."""
    calls = turn.calls
    parts = [f"turn {turn.id}", str(turn.outcome or turn.state.value)]
    if turn.attempt > 1:
        parts.append(f"attempt {turn.attempt}")
    if turn.finished_at is not None:
        parts.append(f"{(turn.finished_at - turn.received_at).total_seconds():.1f} s")
    if calls.time_to_first_token_s is not None:
        parts.append(f"first token after {calls.time_to_first_token_s:.1f} s")
    if calls.calls:
        parts.append(", ".join(calls.models))
        parts.append(f"{calls.prompt_tokens}+{calls.completion_tokens} tokens")
    if calls.cost_usd is not None:
        parts.append(f"{calls.cost_usd:.4f} USD")
    parts += [f"{number} {verdict.value}" for verdict, number in sorted(turn.ratings.items())]
    return " · ".join(parts)


def parse_id(value: str, option: str) -> tuple[str, str]:
    """Return platform and id of a chat or a person.

    Raises:
        typer.BadParameter: the value is not of the form PLATFORM:ID.
    """
    platform, _, id_ = value.partition(":")
    if value and (not platform or not id_):
        raise typer.BadParameter(f"{option} is written PLATFORM:ID, such as slack:C0123 or telegram:42")
    return platform, id_


def _filter(
    chat: str, person: str, since: datetime | None, *, text: str = "", failed: bool = False, bad: bool = False
) -> ConversationFilter:
    chat_platform, channel = parse_id(chat, "--chat")
    person_platform, person_id = parse_id(person, "--person")
    return ConversationFilter(
        platform=chat_platform or person_platform,
        channel=channel,
        person_id=person_id,
        text=text,
        failed=failed,
        rated_bad=bad,
        since=since.replace(tzinfo=UTC) if since else None,
    )


def _print_list(wanted: ConversationFilter, limit: int, *, as_json: bool) -> None:
    async def work(tx: Transaction) -> Sequence[ConversationReport]:
        return await conversation_reports.list_conversations(tx, wanted, scope=EVERYTHING, limit=limit)

    rows = [_row(one) for one in run_read(work)]
    print_rows(rows, COLUMNS, as_json=as_json, empty="no conversation fits")


def _row(one: ConversationReport) -> Row:
    return {
        "id": one.id,
        "platform": one.platform,
        "chat": one.channel,
        "thread": one.thread,
        "last": one.last_at,
        "turns": one.turns,
        "messages": one.messages,
        "people": one.people,
        "failed": one.failed,
        "good": one.rated_good,
        "bad": one.rated_bad,
        "usd": one.cost_usd,
        "first words": one_line(one.first_text),
    }


def _json_rows(messages: Sequence[MessageReport], turns: Sequence[TurnReport]) -> list[Row]:
    by_id = {turn.id: turn for turn in turns}
    return [
        {
            "id": one.id,
            "at": one.created_at,
            "role": one.role.value,
            "author": one.author_id,
            "name": one.author_name,
            "text": one.text,
            "superseded": one.superseded,
            "turn": one.turn_id,
            "outcome": str(by_id[one.turn_id].outcome or "") if one.turn_id in by_id else None,
        }
        for one in messages
    ]


def _print_message(message: MessageReport, turn: TurnReport | None) -> None:
    author = message.author_name or ("bot" if message.role.value == "assistant" else message.author_id)
    replaced = ", replaced" if message.superseded else ""
    print(f"{message.created_at:%Y-%m-%d %H:%M:%S} {terminal_text(author)}{replaced}:")
    print("\n".join(f"    {line}" for line in terminal_text(message.text).splitlines()))
    if turn is not None:
        bad = "  ← rated bad" if turn.ratings.get(FeedbackVerdict.BAD) else ""
        print(f"    ({describe_turn(turn)}){bad}")
