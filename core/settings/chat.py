"""Settings of answers: buttons, continuation, tools, and the commands that change them."""

from typing import Annotated, Literal

from pydantic import BaseModel

from core.settings.declare import CASE_INSENSITIVE, OnOff, setting
from core.settings.shapes import PersonIds, ToolNames


class ChatFields(BaseModel):
    """Fields of :class:`core.settings.Settings`: group Answers."""

    buttons: OnOff = setting(
        "MOONTHREAD_BUTTONS", "Answers", "Stop, Retry, 👍 and 👎 under answers: `on` or `off`.", default="on"
    )
    backlog_minutes: int = setting(
        "MOONTHREAD_BACKLOG_MINUTES",
        "Answers",
        "Age up to which a message that arrives late, such as after downtime, is answered like a new one. "
        "Older ones are context in groups and channels; in direct conversations they are answered with a "
        "word about their age. 0: any age.",
        default=60,
        ge=0,
    )
    answer_edits: OnOff = setting(
        "MOONTHREAD_ANSWER_EDITS",
        "Answers",
        "Whether an edit of the latest question is answered again, in the same message.",
        default="on",
    )
    show_thinking: OnOff = setting(
        "MOONTHREAD_SHOW_THINKING",
        "Answers",
        "Whether Kimi's thinking is shown before the answer: a folded quote on Telegram, a line on Slack.",
        default="off",
    )
    continuations: int = setting(
        "MOONTHREAD_CONTINUATIONS",
        "Answers",
        "How often an answer that reaches `MOONTHREAD_REPLY_TOKENS` is continued automatically, "
        "before a Continue button is shown.",
        default=2,
        ge=0,
        le=20,
    )
    resume_attempts: int = setting(
        "MOONTHREAD_RESUME_ATTEMPTS",
        "Answers",
        "How often an answer is resumed from its last word after Kimi's stream broke.",
        default=2,
        ge=0,
        le=20,
    )
    web_search: OnOff = setting(
        "MOONTHREAD_WEB_SEARCH",
        "Answers",
        "Whether Kimi may search the web and read pages; `/search` changes it for one conversation.",
        default="off",
    )
    tools: ToolNames = setting(
        "MOONTHREAD_TOOLS",
        "Answers",
        "Your own tools: Python modules or functions, as `package.module` or `package.module:function`, "
        "with commas between.",
        default=(),
        default_text="none",
    )
    admins: PersonIds = setting(
        "MOONTHREAD_ADMINS",
        "Answers",
        "Your admins, such as `telegram:123, slack:U123`. They may stop and repeat other people's answers in "
        "groups and do what a chat's own admins may, and have no quota.",
        default=(),
        default_text="nobody",
    )
    group_changes: Annotated[Literal["admins", "everyone"], CASE_INSENSITIVE] = setting(
        "MOONTHREAD_GROUP_CHANGES",
        "Answers",
        "Who may use `/model`, `/think` and `/system` in groups: `admins` (yours, and the chat's own) or "
        "`everyone`.",
        default="admins",
    )
