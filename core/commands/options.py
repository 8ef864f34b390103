"""What the commands that change a conversation have in common."""

from collections.abc import Callable, Iterable
from typing import Literal, TypeAlias

from core.commands.command import Command
from core.domain.buttons import OptionButton, RunCommand, fits_button
from core.domain.command_names import CommandName
from core.text.language import Language, pick

MAX_ECHOED_CHARS = 60  #: characters of people's words that a reply repeats

GroupChangePolicy: TypeAlias = Literal["admins", "everyone"]
MayChange: TypeAlias = Callable[[Command], bool]


def may_change(policy: GroupChangePolicy) -> MayChange:
    """Return who may change how a conversation is answered; in a direct one its person always may."""
    return lambda order: order.is_admin or policy == "everyone"


def admins_only_text(language: Language) -> str:
    """Return the refusal of a change that only admins may make."""
    return pick(language, zh="在群里只有管理员可以更改。", en="In groups only admins may change this.")


def option_buttons(
    command: CommandName, arguments: Iterable[str], *, current: str
) -> tuple[OptionButton, ...]:
    """Return a button for each argument that fits into one; ``current`` is marked."""
    return tuple(
        OptionButton(label=f"✓ {argument}" if argument == current else argument, action=action)
        for argument in arguments
        if fits_button(action := RunCommand(command=command, argument=argument))
    )


def as_code(text: str) -> str:
    """Return a person's text as inline code for a reply."""
    plain = " ".join(text.replace("`", "").split())
    return f"`{plain[:MAX_ECHOED_CHARS]}`" if plain else "–"
