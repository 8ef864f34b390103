"""The checks of ``moonthread check`` for Kimi: URL, key, model and balance."""

import contextlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Final
from urllib.parse import urlsplit

from bots.check_result import CheckResult
from bots.cli.kimi_advice import advice_for
from bots.cli.question import build_request, open_kimi
from bots.cli.terminal import terminal_language
from core.kimi import (
    KNOWN_MODELS,
    KimiAuthenticationError,
    KimiEndpointMissing,
    KimiError,
    KimiModelUnknown,
    Message,
    Model,
    RetryPolicy,
    built_in_models,
    check_model,
)
from core.kimi.model_retirement import find_successor
from core.kimi.models import replacement_for
from core.settings import Settings

REGIONS: Final[Mapping[str, str]] = {
    "https://api.moonshot.cn/v1": "Moonshot's platform in China",
    "https://api.moonshot.ai/v1": "Moonshot's international platform",
}
"""Base URLs whose keys people mix up: an account of one is unknown to the other."""

PROBE_TOKENS: Final = 16
THINKING_SWITCHED: Final = frozenset(
    one.id for one in KNOWN_MODELS.values() if one.thinking_control == "switch"
)

_RETRY: Final = RetryPolicy(max_attempts=2, total_wait_s=10.0)


async def run_checks(settings: Settings, *, regions: Mapping[str, str] = REGIONS) -> list[CheckResult]:
    """Check the key by listing the models, which costs nothing; then the model and the balance."""
    host = urlsplit(settings.kimi_base_url).hostname
    try:
        models = await _list_models(settings, settings.kimi_base_url)
    except KimiAuthenticationError:
        return [await _explain_refused_key(settings, regions)]
    except KimiEndpointMissing:
        return _without_model_list(settings, str(host))
    except KimiError as error:
        return [CheckResult("fault", f"Kimi: {error}", advice_for(error, terminal_language()))]
    results = [CheckResult("ok", f"Kimi: {host} takes the key"), _check_model(settings, models)]
    if settings.kimi_base_url not in regions and results[-1].level == "ok":
        results += await _check_fields(settings, str(host))
    if settings.kimi_omit:
        fields = ", ".join(settings.kimi_omit)
        results.append(CheckResult("ok", f"Kimi: {fields} are left out of requests (KIMI_OMIT)"))
    return [*results, await _check_balance(settings, str(host))]


async def _list_models(settings: Settings, base_url: str) -> tuple[Model, ...]:
    async with open_kimi(settings, base_url=base_url, retry=_RETRY) as kimi:
        return await kimi.models()


async def _check_fields(settings: Settings, host: str) -> list[CheckResult]:
    """Ask a host that is not Moonshot's one question of a few tokens; name the fields that it refuses.

    The request has every optional field; those that the host refuses are left out one after the other.
    """
    request = replace(
        build_request(settings, Message(role="user", content="Hi"), system=""),
        max_completion_tokens=PROBE_TOKENS,
        thinking=True if settings.kimi_model in THINKING_SWITCHED else None,
        prompt_cache_key="check",
        safety_identifier="check",
    )
    try:
        async with open_kimi(settings, retry=_RETRY) as kimi:
            async with contextlib.aclosing(kimi.stream(request)) as events:
                async for _ in events:
                    pass
            refused = sorted(kimi.omitted_fields(request.model) - set(settings.kimi_omit))
    except KimiError as error:
        is_unknown = isinstance(error, KimiModelUnknown)
        successor = find_successor(str(error), refused=settings.kimi_model) if is_unknown else ""
        advice = f"Set KIMI_MODEL={successor}" if successor else error.notice("en")
        return [CheckResult("fault", f"Kimi: {host} does not answer a short question: {error}", advice)]
    answers = CheckResult("ok", f"Kimi: {host} answers a short question")
    if not refused:
        return [answers]
    what = f"Kimi: {host} does not take {', '.join(refused)}"
    effect = " /think has no effect there." if {"thinking", "reasoning_effort"} & set(refused) else ""
    omit = ",".join([*settings.kimi_omit, *refused])
    return [
        answers,
        CheckResult(
            "warning",
            what,
            f"The service leaves it out by itself; KIMI_OMIT={omit} spares a refused request.{effect}",
        ),
    ]


async def _check_balance(settings: Settings, host: str) -> CheckResult:
    """Check that the account has a balance; see https://platform.kimi.ai/docs/api/balance."""
    try:
        async with open_kimi(settings, retry=_RETRY) as kimi:
            balance = await kimi.request_json("GET", "/users/me/balance")
    except KimiEndpointMissing:
        return CheckResult("ok", f"Kimi: {host} does not tell the account's balance")
    except KimiError as error:
        return CheckResult("warning", f"Kimi: the balance cannot be read ({error})")
    match balance:
        case {"data": {"available_balance": int() | float() as left}}:
            if left > 0:
                return CheckResult("ok", f"Kimi: {left:,.2f} left on the account")
            return CheckResult("fault", f"Kimi: nothing is left on the account ({left:,.2f})", "Top it up.")
        case _:
            return CheckResult("warning", f"Kimi: {host} tells the balance in a form that is not known")


async def find_region(settings: Settings, *, regions: Mapping[str, str] = REGIONS) -> str:
    """Return the base URL of another region that accepts the key; "" if none does.

    Only the regions' own addresses are tried: a key of another provider is shown to nobody else.
    """
    if settings.kimi_base_url in regions:
        for base_url in regions:
            if base_url != settings.kimi_base_url and await _accepts_key(settings, base_url):
                return base_url
    return ""


async def _explain_refused_key(settings: Settings, regions: Mapping[str, str]) -> CheckResult:
    """Return the region that accepts the key, if one does."""
    what = f"Kimi: {urlsplit(settings.kimi_base_url).hostname} refuses the key"
    if settings.kimi_base_url not in regions:
        return CheckResult("fault", what, "Copy KIMI_API_KEY anew from that provider's console.")
    if base_url := await find_region(settings, regions=regions):
        return CheckResult(
            "fault", f"{what}: it belongs to {regions[base_url]}", f"Set KIMI_BASE_URL={base_url}"
        )
    advice = (
        "Copy KIMI_API_KEY anew from platform.kimi.com or platform.kimi.ai; keys of Kimi Code are others."
    )
    return CheckResult("fault", f"{what}, and so does the other region", advice)


async def _accepts_key(settings: Settings, base_url: str) -> bool:
    try:
        await _list_models(settings, base_url)
    except KimiError:
        return False
    return True


def _without_model_list(settings: Settings, host: str) -> list[CheckResult]:
    """Return the results for a provider without a list of models, which cannot confirm the key."""
    unknown = CheckResult(
        "warning",
        f"Kimi: {host} has no list of models, so the key was not tried",
        'Try it with: moonthread ask "hello"',
    )
    known = built_in_models(settings.kimi_base_url)
    return [unknown, _check_model(settings, known)] if known else [unknown]


def _check_model(settings: Settings, models: tuple[Model, ...]) -> CheckResult:
    try:
        check_model(settings.kimi_model, models)
    except KimiModelUnknown as error:
        instead = replacement_for(settings.kimi_model, models)
        advice = f"Set KIMI_MODEL={instead}" if instead else "Set KIMI_MODEL to one of them."
        return CheckResult("fault", f"Kimi: {error}", advice)
    model = next((model for model in models if model.id == settings.kimi_model), None)
    room = f", {model.context_tokens:,} tokens of context" if model and model.context_tokens else ""
    others = ", ".join(sorted(other.id for other in models if other is not model))
    if model is not None and model.retirement is not None:
        when = f" on {model.retirement.on}" if model.retirement.on else ""
        instead = replacement_for(model.id, models)
        advice = f"Set KIMI_MODEL={instead}" if instead else f"Set KIMI_MODEL to one of: {others}"
        return CheckResult("warning", f"Kimi: the provider retires {model.id}{when}", advice)
    return CheckResult(
        "ok", f"Kimi: {settings.kimi_model} is there{room}" + (f"; others: {others}" if others else "")
    )
