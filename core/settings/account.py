"""Settings of the Kimi accounts: their limits, and who stands in for the first one."""

from pydantic import BaseModel

from core.settings.declare import setting
from core.settings.shapes import ApiKey, FairShareWeights, KimiBaseUrl, ModelName

_SAME_AS_FIRST = "as the first one"


class AccountFields(BaseModel):
    """A part of :class:`core.settings.Settings`."""

    kimi_tier: int | None = setting(
        "KIMI_TIER",
        "Account",
        "The tier of your Kimi account, 0 to 5: its limits are kept from the start. "
        "Unset, each limit is learnt from Kimi's first refusal.",
        ge=0,
        le=5,
    )
    kimi_concurrency: int | None = setting(
        "KIMI_CONCURRENCY", "Account", "Requests at once, where it differs from the tier's.", ge=1
    )
    kimi_rpm: int | None = setting(
        "KIMI_RPM", "Account", "Requests a minute, where it differs from the tier's.", ge=1
    )
    kimi_tpm: int | None = setting(
        "KIMI_TPM", "Account", "Tokens a minute, where it differs from the tier's.", ge=1
    )
    kimi_tpd: int | None = setting(
        "KIMI_TPD", "Account", "Tokens a day, where it differs from the tier's.", ge=1
    )
    weights: FairShareWeights = setting(
        "MOONTHREAD_WEIGHTS",
        "Account",
        "Chats whose questions get more or less than one share while people queue: "
        "`slack:C0123=3, telegram:-1001=0.5`.",
        default={},
    )
    kimi_api_key_2: ApiKey | None = setting(
        "KIMI_API_KEY_2",
        "Account",
        "The key of a second account or provider. New questions go there while the first one is overloaded, "
        "out of quota or cannot be reached.",
    )
    kimi_base_url_2: KimiBaseUrl | None = setting(
        "KIMI_BASE_URL_2", "Account", "Where the second one is reached.", default_text=_SAME_AS_FIRST
    )
    kimi_model_2: ModelName | None = setting(
        "KIMI_MODEL_2", "Account", "What the model is called there.", default_text=_SAME_AS_FIRST
    )
    kimi_api_key_3: ApiKey | None = setting(
        "KIMI_API_KEY_3", "Account", "The key of a third one, asked while the first two cannot answer."
    )
    kimi_base_url_3: KimiBaseUrl | None = setting(
        "KIMI_BASE_URL_3", "Account", "Where the third one is reached.", default_text=_SAME_AS_FIRST
    )
    kimi_model_3: ModelName | None = setting(
        "KIMI_MODEL_3", "Account", "What the model is called there.", default_text=_SAME_AS_FIRST
    )
