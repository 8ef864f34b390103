"""Loads the stored content of a conversation that its next prompt shows."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from core.chat_settings import ChatSettings
from core.domain.addresses import ChatType
from core.domain.message_content import MessageRole
from core.files.prompt_files import NO_FILES, PromptFiles
from core.files.reader import FileReader
from core.ports.channel_directory import ChannelDirectory
from core.prompting.generation_options import GenerationOptions
from core.prompting.prompt import UNKNOWN_CHANNEL, system_prompt
from core.prompting.token_ratio import TokenRatios
from core.prompting.view import PromptView
from core.store import Database, conversations, files, history, summaries
from core.store.conversations import Conversation
from core.store.files import ProcessedFile
from core.store.history import HistoryMessage
from core.store.open_work import AvailableContext


class PromptViewLoader:
    """Reads summary, history and files of conversations."""

    def __init__(
        self,
        database: Database,
        token_ratios: TokenRatios,
        settings: ChatSettings,
        *,
        file_reader: FileReader | None = None,
        channel_directories: Mapping[str, ChannelDirectory] | None = None,
    ) -> None:
        """Without ``file_reader``, prompts show no files.

        ``channel_directories`` maps the names of platforms to what describes their channels.
        """
        self._channel_directories = channel_directories or {}
        self._database = database
        self._token_ratios = token_ratios
        self._settings = settings
        self._file_reader = file_reader

    async def load_conversation(self, conversation_id: int) -> Conversation:
        """Return the conversation as it is stored now.

        Raises:
            StoreUnavailable: it cannot be read.
        """
        async with self._database.read() as tx:
            return await conversations.get(tx, conversation_id)

    async def load(
        self,
        conversation: Conversation,
        options: GenerationOptions,
        available_context: AvailableContext,
        *,
        question_seq: int,
        up_to_seq: int,
    ) -> PromptView:
        """Return a conversation as its prompt shows it.

        Args:
            conversation: the conversation.
            options: of the answer to come.
            available_context: what is known to be stored for the conversation.
            question_seq: sequence number of the question's first message.
            up_to_seq: sequence number of the last message to show.

        Raises:
            StoreUnavailable: something cannot be read.
        """
        summary, processed = None, list[ProcessedFile]()
        async with self._database.read() as tx:
            if available_context.has_summaries:
                summary = await summaries.get_latest(tx, conversation, before_seq=question_seq)
            messages = await history.load_recent(
                tx,
                conversation.id,
                after_seq=summary.up_to_seq if summary else conversation.history_cutoff_seq,
                up_to_seq=up_to_seq,
                limit=self._settings.history_max_messages,
                question_seq=question_seq,
            )
            if available_context.has_files:
                processed += await files.load_processed(
                    tx, conversation.id, after_seq=conversation.history_cutoff_seq, up_to_seq=up_to_seq
                )
        token_ratio = await self._token_ratios.get(options.model.id)
        return PromptView(
            conversation=conversation,
            options=options,
            files=await self._load_files(processed, messages, options, token_ratio, question_seq),
            system=await self.load_system_prompt(conversation, options),
            summary=summary,
            history=messages,
            has_older_messages=len(messages) >= self._settings.history_max_messages,
            token_ratio=token_ratio,
            question_seq=question_seq,
        )

    async def load_system_prompt(self, conversation: Conversation, options: GenerationOptions) -> str:
        """Return the system prompt of a conversation's next request."""
        channel, key = UNKNOWN_CHANNEL, conversation.key
        directory = self._channel_directories.get(key.platform)
        if directory is not None and conversation.chat_type is ChatType.GROUP:
            channel = await directory.describe(key.channel)
        return system_prompt(
            operator_prompt=self._settings.system_prompt,
            platform=conversation.key.platform,
            chat_type=conversation.chat_type,
            today=datetime.now(UTC).date(),
            persona=options.persona,
            language=options.language,
            channel=channel,
        )

    async def _load_files(
        self,
        processed: Sequence[ProcessedFile],
        messages: Sequence[HistoryMessage],
        options: GenerationOptions,
        token_ratio: float,
        question_seq: int,
    ) -> PromptFiles:
        """Return what the prompt shows of the files, chosen for the question."""
        if self._file_reader is None or not processed:
            return NO_FILES
        question = [
            message.text
            for message in messages
            if message.role is MessageRole.USER and message.seq >= question_seq
        ]
        return await self._file_reader.load_prompt_files(
            processed,
            question="\n".join(question),
            question_seq=question_seq,
            model=options.model,
            budget_tokens=options.max_prompt_tokens / token_ratio,
        )
