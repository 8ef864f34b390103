"""Which spoken words are a command."""

import pytest

from core.domain.command_names import CommandName
from core.turns.spoken_commands import parse_spoken_command


@pytest.mark.parametrize(
    ("words", "command", "argument"),
    [
        ("Slash help.", CommandName.HELP, ""),
        ("/new", CommandName.NEW, ""),
        ("slash, retry!", CommandName.RETRY, ""),
        ("Slash model kimi-k3.", CommandName.MODEL, "kimi-k3"),
        ("斜杠 usage。", CommandName.USAGE, ""),
        ("“Slash stop.”", CommandName.STOP, ""),
        ("Slash prices, please", None, ""),
        ("help", None, ""),
        ("What does slash new do?", None, ""),
        ("slash help " + "very " * 50, None, ""),
        ("", None, ""),
    ],
)
def test_a_slash_and_a_name_are_a_command(words: str, command: CommandName | None, argument: str) -> None:
    """Whatever punctuation an engine hears; anything else is a question."""
    assert parse_spoken_command(words) == (None if command is None else (command, argument))
