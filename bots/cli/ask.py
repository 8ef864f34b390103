"""``moonthread ask``: answers one question on standard output."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from bots.cli.last_talk import load_talk, save_talk
from bots.cli.printing import print_answer
from bots.cli.question import build_request, open_kimi
from bots.cli.question_files import read_files
from bots.cli.terminal import print_error, run_async
from bots.composition.settings_mapping import build_masker
from bots.terminal.markdown_screen import choose_screen
from core.domain.errors import SettingsError
from core.kimi import ContentPart, Message, TextPart
from core.settings import Requirement, Settings, load


@dataclass(frozen=True, slots=True, kw_only=True)
class AskOptions:
    """The options of one call."""

    files: tuple[Path, ...]
    go_on: bool  #: with the last talk
    think: bool | None
    stream: bool
    plain: bool
    system: str | None
    model: str | None


def ask(
    question: Annotated[
        list[str] | None, typer.Argument(help="What to ask. What is piped in is put below it.")
    ] = None,
    file: Annotated[
        list[Path] | None,
        typer.Option("--file", "-f", help="A text, document, picture or video; may be given more than once."),
    ] = None,
    go_on: Annotated[
        bool, typer.Option("--continue", "-c", help="Go on with the last question and answer of ask.")
    ] = False,
    think: Annotated[
        bool | None, typer.Option("--think/--no-think", help="Whether Kimi thinks first, if the model can.")
    ] = None,
    stream: Annotated[bool, typer.Option("--stream/--no-stream", help="Show the answer as it grows.")] = True,
    plain: Annotated[
        bool, typer.Option("--plain", help="Print Markdown as it is, also on a terminal.")
    ] = False,
    system: Annotated[str | None, typer.Option(help="Instructions, in place of KIMI_SYSTEM_PROMPT.")] = None,
    model: Annotated[str | None, typer.Option(help="A model, in place of KIMI_MODEL.")] = None,
) -> None:
    """Ask Kimi one question.

    Examples: moonthread ask "Why is the sky blue?"

    git diff | moonthread ask "Review this:" --think

    moonthread ask "What does it cost?" --file offer.pdf

    moonthread ask --continue "And in euros?"
    """
    settings = load(required=[Requirement.KIMI])
    text = "\n\n".join(part for part in (" ".join(question or ()), _read_stdin()) if part.strip())
    if not text:
        raise typer.BadParameter('nothing to ask; write moonthread ask "question", or pipe text in')
    options = AskOptions(
        files=tuple(file or ()),
        go_on=go_on,
        think=think,
        stream=stream,
        plain=plain,
        system=system,
        model=model,
    )
    run_async(_ask(settings, text, options))


def _read_stdin() -> str:
    """Return piped input; "" if standard input is a terminal."""
    if sys.stdin is None or sys.stdin.isatty():
        return ""
    return sys.stdin.buffer.read().decode(errors="replace")


async def _ask(settings: Settings, text: str, options: AskOptions) -> None:
    earlier = load_talk(settings) if options.go_on else []
    async with open_kimi(settings) as kimi:
        files = await read_files(kimi, options.files)
        texts = [*(file.text for file in files if file.text), text]
        media = [file.media for file in files if file.media is not None]
        question = Message(role="user", content=_content("\n\n".join(texts), media))
        request = build_request(
            settings, *earlier, question, system=options.system, model=options.model, think=options.think
        )
        answer = await print_answer(
            kimi,
            request,
            masker=build_masker(settings),
            stream=options.stream,
            screen=choose_screen(plain=options.plain),
        )
    try:
        save_talk(settings, [*earlier, question, Message(role="assistant", content=answer)])
    except SettingsError as error:
        print_error(*error.faults, "--continue will not know this question")


def _content(text: str, media: Sequence[ContentPart]) -> str | tuple[ContentPart, ...]:
    return (*media, TextPart(text)) if media else text
