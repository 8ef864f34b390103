"""Texts about a question's files, what else of it could not be read, and its age, in Chinese and English."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

from core.domain.file_states import FileFault
from core.domain.message_content import UnsupportedContent
from core.files.prompt_files import PartialFile
from core.files.reader import FileProblem
from core.kimi import Message
from core.prompting.prepared_request import PreparedRequest
from core.text.language import Language, pick
from core.text.notices import Notice

MAX_NAMES = 3  #: file names in one sentence
_UNREAD_FILES: Final = (
    "Files of the following question were not read. Below your answer the person is told in their language: "
    '"{told}" Answer what their words ask; do not guess what is in those files.'
)

FAULT_TEXTS: Mapping[FileFault, tuple[str, str]] = {
    FileFault.DAILY_LIMIT: (
        "{name} 没有读：你今天发的文件已经到上限了，请明天再发。",
        "I did not read {name}: you have reached today's limit of files. Please send it again tomorrow.",
    ),
    FileFault.EMPTY: (
        "{name} 是空的，里面没有内容可读。",
        "{name} is empty: there is nothing in it to read.",
    ),
    FileFault.TOO_LARGE: (
        "{name} 太大了（Telegram 上最大 20 MB），请只发需要的部分。",
        "{name} is too large (on Telegram, 20 MB at most). Please send only the part that matters.",
    ),
    FileFault.UNSUPPORTED: (
        "{name} 的格式我读不了，请转成 PDF、Word 或文本再发。",
        "I cannot read files like {name}. Please send it as PDF, Word or plain text.",
    ),
    FileFault.MISLABELLED: (
        "{name} 的内容和它的扩展名不符，请确认后重新发送。",
        "{name} is not what its name says. Please check it and send it again.",
    ),
    FileFault.ENCRYPTED: (
        "{name} 有密码保护，请去掉密码后再发。",
        "{name} is protected by a password. Please send it without one.",
    ),
    FileFault.CORRUPT: (
        "{name} 似乎已损坏，打不开，请重新导出后再发。",
        "{name} seems to be damaged and cannot be opened. Please export it anew and send it again.",
    ),
    FileFault.NO_TEXT: (
        "{name} 里没有可以提取的文字，可能是扫描件；可以把页面截图发给我。",
        "There is no text in {name}; it may be a scan. You can send me its pages as pictures.",
    ),
    FileFault.GONE: (
        "{name} 已经无法下载，请重新发送。",
        "{name} can no longer be fetched. Please send it again.",
    ),
    FileFault.FORBIDDEN: (
        "我没有权限下载 {name}，请管理员为应用加上 `files:read` 权限，然后用 `/retry` 再试。",
        "I may not fetch {name} until whoever runs me grants `files:read`. Then `/retry` tries again.",
    ),
    FileFault.EXTERNAL: (
        "{name} 存放在别的网站上，我打不开，请直接上传文件。",
        "{name} is kept on another site that I cannot open. Please upload the file itself.",
    ),
    FileFault.UNREACHABLE: (
        "暂时读不到 {name}，请稍后用 `/retry` 再试。",
        "{name} could not be read right now. Please try `/retry` in a moment.",
    ),
    FileFault.PROVIDER_UNSUPPORTED: (
        "现在的 Kimi 服务商不能读取 {name} 这类文件，请发送纯文本。",
        "The Kimi provider in use cannot read files like {name}. Please send plain text.",
    ),
    FileFault.NO_VISION: (
        "当前模型看不了图片（{name}），可以用 `/model` 换一个能看图片的模型。",
        "This model cannot look at pictures ({name}). `/model` shows which ones can.",
    ),
    FileFault.NO_VIDEO: (
        "当前模型看不了视频（{name}），可以用 `/model` 换一个能看视频的模型。",
        "This model cannot watch videos ({name}). `/model` shows which ones can.",
    ),
    FileFault.TOO_COMPLEX: (
        "{name} 的结构太复杂，我读不完，请只发需要的部分，或者存成纯文本再发。",
        "{name} takes too long to read. Please send only the part that matters, or save it as plain text.",
    ),
    FileFault.GAVE_UP: (
        "{name} 读了两次都中断了，我不再重试，请换一种格式再发。",
        "Reading {name} broke off twice, so I will not try again. Please send it in another format.",
    ),
    FileFault.NOT_HEARD: (
        "我在 {name} 里没有听到话。",
        "I could not make out any words in {name}.",
    ),
    FileFault.TOO_LONG: (
        "{name} 太长了，我听不完，请分成几段短一些的再发。",
        "{name} is too long for me to listen to. Please send it in shorter parts.",
    ),
    FileFault.HEARING_LIMIT: (
        "{name} 我没有听：你今天的录音时长已经用完了。请打字告诉我，或者明天再发。",
        "I did not listen to {name}: your minutes for today are used up. Please write, or try tomorrow.",
    ),
    FileFault.REFUSED: (
        "Kimi 的服务器没有接受 {name}，请换一种格式再发，例如 PNG 或 JPEG。",
        "Kimi's server refused {name}. Please send it in another format, such as PNG or JPEG.",
    ),
    FileFault.UNKNOWN_REFERENCE: (
        "没有找到你发过的文件 {name}，用 `/files` 可以查看这里的文件。",
        "I know no file of yours called {name}. `/files` lists those of this conversation.",
    ),
}


def reading_files_text(names: Sequence[str], language: Language) -> str:
    """Return the text to show while files are read."""
    listed = pick(language, zh="、", en=", ").join(names[:MAX_NAMES])
    if len(names) > MAX_NAMES:
        count = len(names)
        return pick(
            language, zh=f"正在读取 {count} 个文件：{listed}……", en=f"Reading {count} files: {listed}…"
        )
    return pick(language, zh=f"正在读取 {listed}……", en=f"Reading {listed}…")


def file_problems_text(problems: Sequence[FileProblem], language: Language) -> str:
    """Return one sentence for each kind of problem."""
    by_fault: dict[FileFault, list[str]] = {}
    for problem in problems:
        by_fault.setdefault(problem.fault, []).append(problem.name)
    joined = pick(language, zh="、", en=", ")
    sentences = [
        pick(language, zh=FAULT_TEXTS[fault][0], en=FAULT_TEXTS[fault][1]).format(name=joined.join(names))
        for fault, names in by_fault.items()
    ]
    return pick(language, zh="", en=" ").join(sentences)


def with_unread_files(prepared: PreparedRequest, problems: Sequence[FileProblem]) -> PreparedRequest:
    """Return a request that says, right before the question, which of its files could not be read and why.

    Names of files are other people's words: the note has not the system's voice.
    """
    if not problems:
        return prepared
    note = Message(role="user", content=_UNREAD_FILES.format(told=file_problems_text(problems, "en")))
    return prepared.with_message_before_question(note)


def partial_files_text(partial_files: Sequence[PartialFile], language: Language) -> str:
    """Return the note that names the files of which Kimi read only a part; "" if there are none."""
    notes = []
    for one in partial_files:
        if one.shown_pieces == 0:
            notes.append(
                pick(
                    language,
                    zh=f"{one.name} 太长，这次没能放进上下文。",
                    en=f"There was no room for {one.name} this time.",
                )
            )
            continue
        share = f"{max(1, round(100 * one.shown_pieces / one.total_pieces))}%"
        notes.append(
            pick(
                language,
                zh=f"{one.name} 太长，我只读了与问题最相关的部分（约 {share}）。",
                en=f"{one.name} is too long: I read the parts that fit the question best (about {share}).",
            )
        )
    return pick(language, zh="", en=" ").join(notes)


def unread_text(unread: Sequence[UnsupportedContent], language: Language) -> str:
    """Return what stands below an answer if a part of the message could not be read; "" if nothing does."""
    if UnsupportedContent.VOICE in unread:
        return Notice.VOICE_NOT_HEARD.text(language)
    if UnsupportedContent.OTHER in unread:
        return Notice.PART_NOT_READ.text(language)
    return ""


def late_answer_text(age: timedelta, language: Language) -> str:
    """Return how old the message is that an answer is for, in whole hours or minutes."""
    minutes = max(1, int(age.total_seconds() // 60))
    if minutes < 120:
        return pick(
            language,
            zh=f"（这是对 {minutes} 分钟前那条消息的回答，之前我没能收到。）",
            en=f"(This answers your message of {minutes} minutes ago, which reached me only now.)",
        )
    hours = minutes // 60
    return pick(
        language,
        zh=f"（这是对 {hours} 小时前那条消息的回答，之前我没能收到。）",
        en=f"(This answers your message of {hours} hours ago, which reached me only now.)",
    )
