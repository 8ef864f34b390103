"""Builds requests and clients of Kimi from settings."""

from core.domain.errors import SettingsError
from core.kimi import AsyncKimi, ChatRequest, Message, RetryPolicy, Timeouts
from core.settings import Settings


def open_kimi(
    settings: Settings, *, base_url: str | None = None, retry: RetryPolicy | None = None
) -> AsyncKimi:
    """Build a client with the configured key; ``base_url`` and ``retry`` override the settings.

    Raises:
        SettingsError: no key is configured.
    """
    if settings.kimi_api_key is None:
        raise SettingsError(["KIMI_API_KEY: is not set"])
    return AsyncKimi(
        api_key=settings.kimi_api_key.get_secret_value(),
        base_url=base_url or settings.kimi_base_url,
        retry=retry,
        omit=settings.kimi_omit,
        timeouts=Timeouts(
            connect_s=settings.kimi_timeout_connect_s,
            first_byte_s=settings.kimi_timeout_first_byte_s,
            idle_s=settings.kimi_timeout_idle_s,
        ),
    )


def build_request(
    settings: Settings,
    *messages: Message,
    system: str | None = None,
    model: str | None = None,
    think: bool | None = None,
) -> ChatRequest:
    """Build a request of ``messages``; ``system``, ``model`` and ``think`` override the settings."""
    prompt = system or settings.kimi_system_prompt
    thinking = None if settings.kimi_thinking is None else settings.kimi_thinking == "on"
    sampling = {"temperature": settings.kimi_temperature, "top_p": settings.kimi_top_p}
    return ChatRequest(
        messages=(*([Message(role="system", content=prompt)] if prompt else ()), *messages),
        model=model or settings.kimi_model,
        max_completion_tokens=settings.reply_tokens,
        thinking=thinking if think is None else think,
        sampling={name: value for name, value in sampling.items() if value is not None},
    )
