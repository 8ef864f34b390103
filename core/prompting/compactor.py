"""Decides when a conversation's beginning is replaced by a summary, and has it made."""

import asyncio
from dataclasses import replace
from typing import Final

from core.chat_settings import ChatSettings
from core.kimi import Message
from core.llm.requester import requester_of
from core.prompting.compaction import COMPACT_ABOVE, COMPACT_DOWN_TO, SUMMARY_SLACK, max_summary_tokens
from core.prompting.prompt import estimate_message_tokens, to_chat_message
from core.prompting.summarizer import Compaction, Summarizer
from core.prompting.view import PromptView
from core.store.turns import Turn

BACKGROUND_WEIGHT: Final = 0.25  #: of a summary that nobody waits for, in the account's queue


class Compactor:
    """Orders summaries from a :class:`Summarizer`."""

    def __init__(self, summarizer: Summarizer, settings: ChatSettings) -> None:
        self._summarizer = summarizer
        self._settings = settings

    def is_near_limit(self, view: PromptView, *, reply_tokens: int = 0) -> bool:
        """Return whether the conversation is large enough for a summary of its beginning.

        With ``reply_tokens``, it is the conversation after one more answer of that size.
        """
        tokens = view.untrimmed_tokens + reply_tokens
        messages = len(view.history) + (2 if reply_tokens else 0)
        return (
            tokens > view.options.max_prompt_tokens * COMPACT_ABOVE
            or view.has_older_messages
            or messages > self._settings.history_max_messages * COMPACT_ABOVE
        )

    def start_in_background(self, view: PromptView, turn: Turn) -> None:
        """Begin a summary unless one is being made; waiting questions of people go first."""
        self._summarizer.start(self._build_compaction(view, turn, weight=BACKGROUND_WEIGHT))

    async def compact(self, view: PromptView, turn: Turn) -> bool:
        """Wait for a summary of what does not fit; return whether the view has to be loaded anew.

        Cancelling the wait leaves the summary to be made.
        """
        running = self._summarizer.running_task(view.conversation.id)
        if running is not None:
            await asyncio.wait({running})
            return True
        task = self._summarizer.start(self._build_compaction(view, turn))
        await asyncio.wait({task})
        return not task.cancelled() and task.result()

    def _build_compaction(self, view: PromptView, turn: Turn, *, weight: float = 1.0) -> Compaction:
        settings = self._settings
        requester = requester_of(
            view.conversation, turn.asker_id, settings.fair_share_weights, settings.access.moves
        )
        chat_type, max_prompt_tokens = view.conversation.chat_type, view.options.max_prompt_tokens
        fixed_tokens = (
            sum(
                estimate_message_tokens(to_chat_message(message, chat_type, view.files))
                for message in view.question_messages
            )
            + view.files.tokens
            + estimate_message_tokens(Message(role="system", content=view.system))
        )
        summary_tokens = max_summary_tokens(max_prompt_tokens) * SUMMARY_SLACK
        free_tokens = max_prompt_tokens / view.token_ratio - fixed_tokens - summary_tokens
        return Compaction(
            conversation=view.conversation,
            turn=turn,
            options=view.options,
            system=view.system,
            token_ratio=view.token_ratio,
            last_compactable_seq=view.question_seq - 1,
            up_to_seq=view.question_seq - 1,
            keep_tokens=min(free_tokens, max_prompt_tokens * COMPACT_DOWN_TO / view.token_ratio),
            keep_messages=int(self._settings.history_max_messages * COMPACT_DOWN_TO),
            requester=replace(requester, weight=requester.weight * weight),
        )
