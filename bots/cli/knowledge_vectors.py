"""Vectors of the knowledge sets for the command line: made with progress, and used by searches."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from rich.console import Console

from bots.cli.store import open_database
from bots.cli.terminal import print_error
from bots.composition.embedding_wiring import build_embedder, build_vector_search
from core.domain.clock import SystemClock
from core.domain.errors import SettingsError
from core.knowledge.embedding import EmbeddingProgress, PassageEmbedder
from core.knowledge.vector_search import VectorSearch
from core.ports.embedder import EmbeddingFailed
from core.settings import Settings
from core.store import Database


@asynccontextmanager
async def open_vector_search(settings: Settings, database: Database) -> AsyncIterator[VectorSearch | None]:
    """Yield the comparison of meanings; None if words alone are compared.

    Raises:
        SettingsError: the model cannot be used.
    """
    embedder = build_embedder(settings, SystemClock())
    try:
        yield build_vector_search(database, embedder, SystemClock())
    finally:
        if embedder is not None:
            await embedder.close()


async def embed_pending(settings: Settings, database: Database) -> bool:
    """Give all passages their vectors, with progress on a terminal; return False if that failed.

    Nothing happens if words alone are compared.

    Raises:
        SettingsError: the model cannot be used.
    """
    embedder = build_embedder(settings, SystemClock())
    if embedder is None:
        return True
    with Console(stderr=True).status("") as status:  # shows nothing if there is no terminal

        def show(progress: EmbeddingProgress) -> None:
            status.update(f"{progress.document}: {progress.embedded} of {progress.total} texts have vectors")

        job = PassageEmbedder(database, embedder, SystemClock())
        try:
            done = await job.embed_pending(on_progress=show)
        except EmbeddingFailed as exc:
            print_error(f"{embedder.model}: {exc}", "words alone are compared until all texts have vectors")
            return False
        finally:
            await embedder.close()
    if done:
        print(f"{done} texts have vectors of {embedder.model} now")
    return True


async def embed_all(settings: Settings) -> bool:
    """Give all passages their vectors; return False if that failed.

    Raises:
        SettingsError: no model is set, or it cannot be used.
    """
    if settings.embeddings_model is None and settings.embeddings_url is None:
        raise SettingsError(["MOONTHREAD_EMBEDDINGS_MODEL: is not set; words alone are compared"])
    async with open_database(settings, create=True) as database:
        return await embed_pending(settings, database)
