"""Words of the console for stored values: outcomes of turns, states of components, audited actions."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from core.domain.turn_states import FAILURE_PREFIX
from core.text.language import Language

OUTCOMES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "complete": ("complete", "完整"),
        "length": ("cut at the length limit", "达到长度上限"),
        "empty": ("empty answer", "空回答"),
        "stopped": ("stopped", "已停止"),
        "interrupted": ("interrupted by a newer message", "被新消息打断"),
        "question_too_long": ("question too long", "问题过长"),
        "files_unreadable": ("files unreadable", "文件无法读取"),
        "no_knowledge": ("nothing known", "没有相关知识"),
        "person_wanted": ("asked for a person", "要求人工"),
        "canned": ("ready answer", "常用答案"),
        "approval": ("waits for an approval", "等待批准"),
        "notice": ("notice of the bot's own", "机器人自己的提示"),
        "channel_closed": ("the place was closed", "聊天已关闭"),
        "undelivered": ("could not be shown", "无法送达"),
        "running": ("being written", "正在生成"),
        "answered": ("being shown", "正在送达"),
        "done": ("done", "已结束"),
        "failed": ("failed: any error of Kimi", "失败：Kimi 的任何错误"),
        "failed:authentication": ("failed: the key was refused", "失败：密钥被拒绝"),
        "failed:permission": ("failed: not permitted", "失败：没有权限"),
        "failed:model_unknown": ("failed: unknown model", "失败：模型不存在"),
        "failed:invalid_request": ("failed: request refused", "失败：请求被拒绝"),
        "failed:endpoint_missing": ("failed: wrong address", "失败：地址不对"),
        "failed:file_missing": ("failed: file gone", "失败：文件不存在"),
        "failed:file_refused": ("failed: file refused", "失败：文件被拒绝"),
        "failed:context_too_long": ("failed: too long for the model", "失败：超出模型长度"),
        "failed:content_filtered": ("failed: refused by the content filter", "失败：被内容审核拒绝"),
        "failed:quota_exhausted": ("failed: account used up", "失败：账户额度用尽"),
        "failed:rate_limited": ("failed: rate limit", "失败：触发限流"),
        "failed:overloaded": ("failed: Kimi was overloaded", "失败：Kimi 过载"),
        "failed:unavailable": ("failed: Kimi was unavailable", "失败：Kimi 不可用"),
        "failed:unreadable_reply": ("failed: unreadable reply", "失败：回复无法解析"),
        "failed:stream_interrupted": ("failed: the reply broke off", "失败：回复中断"),
        "failed:timeout": ("failed: timeout", "失败：超时"),
    }
)
"""How a turn ended or in which state it is, by the stored form."""

STATES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "ok": ("ok", "正常"),
        "standby": ("standby", "待命"),
        "starting": ("starting", "正在启动"),
        "stopping": ("stopping", "正在停止"),
        "unreachable": ("unreachable", "无法连接"),
        "unconnected": ("unconnected", "未连接"),
        "waiting": ("waiting", "等待中"),
    }
)
"""States of a replica's components."""

ACTIONS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "conversation.read": ("read a conversation", "查看对话"),
        "conversations.search": ("searched conversations", "搜索对话"),
        "conversation.stop": ("stopped an answer", "停止回答"),
        "conversation.retry": ("had a question answered again", "重新回答"),
        "conversation.take": ("took a conversation over", "接管对话"),
        "conversation.back": ("returned a conversation to the bot", "交还机器人"),
        "conversation.close": ("closed a conversation", "结束对话"),
        "conversation.answer": ("answered as a member of the team", "以客服身份回复"),
        "gap.also": ("added a wording to a passage", "为段落添加问法"),
        "gap.canned": ("made a ready answer of a gap", "把缺口设为常用答案"),
        "gap.passage": ("made a passage of a gap", "把缺口设为段落"),
        "gaps.read": ("read the gaps", "查看缺口"),
        "knowledge.add": ("added or replaced a file", "添加或替换文件"),
        "knowledge.remove": ("removed a file", "删除文件"),
        "person.block": ("blocked a person", "屏蔽用户"),
        "person.unblock": ("unblocked a person", "取消屏蔽"),
        "person.forget": ("deleted a person's data", "删除用户数据"),
        "persona.save": ("saved a persona", "保存人设"),
        "persona.remove": ("removed a persona", "删除人设"),
        "rules.save": ("saved the rules of a chat", "保存群规则"),
        "rules.drop": ("removed the rules of a chat", "移除群规则"),
        "sessions.end": ("signed somebody out", "强制退出"),
    }
)
"""Actions in the audit log."""

ORIGINS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {"default": ("default", "默认"), "environment": ("environment", "环境变量")}
)
"""Where the value of a setting comes from; else it is the name of a file."""

_BY_KIND: Final = MappingProxyType(
    {"outcome": OUTCOMES, "state": STATES, "action": ACTIONS, "origin": ORIGINS}
)


def words_for(value: object, kind: str, language: Language) -> str:
    """Return the words of a stored value; the value itself if it has none.

    ``kind`` is "outcome", "state", "action" or "origin".
    """
    stored = str(value)
    english, chinese = _BY_KIND[kind].get(stored, (stored, stored.replace(FAILURE_PREFIX, "失败：")))
    return chinese if language == "zh" else english
