"""Fetches a Whisper model in CTranslate2's form into a folder, for :mod:`core.speech.offline_recognizer`."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO, Final, TypeAlias

import httpx

from core.domain.errors import MoonthreadError
from core.speech.offline_recognizer import MODEL_FILES, VOCABULARIES, missing_files

HUB: Final = "https://huggingface.co/Systran/faster-whisper-{model}/resolve/main"
MODELS: Final = ("tiny", "tiny.en", "base", "base.en", "small", "small.en", "medium", "large-v3")
OPTIONAL_FILES: Final = ("preprocessor_config.json",)  #: large-v3 has other spectra
_CHUNK_BYTES: Final = 1024 * 1024
_TIMEOUT: Final = httpx.Timeout(60.0)  #: of a connection, and of each chunk

Progress: TypeAlias = Callable[[str, int, int], None]
"""Called with a file's name, its bytes so far, and all its bytes (0 if unknown)."""


class ModelDownloadFailed(MoonthreadError):
    """A model could not be fetched; the folder is as it was."""


async def fetch_model(url: str, folder: Path, *, on_progress: Progress | None = None) -> None:
    """Fetch the files of a model and put them into ``folder`` together, in place of an earlier model.

    Args:
        url: address of the folder that holds them; "/model.bin" and so on are added.
        folder: where they belong; made if it is missing.
        on_progress: told of every megabyte.

    Raises:
        ModelDownloadFailed: a file is missing there, broke off, or cannot be written.
    """
    part = folder.with_name(f"{folder.name}.part")
    try:
        await asyncio.to_thread(_make_empty, part)
        async with httpx.AsyncClient(timeout=_TIMEOUT, follow_redirects=True) as client:
            for name in (*MODEL_FILES, *VOCABULARIES, *OPTIONAL_FILES):
                required = name in MODEL_FILES
                await _fetch_file(client, f"{url.rstrip('/')}/{name}", part / name, on_progress, required)
        if missing := await asyncio.to_thread(missing_files, part):
            raise ModelDownloadFailed(f"{url} has no {', '.join(missing)}")
        await asyncio.to_thread(_replace, part, folder)
    except OSError as exc:
        raise ModelDownloadFailed(f"{folder} cannot be written: {exc.strerror}") from exc
    finally:
        await asyncio.to_thread(shutil.rmtree, part, ignore_errors=True)


async def _fetch_file(
    client: httpx.AsyncClient, url: str, path: Path, on_progress: Progress | None, required: bool
) -> None:
    try:
        async with client.stream("GET", url) as response, _opened(path) as file:
            if response.status_code == httpx.codes.NOT_FOUND and not required:
                await asyncio.to_thread(path.unlink)
                return
            response.raise_for_status()
            size = int(response.headers.get("content-length") or 0)
            done = 0
            async for chunk in response.aiter_bytes(_CHUNK_BYTES):
                await asyncio.to_thread(file.write, chunk)
                done += len(chunk)
                if on_progress is not None:
                    on_progress(path.name, done, size)
    except httpx.HTTPStatusError as exc:
        raise ModelDownloadFailed(f"{url}: HTTP {exc.response.status_code}") from exc
    except httpx.HTTPError as exc:  # a connection that ends too early is one
        raise ModelDownloadFailed(f"{url}: {exc or type(exc).__name__}") from exc


@asynccontextmanager
async def _opened(path: Path) -> AsyncIterator[BinaryIO]:
    file = await asyncio.to_thread(path.open, "wb")
    try:
        yield file
    finally:
        await asyncio.to_thread(file.close)


def _make_empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def _replace(part: Path, folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
    part.rename(folder)
