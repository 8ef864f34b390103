"""Texts of the bot itself, in Chinese and English."""

from collections.abc import Mapping
from enum import Enum

from core.access import RefusalReason
from core.domain.message_content import UnsupportedContent
from core.text.language import Language


class Notice(Enum):
    """One short text, in Chinese and English."""

    HELP = (
        (
            "我是由 Kimi 驱动的助手。在频道或群里 @我提问，在私聊里直接写给我就行；"
            "我记得这个话题里说过的话。\n\n"
            "- `/new` 忘掉这个话题到目前为止的内容\n"
            "- `/stop` 停止正在写的回答\n"
            "- `/retry` 重新回答上一个问题\n"
            "- `/model` 更换回答的模型，`/think` 调节思考\n"
            "- `/system` 设定人设\n"
            "- `/context` 查看对话上下文的用量\n"
            "- `/files` 查看和移除发过的文件\n"
            "- `/learn` 让管理员教我文件，`/canned` 管理常用答案\n"
            "- `/search on|off` 是否上网搜索，`/tools` 可用的工具\n"
            "- `/digest 今天` 总结这个频道或群里说过的话\n"
            "- `/settings` 群管理员设定我何时说话\n"
            "- `/language` 我用中文还是英文对你说话\n"
            "- `/human` 转接人工（如果团队设了服务台）\n"
            "- `/usage` 查看用量，`/forget` 删除你说过的话\n"
            "- `/help` 显示这段说明"
        ),
        (
            "I answer with Kimi. Mention me in a channel or group, or just write to me in a direct message; "
            "I remember what was said in this thread.\n\n"
            "- `/new` forget this thread so far\n"
            "- `/stop` end the running answer\n"
            "- `/retry` answer the last question again\n"
            "- `/model` choose the model that answers, `/think` how hard it thinks\n"
            "- `/system` choose the persona that answers\n"
            "- `/context` see how much of this conversation I am shown\n"
            "- `/files` list and remove what was sent here\n"
            "- `/learn` lets admins teach me a file, `/canned` keeps ready answers\n"
            "- `/search on|off` whether I search the web, `/tools` which tools I may use\n"
            "- `/digest today` sum up what was written in this channel or group\n"
            "- `/settings` lets a group's admins choose when I speak\n"
            "- `/language` whether I speak English or Chinese to you\n"
            "- `/human` a person of the team, where it has a desk\n"
            "- `/usage` what you have used, `/forget` delete what you said\n"
            "- `/help` show this text"
        ),
    )
    START = (
        "你好！我是由 Kimi 驱动的助手，直接提问就可以。发送 `/help` 查看可用的命令。",
        "Hello! I answer with Kimi: just ask. Send `/help` to see what else I understand.",
    )
    NEW = (
        "好的，从头开始：之前的内容我不会再参考。",
        "Done, we start afresh: I no longer use what was said before.",
    )
    NOTHING_RUNNING = ("现在没有正在写的回答。", "There is no answer running right now.")
    NOTHING_TO_RETRY = ("这里还没有可以重新回答的问题。", "There is no question here to answer again yet.")
    CALLING_PERSON = ("好的，我来请团队的人接手。", "Of course, I am calling somebody of the team.")
    STOPPED = ("（已停止）", "(stopped)")
    LENGTH_LIMIT = (
        "（回答达到了长度上限。）",
        "(The answer reached its length limit.)",
    )
    MEDIA_REFUSED = (
        "Kimi 的服务器没有接受你发来的图片或视频。请换成 JPEG 或 PNG 再发，或者只用文字提问。",
        "Kimi's server refused the picture or video in your message. Please send JPEG or PNG, or only words.",
    )
    REPEATS = (
        "（回答开始不断重复，已停在这里。）",
        "(The answer began to repeat itself and was stopped here.)",
    )
    FILTERED = (
        "（回答被 Kimi 的内容审查中断了。）",
        "(Kimi's content filter cut the answer off here.)",
    )
    ENDED_EARLY = (
        "（Kimi 提前结束了，回答可能不完整。用 `/retry` 可以再试一次。）",
        "(Kimi ended early, so the answer may be incomplete. `/retry` tries again.)",
    )
    THINKING_TOOK_ALL = (
        "Kimi 把全部篇幅都用在了思考上，还没来得及回答。用 `/think low` 让它少想一些再问。",
        "Kimi used all its room for thinking and had none left to answer. `/think low` makes it think less.",
    )
    EMPTY_ANSWER = (
        "Kimi 这次没有给出文字回答，请换个说法或用 `/retry` 再试。",
        "Kimi gave no words this time. Please rephrase, or try again with `/retry`.",
    )
    TOO_LONG = (
        "这条消息太长，超出了模型能读的范围。请分成几段，或只发最相关的部分。",
        "This message is longer than the model can read. Please split it, or send only what matters.",
    )
    FAILED = (
        "我这边出了点问题，这个问题没能回答。请用 `/retry` 再试一次。",
        "Something went wrong on my side and this was not answered. Please try again with `/retry`.",
    )
    PERSON_QUOTA_EXCEEDED = (
        "你今天的额度用完了，北京时间明早 8 点（UTC 零点）起可以继续提问。`/usage` 查看用量。",
        "You have used up your questions of today. It goes on at 00:00 UTC; `/usage` tells more.",
    )
    CHAT_QUOTA_EXCEEDED = (
        "这里今天的额度用完了，北京时间明早 8 点（UTC 零点）起可以继续提问。",
        "What may be asked here in a day is used up. It goes on at 00:00 UTC.",
    )
    TENANT_QUOTA_EXCEEDED = (
        "我今天的额度用完了，北京时间明早 8 点（UTC 零点）起可以继续提问。",
        "What I may use in a day is used up. It goes on at 00:00 UTC.",
    )
    FLOOD = (
        "消息来得太快，我有点跟不上。请等一分钟再继续；还没有回答到的，到时再发一次就好。",
        "That is more than I can keep up with. Please wait a minute, then ask again what I have missed.",
    )
    DUPLICATE = (
        "这句话我已经收到好几次了。请换个说法，或者过一会儿再发。",
        "I have heard this several times now. Please put it differently, or come back to it later.",
    )
    BLOCKED = (
        "这里的管理员暂停了我对你的回答。如有疑问，请直接联系他们。",
        "The people who run this place have asked me not to answer you. Please turn to them directly.",
    )
    FEEDBACK_THANKS = ("谢谢，已记下你的反馈。", "Thank you, your feedback is noted.")
    NOT_YOURS_TO_DECIDE = (
        "只有提问者或管理员可以决定。",
        "Only the person who asked, or an admin, can decide this.",
    )
    RETRY_HINT = ("用 `/retry` 可以再试一次。", "`/retry` tries again.")
    EMPTY = ("你想问什么？把问题写在消息里就行。", "What would you like to know? Just write your question.")
    STICKER = (
        "贴纸我还看不懂，请用文字告诉我。",
        "I cannot read stickers yet. Please tell me in words.",
    )
    VOICE = (
        "语音我还听不了，请用文字告诉我。",
        "I cannot listen to voice messages yet. Please tell me in words.",
    )
    VOICE_NOT_HEARD = (
        "语音我还听不了，以上只回答了文字部分。",
        "I cannot listen to recordings yet, so this answers the words alone.",
    )
    PART_NOT_READ = (
        "消息里有一部分我还读不了，以上只回答了文字部分。",
        "I could not read a part of the message, so this answers the words alone.",
    )
    OTHER = (
        "这类消息我还读不了，请用文字告诉我。",
        "I cannot read this kind of message yet. Please tell me in words.",
    )

    def text(self, language: Language) -> str:
        """Return the notice as Markdown."""
        chinese, english = self.value
        return chinese if language == "zh" else english


UNSUPPORTED_CONTENT_NOTICES: Mapping[UnsupportedContent, Notice] = {
    UnsupportedContent.EMPTY: Notice.EMPTY,
    UnsupportedContent.STICKER: Notice.STICKER,
    UnsupportedContent.VOICE: Notice.VOICE,
    UnsupportedContent.OTHER: Notice.OTHER,
}

REFUSAL_NOTICES: Mapping[RefusalReason, Notice] = {
    RefusalReason.PERSON_QUOTA: Notice.PERSON_QUOTA_EXCEEDED,
    RefusalReason.CHAT_QUOTA: Notice.CHAT_QUOTA_EXCEEDED,
    RefusalReason.TENANT_QUOTA: Notice.TENANT_QUOTA_EXCEEDED,
    RefusalReason.FLOOD: Notice.FLOOD,
    RefusalReason.DUPLICATE: Notice.DUPLICATE,
    RefusalReason.BLOCKED: Notice.BLOCKED,
}
