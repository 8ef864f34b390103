"""Second stage: the configured LLM providers behind one gateway, and the model in its wrappers."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from pydantic import SecretStr

from bots.composition.infrastructure import Infrastructure
from bots.composition.settings_mapping import build_masker
from core.domain.errors import SettingsError
from core.files.kimi_file_store import KimiFileStore
from core.files.media_inliner import MediaInliner
from core.kimi import (
    KNOWN_MODELS,
    AsyncKimi,
    KimiAuthenticationError,
    KimiError,
    KimiModelUnknown,
    KimiPermissionError,
    Model,
    RetryPolicy,
    Timeouts,
    built_in_models,
    check_model,
)
from core.kimi.models import replacement_for
from core.llm import (
    AccountLimits,
    DatabaseLimiterStore,
    LlmGateway,
    Provider,
    RateLimiter,
    WriteBehindStore,
    account_name,
    build_limits,
)
from core.llm.bounded_model import BoundedModel
from core.llm.clean_model import CleanModel
from core.llm.masking_model import MaskingModel
from core.llm.pseudonymizing_model import PseudonymizingModel
from core.llm.refused_fields import RefusedFieldStore
from core.llm.text_completer import TextCompleter
from core.llm.usage_meter import UsageMeter
from core.ports.chat_model import ChatModel
from core.prompting.model_catalog import ModelCatalog, with_default_context
from core.redaction.masking import Masker
from core.settings import Settings
from core.text.request_tokens import tokens_to_reserve

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderComponents:
    """One provider with its client and the stores of its limiter and its refused fields."""

    provider: Provider
    client: AsyncKimi
    refused_fields: RefusedFieldStore
    limiter_store: WriteBehindStore | DatabaseLimiterStore


@dataclass(frozen=True, slots=True, kw_only=True)
class LlmComponents:
    """Every configured provider behind one gateway, and the parts built on it."""

    providers: Sequence[ProviderComponents]  #: in the order of preference; at least one
    gateway: LlmGateway
    masker: Masker
    model: ChatModel  #: the gateway without personal data: ids pseudonymized, secrets masked
    completer: TextCompleter  #: asks ``model`` for texts that nobody watches grow
    usage_meter: UsageMeter
    catalog: ModelCatalog

    @property
    def primary_client(self) -> AsyncKimi:
        """Client of the first provider, for calls outside the rate limiter's queue."""
        return self.providers[0].client

    async def recall_refused_fields(self) -> None:
        """Let each client leave out the fields that its host refused before the last restart."""
        for one in self.providers:
            one.client.recall_refused_fields(await one.refused_fields.load())

    async def close(self) -> None:
        """Stop refreshing the model list, release held permits, then close the connections."""
        await self.catalog.close()
        await self.gateway.close()
        await asyncio.gather(*(one.refused_fields.close() for one in self.providers))
        stores = [one.limiter_store for one in self.providers]
        await asyncio.gather(*(store.close() for store in stores if isinstance(store, WriteBehindStore)))
        await asyncio.gather(*(one.client.aclose() for one in self.providers))


def build_llm(base: Infrastructure) -> LlmComponents:
    """Build the providers, the gateway and the model; nothing is connected yet."""
    settings = base.settings
    providers = [
        _build_provider(base, name, key, url, model, limits)
        for name, key, url, model, limits in _provider_settings(settings)
    ]
    gateway = LlmGateway(
        [one.provider for one in providers],
        base.clock,
        count_tokens=tokens_to_reserve,
        retry_deadline_s=settings.kimi_retry_deadline_s,
        inline_media=MediaInliner(base.database),
        observer=base.observer,
    )
    masker = build_masker(settings)
    bounded = BoundedModel(gateway)
    pseudonymizing = PseudonymizingModel(MaskingModel(bounded, masker) if masker else bounded, base.database)
    model = CleanModel(pseudonymizing)
    usage_meter = UsageMeter(base.prices, base.clock)
    return LlmComponents(
        providers=providers,
        gateway=gateway,
        masker=masker,
        model=model,
        completer=TextCompleter(model, base.database, base.clock, usage_meter),
        usage_meter=usage_meter,
        catalog=ModelCatalog(
            providers[0].client.models,
            base.clock,
            fallback=built_in_models(settings.kimi_base_url),
            refused_fields=providers[0].client.omitted_fields,
        ),
    )


def build_file_stores(base: Infrastructure, llm: LlmComponents) -> Sequence[KimiFileStore]:
    """Return the file store of each provider's account, in the order of preference."""
    return [
        KimiFileStore(base.database, one.client.files, base.clock, account=one.provider.account)
        for one in llm.providers
    ]


async def resolve_model(catalog: ModelCatalog, model_id: str) -> Model:
    """Return the model that answers.

    A provider that cannot be reached now does not stop the start: questions wait for it.

    Raises:
        SettingsError: the key is refused, or the model is retired or unknown.
    """
    served: Sequence[Model] = ()
    try:
        served = await catalog.refresh()
    except (KimiAuthenticationError, KimiPermissionError) as exc:
        raise SettingsError([f"KIMI_API_KEY: {exc}; 'moonthread check' tells more"]) from exc
    except KimiError as exc:
        log.warning("kimi.unreachable", code=exc.code, error=str(exc))
    try:
        check_model(model_id, served)
    except KimiModelUnknown as exc:
        instead = replacement_for(model_id, served)
        advice = f"; set KIMI_MODEL={instead}" if instead else ""
        raise SettingsError([f"KIMI_MODEL: {exc}{advice}"]) from exc
    listed = {model.id: model for model in served}.get(model_id) or KNOWN_MODELS.get(model_id)
    if listed is not None and listed.retirement is not None:
        log.warning(
            "kimi.model_retires",
            model=model_id,
            on=str(listed.retirement.on or "unknown"),
            advice=f"set KIMI_MODEL={replacement_for(model_id, served)}",
        )
    return with_default_context(listed or Model(id=model_id, context_tokens=0))


def _provider_settings(
    settings: Settings,
) -> Sequence[tuple[str, SecretStr | None, str, str | None, AccountLimits]]:
    """Return name, key, base URL, model and limits of each configured provider, the first one first."""
    limits = build_limits(
        settings.kimi_tier,
        concurrency=settings.kimi_concurrency,
        rpm=settings.kimi_rpm,
        tpm=settings.kimi_tpm,
        tpd=settings.kimi_tpd,
    )
    further = (
        ("kimi-2", settings.kimi_api_key_2, settings.kimi_base_url_2, settings.kimi_model_2),
        ("kimi-3", settings.kimi_api_key_3, settings.kimi_base_url_3, settings.kimi_model_3),
    )
    return [
        ("kimi", settings.kimi_api_key, settings.kimi_base_url, None, limits),
        *(
            (name, key, url or settings.kimi_base_url, model, AccountLimits())
            for name, key, url, model in further
            if key is not None
        ),
    ]


def _build_provider(
    base: Infrastructure,
    name: str,
    api_key: SecretStr | None,
    base_url: str,
    model: str | None,
    limits: AccountLimits,
) -> ProviderComponents:
    settings, secret = base.settings, api_key.get_secret_value() if api_key is not None else ""
    account = account_name(base_url, secret)
    refused_fields = RefusedFieldStore(base.database, account)
    client = AsyncKimi(
        api_key=secret,
        base_url=base_url,
        clock=base.clock,
        timeouts=Timeouts(
            connect_s=settings.kimi_timeout_connect_s,
            first_byte_s=settings.kimi_timeout_first_byte_s,
            idle_s=settings.kimi_timeout_idle_s,
        ),
        omit=settings.kimi_omit,
        on_fields_refused=refused_fields.save_later,
        retry=RetryPolicy(max_attempts=1),  # the gateway retries, with a new permit for each attempt
    )
    store = (WriteBehindStore if base.single_replica else DatabaseLimiterStore)(base.database, account)
    limiter = RateLimiter(store, limits, base.clock, name=name, single_replica=base.single_replica)
    return ProviderComponents(
        provider=Provider(
            name=name, open_stream=client.stream, rate_limiter=limiter, model=model, account=account
        ),
        client=client,
        refused_fields=refused_fields,
        limiter_store=store,
    )
