"""Prepares the request for a digest: its messages as one prompt, or as notes on their parts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import structlog

from core.chat_settings import ChatSettings
from core.digests.digest_request import DigestRequest
from core.digests.digest_texts import reading_text, too_much_note
from core.digests.message_reader import DigestMaterial, DigestReader
from core.domain.turn_states import CallPurpose
from core.kimi import ChatRequest, KimiContentFiltered, KimiContextTooLong, Message
from core.llm.requester import requester_of
from core.llm.text_completer import TextCompleter
from core.llm.usage_meter import UsageOwner
from core.ports.channel_history import ChannelMessage
from core.ports.handoff_rooms import HandoffRooms
from core.prompting.digest_prompt import (
    digest_messages,
    estimate_messages,
    format_lines,
    notes_messages,
    part_messages,
    split_into_parts,
)
from core.prompting.generation_options import GenerationOptions, least_thinking_level
from core.prompting.options_loader import OptionsLoader
from core.prompting.prepared_request import PreparedRequest
from core.prompting.summarizer import THINKING_RESERVE_TOKENS, prompt_cache_key
from core.prompting.token_ratio import TokenRatios
from core.prompting.view_loader import PromptViewLoader
from core.store.conversations import Conversation
from core.store.open_work import AvailableContext
from core.store.turns import Turn
from core.text.language import Language
from core.tools.selection import ToolSelection

PROMPT_SHARE: Final = 0.9  #: of the context that a prompt takes by our estimate
NOTES_TOKENS: Final = 1_500  #: of the notes on one part
MIN_PART_TOKENS: Final = 500.0
MAX_PARTS: Final = 20  #: of one digest; of a longer talk the newest
MAX_ROUNDS: Final = 3  #: of notes, and notes on notes
MAX_HALVINGS: Final = 3  #: of the size of parts, if Kimi finds them too long
FILTERED_NOTE: Final = "[Kimi judged this part of the talk unsafe and made no notes on it.]"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    """One digest that is being prepared."""

    conversation: Conversation
    turn: Turn
    person_id: str
    options: GenerationOptions
    system: str
    token_ratio: float

    @property
    def notes_reply_tokens(self) -> int:
        """Tokens that a request for notes reserves for its reply."""
        model = self.options.model
        thinks = model.thinks and least_thinking_level(model) != "off"
        return min(NOTES_TOKENS * 2 + (THINKING_RESERVE_TOKENS if thinks else 0), model.context_tokens // 2)

    def fits(self, messages: Sequence[Message], *, share: float) -> bool:
        """Return whether a prompt takes at most this share of what the model takes."""
        return estimate_messages(messages) * self.token_ratio <= self.options.max_prompt_tokens * share


class DigestPreparer:
    """Turns digests into requests to Kimi."""

    def __init__(
        self,
        reader: DigestReader,
        rooms: Mapping[str, HandoffRooms],
        completer: TextCompleter,
        options_loader: OptionsLoader,
        view_loader: PromptViewLoader,
        token_ratios: TokenRatios,
        settings: ChatSettings,
    ) -> None:
        """``rooms`` maps the names of platforms to what knows the links to their messages."""
        self._reader = reader
        self._rooms = rooms
        self._completer = completer
        self._options_loader = options_loader
        self._view_loader = view_loader
        self._token_ratios = token_ratios
        self._settings = settings

    async def prepare(
        self,
        request: DigestRequest,
        conversation: Conversation,
        turn: Turn,
        available_context: AvailableContext,
        *,
        language: Language,
        show_placeholder: Callable[[str], None],
        was_too_long: bool = False,
    ) -> PreparedRequest:
        """Return the request for a digest, without tools: it holds words of others.

        Args:
            request: the digest.
            conversation: in which it was asked for.
            turn: the turn to answer.
            available_context: what is known to be stored for the conversation.
            language: of notes to the person.
            show_placeholder: shows a text in place of the digest while the messages are read.
            was_too_long: Kimi refused the request that was prepared before as too long.

        Raises:
            NothingToDigest: there are no messages.
            KimiError: there are notes to make on parts, and they cannot be had.
            StoreUnavailable: something cannot be read.
        """
        show_placeholder(reading_text(language))
        material = await self._reader.read(request, language)
        task = await self._load_task(request, conversation, turn, available_context)
        messages, left_out = await self._fit(
            task,
            request,
            material,
            share=PROMPT_SHARE / 2 if was_too_long else PROMPT_SHARE,
            language=language,
            show_placeholder=show_placeholder,
        )
        return PreparedRequest(
            request=self._build_request(task, messages),
            options=task.options,
            estimated_tokens=estimate_messages(messages),
            question_start=2,
            token_ratio=task.token_ratio,
            links=self._links(request, material.messages),
            offers_tools=False,
            reading_note=f"{material.note} {too_much_note(language)}" if left_out else material.note,
        )

    async def _load_task(
        self,
        request: DigestRequest,
        conversation: Conversation,
        turn: Turn,
        available_context: AvailableContext,
    ) -> _Task:
        options = await self._options_loader.load(conversation, available_context)
        options = replace(options, web_search=False, tools=ToolSelection())
        return _Task(
            conversation=conversation,
            turn=turn,
            person_id=request.asker_id,
            options=options,
            system=await self._view_loader.load_system_prompt(conversation, options),
            token_ratio=await self._token_ratios.get(options.model.id),
        )

    async def _fit(
        self,
        task: _Task,
        request: DigestRequest,
        material: DigestMaterial,
        *,
        share: float,
        language: Language,
        show_placeholder: Callable[[str], None],
    ) -> tuple[tuple[Message, ...], bool]:
        """Return the prompt of a digest that takes a share of the model's, and whether text was left out."""
        lines: Sequence[str] = format_lines(material.messages, request.zone)
        question, left_out = _question_of(request, material.messages), False
        messages = digest_messages(task.system, lines, language=request.language, question=question)
        for _ in range(MAX_ROUNDS):
            if task.fits(messages, share=share):
                break
            lines, some_left_out = await self._condense(task, lines, share, language, show_placeholder)
            left_out = left_out or some_left_out
            messages = notes_messages(task.system, lines, language=request.language, question=question)
        return messages, left_out

    def _links(self, request: DigestRequest, messages: Sequence[ChannelMessage]) -> Mapping[int, str]:
        rooms = self._rooms.get(request.key.platform)
        if rooms is None:
            return {}
        return {
            number: rooms.message_link(request.key.channel, one.message_id)
            for number, one in enumerate(messages, 1)
        }

    async def _condense(
        self,
        task: _Task,
        lines: Sequence[str],
        share: float,
        language: Language,
        show_placeholder: Callable[[str], None],
    ) -> tuple[list[str], bool]:
        """Return Kimi's notes on lines that do not fit, and whether the oldest lines were left out.

        Raises:
            KimiContextTooLong: not even small parts fit.
        """
        for halvings in range(MAX_HALVINGS + 1):
            parts = split_into_parts(lines, self._part_tokens(task, share / 2**halvings))
            try:
                notes = await self._note_parts(task, parts[-MAX_PARTS:], language, show_placeholder)
            except KimiContextTooLong:
                log.info("digest.part_too_long", conversation=task.conversation.id, halvings=halvings)
            else:
                return notes, len(parts) > MAX_PARTS
        raise KimiContextTooLong("not even small parts of the messages fit")

    @staticmethod
    def _part_tokens(task: _Task, share: float) -> float:
        """Return the estimated tokens of lines that one request for notes takes."""
        empty = estimate_messages(part_messages(task.system, (), max_tokens=NOTES_TOKENS))
        room = task.options.model.context_tokens - task.notes_reply_tokens
        return max(MIN_PART_TOKENS, room * share / task.token_ratio - empty)

    async def _note_parts(
        self,
        task: _Task,
        parts: Sequence[Sequence[str]],
        language: Language,
        show_placeholder: Callable[[str], None],
    ) -> list[str]:
        """Return Kimi's notes on each part of what does not fit as a whole."""
        notes = []
        for number, part in enumerate(parts, 1):
            show_placeholder(reading_text(language, part=number, parts=len(parts)))
            notes.append(await self._note(task, part))
        return notes

    async def _note(self, task: _Task, lines: Sequence[str]) -> str:
        options = task.options
        least = least_thinking_level(options.model)
        thinking = replace(options, thinking_level=least).thinking_params
        request = ChatRequest(
            messages=part_messages(task.system, lines, max_tokens=NOTES_TOKENS),
            model=options.model.id,
            max_completion_tokens=task.notes_reply_tokens,
            thinking=thinking.thinking,
            reasoning_effort=thinking.effort,
        )
        weights, moves = self._settings.fair_share_weights, self._settings.access.moves
        try:
            text = await self._completer.complete(
                request,
                requester=requester_of(task.conversation, task.person_id, weights, moves),
                purpose=CallPurpose.SUMMARY,
                owner=UsageOwner(
                    conversation_id=task.conversation.id, turn_id=task.turn.id, person_id=task.person_id
                ),
            )
        except KimiContentFiltered as exc:
            log.warning("digest.content_filtered", conversation=task.conversation.id, error=str(exc))
            return FILTERED_NOTE
        return text.strip()

    def _build_request(self, task: _Task, messages: tuple[Message, ...]) -> ChatRequest:
        thinking = task.options.thinking_params
        return ChatRequest(
            messages=messages,
            model=task.options.model.id,
            max_completion_tokens=task.options.reply_tokens,
            thinking=thinking.thinking,
            reasoning_effort=thinking.effort,
            sampling=self._settings.sampling_params,
            prompt_cache_key=prompt_cache_key(task.conversation),
        )


def _question_of(request: DigestRequest, messages: Sequence[ChannelMessage]) -> str:
    """Return the question on the messages, with the number of the one it is about; "" if there is none."""
    if not request.question:
        return ""
    numbers = [number for number, one in enumerate(messages, 1) if one.message_id == request.about_id]
    return f"(About message #{numbers[0]}.) {request.question}" if numbers else request.question
