"""Texts of alerts in Chinese and English: what happened, and what to do."""

from typing import assert_never

from core.alerts.conditions import SOME_PEOPLE, Alert, AlertKind
from core.text.language import Language, pick
from core.text.visible_text import terminal_text


def _shown(subject: str) -> str:
    """Return a subject as words of one line: ids are the platforms', and may hold anything."""
    return " ".join(terminal_text(subject).split())


def begin_text(alert: Alert, language: Language) -> str:
    """Return the text that tells an admin of an alert, with what to do."""
    subject = _shown(alert.subject)
    match alert.kind:
        case AlertKind.KIMI_DOWN:
            return pick(
                language,
                zh="⚠️ Kimi 没有响应，提问暂时得不到回答，会自动重试。"
                "请查看 Kimi 的服务状态和网络；恢复后我会告诉你。",
                en="⚠️ Kimi does not answer. Questions wait and are tried again by themselves. Check Kimi's "
                "status page and the network; I will tell you when it is over.",
            )
        case AlertKind.KIMI_BALANCE:
            return pick(
                language,
                zh="⚠️ Kimi 账户余额已用完，提问得不到回答。请在 Moonshot 控制台充值。",
                en="⚠️ The balance of the Kimi account is used up, and questions get no answer. Recharge it "
                "in Moonshot's console.",
            )
        case AlertKind.KIMI_KEY:
            return pick(
                language,
                zh="⚠️ Kimi 拒绝了密钥（KIMI_API_KEY）。请检查或更换密钥，然后重启服务。",
                en="⚠️ Kimi refuses the key (KIMI_API_KEY). Check or replace it, then start the service "
                "again.",
            )
        case AlertKind.PLATFORM_REFUSAL:
            return pick(
                language,
                zh=f"⚠️ {subject} 拒绝了机器人的令牌，那里的消息无法收发。请更换令牌，然后重启服务。",
                en=f"⚠️ {subject} refuses the bot's token, and nothing is received or sent there. "
                "Replace the token, then start the service again.",
            )
        case AlertKind.BUDGET:
            return _budget_text(subject, language)
        case AlertKind.DISK:
            return pick(
                language,
                zh="⚠️ 数据盘快满了，写满后将无法保存消息。请清理或扩容。",
                en="⚠️ The disk of the data folder is nearly full; once it is, no message can be stored. "
                "Free some space or enlarge it.",
            )
        case _:
            assert_never(alert.kind)


def end_text(alert: Alert, language: Language) -> str:
    """Return the text that tells an admin that an alert is over."""
    subject = _shown(alert.subject)
    match alert.kind:
        case AlertKind.KIMI_DOWN:
            return pick(language, zh="✅ Kimi 已恢复回答。", en="✅ Kimi answers again.")
        case AlertKind.KIMI_BALANCE:
            return pick(
                language,
                zh="✅ Kimi 账户可以使用了，提问又能得到回答。",
                en="✅ The Kimi account has a balance again; questions are answered.",
            )
        case AlertKind.KIMI_KEY:
            return pick(language, zh="✅ Kimi 已接受密钥。", en="✅ Kimi accepts the key again.")
        case AlertKind.PLATFORM_REFUSAL:
            return pick(
                language,
                zh=f"✅ {subject} 已接受机器人的令牌。",
                en=f"✅ {subject} accepts the bot's token again.",
            )
        case AlertKind.BUDGET:
            whose, _, setting = subject.rpartition(" ")
            if whose == SOME_PEOPLE:
                return pick(
                    language,
                    zh=f"✅ 所有人又可以提问了（{setting}）。",
                    en=f"✅ Everybody gets answers again ({setting}).",
                )
            return pick(
                language,
                zh=f"✅ {whose} 又可以提问了。",
                en=f"✅ {whose} gets answers again.",
            )
        case AlertKind.DISK:
            return pick(
                language, zh="✅ 数据盘空间又够用了。", en="✅ There is enough room on the disk again."
            )
        case _:
            assert_never(alert.kind)


def _budget_text(subject: str, language: Language) -> str:
    whose, _, setting = subject.rpartition(" ")
    if whose == SOME_PEOPLE:
        return pick(
            language,
            zh=f"⚠️ 有人今天的用量已用完，UTC 零点前得不到回答；控制台的“用量”页列出了他们。"
            f"需要的话请调高 {setting}。",
            en="⚠️ At least one person has used up their budget of the day and gets no answers until midnight "
            f"UTC; the console's page of usage names them. If they should, raise {setting}.",
        )
    is_setting = setting.startswith("MOONTHREAD_")
    rule_zh, rule_en = ("", "") if is_setting else ("该群的规则", "the chat's rule ")
    return pick(
        language,
        zh=f"⚠️ {whose} 今天的用量已用完，UTC 零点前不再回答。需要的话请调高{rule_zh} {setting}。",
        en=f"⚠️ {whose} has used up its budget of the day and gets no answers until midnight UTC. If it "
        f"should, raise {rule_en}{setting}.",
    )
