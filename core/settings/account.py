"""Settings of the Kimi accounts: rate limits, fair shares and fallback providers."""

from pydantic import BaseModel

from core.settings.declare import setting
from core.settings.shapes import ApiKey, FairShareWeights, KimiBaseUrl, ModelName

_SAME_AS_FIRST = "as the first one"


class AccountFields(BaseModel):
    """Fields of :class:`core.settings.Settings`: group Account."""

    kimi_tier: int | None = setting(
        "KIMI_TIER",
        "Account",
        "The tier of your Kimi account, 0 to 5: its limits are respected from the start. "
        "Unset, each limit is learnt from Kimi's first refusal.",
        ge=0,
        le=5,
    )
    kimi_concurrency: int | None = setting(
        "KIMI_CONCURRENCY", "Account", "Requests at once, if not the tier's.", ge=1
    )
    kimi_rpm: int | None = setting("KIMI_RPM", "Account", "Requests a minute, if not the tier's.", ge=1)
    kimi_tpm: int | None = setting("KIMI_TPM", "Account", "Tokens a minute, if not the tier's.", ge=1)
    kimi_tpd: int | None = setting("KIMI_TPD", "Account", "Tokens a day, if not the tier's.", ge=1)
    fair_share_weights: FairShareWeights = setting(
        "MOONTHREAD_FAIR_SHARE_WEIGHTS",
        "Account",
        "Chats whose questions get more or less than one share of a busy account: "
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
        "KIMI_BASE_URL_2", "Account", "The address of the second one.", default_text=_SAME_AS_FIRST
    )
    kimi_model_2: ModelName | None = setting(
        "KIMI_MODEL_2", "Account", "The model's name there.", default_text=_SAME_AS_FIRST
    )
    kimi_api_key_3: ApiKey | None = setting(
        "KIMI_API_KEY_3", "Account", "The key of a third one, asked while the first two cannot answer."
    )
    kimi_base_url_3: KimiBaseUrl | None = setting(
        "KIMI_BASE_URL_3", "Account", "The address of the third one.", default_text=_SAME_AS_FIRST
    )
    kimi_model_3: ModelName | None = setting(
        "KIMI_MODEL_3", "Account", "The model's name there.", default_text=_SAME_AS_FIRST
    )
