"""Models that turn texts into vectors: behind an HTTP endpoint, and offline."""

from core.embeddings.endpoint import EmbeddingEndpoint
from core.embeddings.offline_encoder import OfflineEncoder

__all__ = ["EmbeddingEndpoint", "OfflineEncoder"]
