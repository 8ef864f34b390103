"""``moonthread ask``: answers one question on standard output."""

import sys
from typing import Annotated

import typer

from bots.cli.printing import print_answer
from bots.cli.question import build_request, open_kimi
from bots.cli.terminal import run_async
from bots.composition.settings_mapping import build_masker
from core.kimi import Message
from core.settings import Requirement, Settings, load


def ask(
    question: Annotated[
        list[str] | None, typer.Argument(help="What to ask. What is piped in is put below it.")
    ] = None,
    stream: Annotated[bool, typer.Option("--stream/--no-stream", help="Show the answer as it grows.")] = True,
    system: Annotated[str | None, typer.Option(help="Instructions, in place of KIMI_SYSTEM_PROMPT.")] = None,
    model: Annotated[str | None, typer.Option(help="A model, in place of KIMI_MODEL.")] = None,
) -> None:
    """Ask Kimi one question."""
    settings = load(required=[Requirement.KIMI])
    text = "\n\n".join(part for part in (" ".join(question or ()), _read_stdin()) if part.strip())
    if not text:
        raise typer.BadParameter('nothing to ask; write moonthread ask "question", or pipe text in')
    run_async(_ask(settings, text, stream=stream, system=system, model=model))


def _read_stdin() -> str:
    """Return piped input; "" if standard input is a terminal."""
    if sys.stdin is None or sys.stdin.isatty():
        return ""
    return sys.stdin.buffer.read().decode(errors="replace")


async def _ask(settings: Settings, text: str, *, stream: bool, system: str | None, model: str | None) -> None:
    request = build_request(settings, Message(role="user", content=text), system=system, model=model)
    async with open_kimi(settings) as kimi:
        await print_answer(kimi, request, masker=build_masker(settings), stream=stream)
