"""Sentences about errors of Kimi for the person at a shell, who runs the bot and can mend them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from core.kimi import (
    KimiAuthenticationError,
    KimiEndpointMissing,
    KimiError,
    KimiModelUnknown,
    KimiPermissionError,
    KimiQuotaExhausted,
    KimiUnreadableReply,
    Language,
)

_ADVICE: Final[Mapping[type[KimiError], tuple[str, str]]] = MappingProxyType(
    {
        KimiAuthenticationError: (
            "Kimi refuses KIMI_API_KEY. moonthread check finds out whether it is a key of the other region.",
            "Kimi 拒绝了 KIMI_API_KEY。moonthread check 会判断它是不是另一个站点的密钥。",
        ),
        KimiPermissionError: (
            "The account of KIMI_API_KEY has no permission for this; look at its console.",
            "KIMI_API_KEY 所属的账户没有权限，请到其控制台查看。",
        ),
        KimiModelUnknown: (
            "This account has no such model; moonthread check names those that it has (KIMI_MODEL, --model).",
            "该账户没有这个模型；moonthread check 会列出可用的模型（KIMI_MODEL、--model）。",
        ),
        KimiEndpointMissing: (
            "There is no Kimi at KIMI_BASE_URL; see core/kimi/README.md for the addresses.",
            "KIMI_BASE_URL 的地址上没有 Kimi；可用地址见 core/kimi/README.md。",
        ),
        KimiQuotaExhausted: ("The account has run out of credit: top it up.", "账户余额已用完，请充值。"),
        KimiUnreadableReply: (
            "What answers at KIMI_BASE_URL cannot be read; is it Kimi, or a proxy's page?",
            "KIMI_BASE_URL 返回的内容无法解析：那是 Kimi，还是代理的页面？",
        ),
    }
)


def advice_for(error: KimiError, language: Language) -> str:
    """Return what the operator may do; the sentence that people get if there is nothing to mend."""
    if type(error) not in _ADVICE:
        return error.notice(language)
    english, chinese = _ADVICE[type(error)]
    return chinese if language == "zh" else english
