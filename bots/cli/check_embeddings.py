"""The check of ``moonthread check`` for the model that compares meanings."""

from urllib.parse import urlsplit

from bots.check_result import CheckResult
from bots.composition.embedding_wiring import build_embedder
from core.domain.clock import SystemClock
from core.ports.embedder import EmbeddingFailed
from core.settings import Settings

_SAMPLE = ("Where is my order?", "我的订单在哪里？")


async def run_checks(settings: Settings) -> list[CheckResult]:
    """Ask the model for the vectors of two short texts.

    Raises:
        SettingsError: the settings do not fit together, or the extra is not installed.
    """
    embedder = build_embedder(settings, SystemClock())
    if embedder is None:
        return []
    place = f" at {urlsplit(settings.embeddings_url).hostname}" if settings.embeddings_url else ""
    name = f"Embeddings: {embedder.model}{place}"
    try:
        vectors = await embedder.embed(_SAMPLE, is_question=True)
    except EmbeddingFailed as error:
        advice = "Check MOONTHREAD_EMBEDDINGS_URL, _MODEL and _KEY; words alone are compared meanwhile."
        return [CheckResult("warning", f"{name} gives no vectors: {error}", advice)]
    finally:
        await embedder.close()
    return [CheckResult("ok", f"{name} gives vectors of {vectors.shape[1]} dimensions")]
