"""``moonthread completion``: prints the script that completes commands and options in a shell."""

from typing import Annotated, Literal

import typer

from bots.cli import COMPLETE_VARIABLE, PROGRAM


def completion(
    shell: Annotated[Literal["bash", "zsh", "fish"], typer.Argument(help="The shell that reads the script.")],
) -> None:
    """Print a script that completes commands and options.

    Examples: source <(moonthread completion bash)

    moonthread completion fish > ~/.config/fish/completions/moonthread.fish
    """
    from typer.completion import get_completion_script  # type: ignore[attr-defined]  # re-exported

    print(get_completion_script(prog_name=PROGRAM, complete_var=COMPLETE_VARIABLE, shell=shell))
