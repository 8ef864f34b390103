"""``/context``: what Kimi is shown of this conversation, and at what cost."""

from core.commands.command import Command, CommandReply
from core.prompting.prompt_builder import PromptBuilder
from core.prompting.view import PromptView
from core.store import Database, usage
from core.text.language import Language, pick


class ContextCommand:
    """Tells model, room, notes and how much of the prompts Kimi had in its cache."""

    def __init__(self, database: Database, prompt_builder: PromptBuilder) -> None:
        self._database = database
        self._prompt_builder = prompt_builder

    async def __call__(self, command: Command) -> CommandReply:
        """Tell."""
        view = await self._prompt_builder.load_current_view(command.conversation)
        async with self._database.read() as tx:
            asked, cached = await usage.prompt_token_totals(tx, command.conversation.id)
        lines = [*_format_view(view, command.language), _format_cache_share(asked, cached, command.language)]
        text = "\n".join(f"- {line}" for line in lines)
        if view.summary_text:
            quoted = "\n".join(f"> {line}" for line in view.summary_text.splitlines())
            text += f"\n\n{pick(command.language, zh='摘要：', en='The summary:')}\n\n{quoted}"
        return CommandReply(text=text)


def _format_view(view: PromptView, language: Language) -> list[str]:
    terms, summary = view.options, view.summary
    used, room = round(view.untrimmed_tokens), terms.max_prompt_tokens
    level = terms.thinking_level or pick(language, zh="默认", en="default")
    lines = [
        pick(
            language,
            zh=f"模型：`{terms.model.id}`，思考：{level}",
            en=f"Model: `{terms.model.id}`, thinking: {level}",
        ),
        pick(
            language,
            zh=f"下一次提问：约 {used:,} / {room:,} tokens（{used / room:.0%}），"
            f"回答另留 {terms.reply_tokens:,}",
            en=f"The next prompt: about {used:,} of {room:,} tokens ({used / room:.0%}), "
            f"beside {terms.reply_tokens:,} for the answer",
        ),
        pick(
            language,
            zh=f"逐字保留的消息：{len(view.history)}",
            en=f"Messages word by word: {len(view.history)}",
        ),
    ]
    if summary is None:
        lines.append(pick(language, zh="摘要：还不需要", en="Summary: none needed yet"))
    else:
        made = f"{summary.created_at:%Y-%m-%d %H:%M} UTC"
        lines.append(
            pick(
                language,
                zh=f"摘要：第 {summary.version} 版，代表之前的 {summary.messages} 条消息（{made}）",
                en=f"Summary: version {summary.version}, for {summary.messages} earlier messages ({made})",
            )
        )
    return lines


def _format_cache_share(prompt_tokens: int, cached_tokens: int, language: Language) -> str:
    if not prompt_tokens:
        return pick(language, zh="前缀缓存：还没有提问", en="Prefix cache: nothing asked yet")
    share = f"{cached_tokens / prompt_tokens:.0%}"
    return pick(
        language,
        zh=f"前缀缓存：{prompt_tokens:,} 个提问 tokens 中命中 {share}",
        en=f"Prefix cache: {share} of {prompt_tokens:,} prompt tokens",
    )
