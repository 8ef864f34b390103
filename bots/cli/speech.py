"""``moonthread speech``: the model that hears voice messages on this machine."""

import sys
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from bots.cli.terminal import error_lines, print_error, run_async
from core.domain.errors import MoonthreadError
from core.settings import load
from core.speech.model_download import HUB, MODELS, fetch_model
from core.speech.offline_recognizer import is_installed, missing_files

DEFAULT_MODEL: Final = "base"
DEFAULT_FOLDER: Final = "speech"  #: below the data folder
_MEGABYTE: Final = 1024 * 1024

speech = typer.Typer(add_completion=False, no_args_is_help=True, help="The model that hears voice messages.")


@speech.callback()
def _group() -> None:
    """Keep "fetch" a command of its own."""


@speech.command()
def fetch(
    model: Annotated[
        str, typer.Argument(help=f"One of {', '.join(MODELS)}: larger ones hear better and slower.")
    ] = DEFAULT_MODEL,
    url: Annotated[
        str, typer.Option(help="Where the model's folder is served, instead of the Hugging Face hub.")
    ] = "",
    force: Annotated[bool, typer.Option(help="Also if the folder holds a model.")] = False,
) -> None:
    """Fetch a Whisper model into MOONTHREAD_SPEECH_FOLDER, or speech/MODEL in the data folder.

    Examples: moonthread speech fetch small

    moonthread speech fetch --url https://files.example.com/faster-whisper-base
    """
    if not url and model not in MODELS:
        print_error(f"there is no model {model!r}; the hub has {', '.join(MODELS)}")
        raise typer.Exit(2)
    try:
        settings = load()
        folder: Path = settings.speech_folder or settings.data_dir / DEFAULT_FOLDER / model
        if not force and not missing_files(folder):
            print(f"{folder} holds a model already; --force fetches it anew")
        else:
            with Console(stderr=True).status("") as status:  # shows nothing if there is no terminal

                def show(name: str, done: int, size: int) -> None:
                    of = f" of {size / _MEGABYTE:.0f}" if size else ""
                    status.update(f"{name}: {done / _MEGABYTE:.0f}{of} MB")

                run_async(fetch_model(url or HUB.format(model=model), folder, on_progress=show))
            print(f"The model is in {folder}")
    except MoonthreadError as error:
        print_error(*error_lines(error))
        raise typer.Exit(1) from None
    if settings.speech_folder is None:
        print(f"Set MOONTHREAD_SPEECH_FOLDER={folder}")
    if not is_installed():
        print("Install the extra: pip install 'moonthread[speech]'", file=sys.stderr)
