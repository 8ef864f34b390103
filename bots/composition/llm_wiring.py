"""The Kimi accounts of a deployment: clients, limiters and the model over all of them."""

import asyncio
from collections.abc import Sequence

from pydantic import SecretStr

from core.domain.clock import Clock
from core.files.kimi_file_store import KimiFileStore
from core.files.media_inliner import MediaInliner
from core.kimi import AsyncKimi, RetryPolicy, Timeouts
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
from core.observer import NOOP_OBSERVER, Observer
from core.settings import Settings
from core.store import Database
from core.text.tokens import tokens_to_reserve


class LlmComponents:
    """Every configured provider, the best first, behind one :class:`LlmGateway`."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        clock: Clock,
        *,
        single_replica: bool,
        observer: Observer = NOOP_OBSERVER,
    ) -> None:
        """Connect nothing yet; ``sole`` says that no other replica shares the accounts."""
        self._clients: list[AsyncKimi] = []
        self._account_names: list[str] = []
        self._write_behind_stores: list[WriteBehindStore] = []
        self._settings = settings
        self._database = database
        self._clock = clock
        self._single_replica = single_replica
        first = build_limits(
            settings.kimi_tier,
            concurrency=settings.kimi_concurrency,
            rpm=settings.kimi_rpm,
            tpm=settings.kimi_tpm,
            tpd=settings.kimi_tpd,
        )
        providers = [self._build_provider("kimi", settings.kimi_api_key, settings.kimi_base_url, None, first)]
        further = (
            ("kimi-2", settings.kimi_api_key_2, settings.kimi_base_url_2, settings.kimi_model_2),
            ("kimi-3", settings.kimi_api_key_3, settings.kimi_base_url_3, settings.kimi_model_3),
        )
        for name, key, base_url, model in further:
            if key is not None:
                url = base_url or settings.kimi_base_url
                providers.append(self._build_provider(name, key, url, model, AccountLimits()))
        self.gateway = LlmGateway(
            providers,
            clock,
            count_tokens=tokens_to_reserve,
            retry_deadline_s=settings.kimi_retry_deadline_s,
            inline_media=MediaInliner(database),
            observer=observer,
        )

    def file_stores(self) -> Sequence[KimiFileStore]:
        """Make the shelf of each account's files, the first account's first."""
        return [
            KimiFileStore(self._database, client.files, self._clock, account=name)
            for client, name in zip(self._clients, self._account_names, strict=True)
        ]

    @property
    def primary_client(self) -> AsyncKimi:
        """The first provider's client: for what is asked at the start, outside the line."""
        return self._clients[0]

    async def close(self) -> None:
        """Give back what is held of the accounts, then close the connections."""
        await self.gateway.close()
        await asyncio.gather(*(ledger.close() for ledger in self._write_behind_stores))
        await asyncio.gather(*(client.aclose() for client in self._clients))

    def _build_provider(
        self, name: str, api_key: SecretStr | None, base_url: str, model: str | None, limits: AccountLimits
    ) -> Provider:
        settings, secret = self._settings, api_key.get_secret_value() if api_key is not None else ""
        client = AsyncKimi(
            api_key=secret,
            base_url=base_url,
            clock=self._clock,
            timeouts=Timeouts(
                connect_s=settings.kimi_timeout_connect_s,
                first_byte_s=settings.kimi_timeout_first_byte_s,
                idle_s=settings.kimi_timeout_idle_s,
            ),
            retry=RetryPolicy(max_attempts=1),  # who tries again stands in the line again
        )
        self._clients.append(client)
        account = account_name(base_url, secret)
        self._account_names.append(account)
        ledger: WriteBehindStore | DatabaseLimiterStore
        if self._single_replica:
            ledger = WriteBehindStore(self._database, account)
            self._write_behind_stores.append(ledger)
        else:
            ledger = DatabaseLimiterStore(self._database, account)
        admission = RateLimiter(ledger, limits, self._clock, name=name, single_replica=self._single_replica)
        return Provider(name=name, client=client, rate_limiter=admission, model=model, account=account)
