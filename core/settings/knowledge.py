"""Settings of the search in documents."""

from pydantic import BaseModel

from core.settings.declare import setting
from core.settings.shapes import ApiKey, WebAddress

OFFLINE_MODEL = "offline"  #: value of MOONTHREAD_EMBEDDINGS_MODEL for the model of the extra


class KnowledgeFields(BaseModel):
    """Fields of :class:`core.settings.Settings`: group Knowledge."""

    embeddings_model: str | None = setting(
        "MOONTHREAD_EMBEDDINGS_MODEL",
        "Knowledge",
        "Compares meanings too: `offline` for the model of the extra `moonthread[embeddings]`, else "
        "the name of a model at `MOONTHREAD_EMBEDDINGS_URL`, such as `BAAI/bge-m3`. Unset: words alone.",
    )
    embeddings_url: WebAddress | None = setting(
        "MOONTHREAD_EMBEDDINGS_URL",
        "Knowledge",
        "An OpenAI-compatible API that has `/embeddings`, such as `https://api.siliconflow.cn/v1`, "
        "`https://dashscope.aliyuncs.com/compatible-mode/v1` or `http://localhost:11434/v1` (Ollama). It "
        "reads your documents and each question.",
    )
    embeddings_key: ApiKey | None = setting(
        "MOONTHREAD_EMBEDDINGS_KEY", "Knowledge", "The key of that API; unset if it needs none."
    )
