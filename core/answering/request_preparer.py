"""Prepares the request for a question: reads its files, then builds the prompt."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from core.answering.file_notices import (
    file_problems_text,
    late_answer_text,
    partial_files_text,
    reading_files_text,
    unread_text,
    with_unread_files,
)
from core.answering.turn_question import Question
from core.digests.preparer import DigestPreparer
from core.domain.addresses import ChatType
from core.files.reader import FileReader, FileReadResult, FilesUnreadable
from core.ports.linked_threads import LinkedThreads
from core.prompting.linked_thread_prompt import build_thread_messages, unread_links_text
from core.prompting.options_loader import OptionsLoader
from core.prompting.prepared_request import PreparedRequest
from core.prompting.prompt_builder import PromptBuilder
from core.store.clock import utc_now

LINKED_THREADS_SHARE: Final = 0.2  #: share of a prompt that linked threads may take
PROMPT_MARGIN: Final = 0.95  #: share of a prompt that it takes with them, by our estimate
NO_LINKED_THREADS: Final[Mapping[str, LinkedThreads]] = MappingProxyType({})


class RequestPreparer:
    """Turns questions into requests."""

    def __init__(
        self,
        options_loader: OptionsLoader,
        prompt_builder: PromptBuilder,
        digest_preparer: DigestPreparer,
        *,
        file_reader: FileReader | None = None,
        linked_threads: Mapping[str, LinkedThreads] = NO_LINKED_THREADS,
        backlog: timedelta | None = None,
    ) -> None:
        """Build the preparer.

        Args:
            options_loader: loads how a conversation is answered.
            prompt_builder: builds the prompt.
            digest_preparer: builds the prompt of a digest.
            file_reader: reads the files of a question; None: they are ignored.
            linked_threads: read the threads that a question links to, by platform.
            backlog: age from which on an answer says how old its question is; None: never.
        """
        self._backlog = backlog
        self._linked_threads = linked_threads
        self._options_loader = options_loader
        self._prompt_builder = prompt_builder
        self._digest_preparer = digest_preparer
        self._file_reader = file_reader

    async def prepare(
        self,
        question: Question,
        *,
        show_placeholder: Callable[[str], None],
        was_too_long: bool = False,
    ) -> PreparedRequest:
        """Return the request for a question. May wait for files and for a summary.

        Args:
            question: the question.
            show_placeholder: shows a text in place of the answer while files are read.
            was_too_long: Kimi refused the request that was prepared before as too long.

        Raises:
            NothingToDigest: a digest is asked for, and there are no messages.
            FilesUnreadable: the question has no words, and none of its files can be read.
            QuestionTooLong: not even the question fits the model's context.
            StoreUnavailable: the conversation cannot be read.
        """
        if question.digest is not None:
            return await self._digest_preparer.prepare(
                question.digest,
                question.conversation,
                question.turn,
                question.available_context,
                language=question.language,
                show_placeholder=show_placeholder,
                was_too_long=was_too_long,
            )
        return await self._prepare_answer(question, show_placeholder, was_too_long=was_too_long)

    async def _prepare_answer(
        self, question: Question, show_placeholder: Callable[[str], None], *, was_too_long: bool
    ) -> PreparedRequest:
        """Return the request for an answer from the conversation."""
        options = await self._options_loader.load(question.conversation, question.available_context)
        files = FileReadResult()
        if self._file_reader is not None and question.available_context.has_files:
            files = await self._file_reader.read(
                question.conversation,
                question.turn,
                model=options.model,
                on_reading=lambda names: show_placeholder(reading_files_text(names, question.language)),
            )
        if files.only_unreadable:
            raise FilesUnreadable(files.problems)
        prepared = await self._prompt_builder.prepare(
            question.conversation,
            question.turn,
            question.available_context,
            options=options,
            was_too_long=was_too_long,
        )
        prepared, links_note = await self._with_linked_threads(question, prepared)
        notes = (
            self._age_note(question),
            links_note,
            unread_text(question.unread, question.language),
            file_problems_text(files.problems, question.language),
            partial_files_text(prepared.partial_files, question.language),
        )
        prepared = with_unread_files(prepared, files.problems)
        return replace(prepared, reading_note=" ".join(note for note in notes if note))

    async def _with_linked_threads(
        self, question: Question, prepared: PreparedRequest
    ) -> tuple[PreparedRequest, str]:
        """Return a request with the threads that its question links to, and why some are not read."""
        conversation = question.conversation
        reader = self._linked_threads.get(conversation.key.platform)
        if reader is None or not question.text:
            return prepared, ""
        threads = await reader.read(
            question.text,
            conversation.key,
            question.person_id,
            is_direct=conversation.chat_type is ChatType.DIRECT,
        )
        room = prepared.options.max_prompt_tokens / prepared.token_ratio
        budget = min(room * LINKED_THREADS_SHARE, room * PROMPT_MARGIN - prepared.estimated_tokens)
        for message in build_thread_messages(threads, budget_tokens=budget):
            prepared = prepared.with_message_before_question(message)
        return prepared, unread_links_text(threads, question.language)

    def _age_note(self, question: Question) -> str:
        """Return what an answer says of the age of a question that waited long; "" if it did not."""
        if self._backlog is None or question.asked_at is None:
            return ""
        age = utc_now() - question.asked_at
        return late_answer_text(age, question.language) if age > self._backlog else ""
