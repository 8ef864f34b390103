"""Answers from a scripted model on a fake platform, over a real store, on virtual time.

``answer_streamer``, ``request_preparer`` and ``turn_question`` are covered by ``test_answerer``.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from core.access import PriceList
from core.answering.answer_streamer import AnswerStreamer
from core.answering.answerer import Answerer
from core.answering.approvals import Approvals
from core.answering.checkpoint import Checkpoints
from core.answering.request_preparer import RequestPreparer
from core.answering.turn_question import NoKnowledgeReply, Question
from core.chat_settings import ChatSettings
from core.delivery.dispatcher import DeliveryDispatcher
from core.delivery.message_target import MessageTarget
from core.digests.message_reader import DigestReader
from core.digests.preparer import DigestPreparer
from core.domain.addresses import Address, ChatType
from core.domain.bot_messages import MessageRef
from core.domain.clock import Clock
from core.domain.turn_states import TurnOutcome
from core.files.reader import FileReadResult
from core.kimi import KNOWN_MODELS, Model
from core.llm.text_completer import TextCompleter
from core.llm.usage_meter import UsageMeter
from core.ports.tools import Tool
from core.prompting.compactor import Compactor
from core.prompting.model_catalog import ModelCatalog
from core.prompting.options_loader import OptionsLoader
from core.prompting.personas import Personas
from core.prompting.prompt_builder import PromptBuilder
from core.prompting.summarizer import Summarizer
from core.prompting.token_calibration import TokenCalibration
from core.prompting.token_ratio import TokenRatios
from core.prompting.view_loader import PromptViewLoader
from core.store import Database
from core.store.open_work import AvailableContext
from core.store.turns import Turn
from core.testing.fake_message_channel import FakeMessageChannel
from core.testing.scripted_model import ScriptedModel, ScriptedReply
from core.tools.registry import ToolRegistry
from core.work_queue.active_answers import ActiveAnswer
from tests.stored_conversation import StoredConversation

K2 = KNOWN_MODELS["kimi-k2.6"]


class FakeFileReader:
    """Reads no file; returns the result that a test sets, after announcing the names."""

    def __init__(self) -> None:
        self.result = FileReadResult()
        self.names: Sequence[str] = ()

    async def read(
        self, conversation: Any, turn: Turn, *, model: Model, on_reading: Callable[[Sequence[str]], None]
    ) -> FileReadResult:
        """Return the result."""
        if self.names:
            on_reading(self.names)
        return self.result


@dataclass
class Answering:
    """Everything that answers one conversation."""

    clock: Clock
    conversation: StoredConversation
    dispatcher: DeliveryDispatcher
    model: ScriptedModel = field(init=False)
    answerer: Answerer = field(init=False)
    usage_meter: UsageMeter = field(init=False)
    platform: FakeMessageChannel = field(init=False)
    files: FakeFileReader = field(default_factory=FakeFileReader)
    running: ActiveAnswer = field(default_factory=ActiveAnswer)

    def build(
        self, *replies: ScriptedReply, tools: Sequence[Tool] = (), retriever: Any = None, **settings: Any
    ) -> "Answering":
        """Make the answerer; the model plays ``replies``."""
        database, clock = self.conversation.database, self.clock
        self.platform = FakeMessageChannel(clock, per_s=10, burst=10)
        self.model = ScriptedModel(*replies, clock=clock)
        given = {"model": K2.id, "context_tokens": K2.context_tokens, "reply_tokens": 1_000} | settings
        chat = ChatSettings(**given)
        self.usage_meter = meter = UsageMeter(chat.prices or PriceList(), clock)

        async def fetch_models() -> Sequence[Model]:
            return (K2,)

        options = OptionsLoader(database, ModelCatalog(fetch_models, clock), Personas(Path("none")), chat)
        ratios = TokenRatios(database)
        completer = TextCompleter(self.model, database, clock, meter)
        summarizer, views = Summarizer(database, completer), PromptViewLoader(database, ratios, chat)
        builder = PromptBuilder(
            options,
            views,
            Compactor(summarizer, chat),
            TokenCalibration(ratios, None),
            chat,
            retriever=retriever,
        )
        registry = ToolRegistry(database, NoFormulas(), tools, search_by_default=False)
        checkpoints = Checkpoints(database, clock, interval_s=chat.checkpoint_interval_s)
        reader: Any = self.files
        self.answerer = Answerer(
            database,
            RequestPreparer(
                options,
                builder,
                DigestPreparer(DigestReader(database, {}), {}, completer, options, views, ratios, chat),
                file_reader=reader,
            ),
            AnswerStreamer(self.model, registry, checkpoints, Approvals(database, chat.access), chat, clock),
            builder,
            ratios,
            meter,
        )
        return self

    async def answer(self, turn: Turn, *, person_code: str = "") -> TurnOutcome:
        """Answer a turn and show the answer whole; return how it ended."""
        message = self.dispatcher.open(
            MessageTarget(
                channel=self.platform,
                address=Address(key=self.conversation.chat.key()),
                idempotency_key=str(turn.id),
                on_refs_changed=_store_nothing,
            )
        )
        question = Question(
            turn=turn,
            conversation=self.conversation.conversation,
            person_id=turn.asker_id,
            language="en",
            available_context=AvailableContext.unknown(ChatType.DIRECT),
            no_knowledge=_admission,
            person_code=person_code,
        )
        try:
            outcome = await self.answerer.answer(question, message, self.running)
            await message.finish()
        finally:
            message.close()
        return outcome

    @property
    def shown(self) -> list[str]:
        """The texts of the messages on the screen."""
        return self.platform.screen.texts

    @property
    def frames(self) -> list[str]:
        """Every text that the screen has shown, in order."""
        return [frame.text for frame in self.platform.screen.frames]


class NoFormulas:
    """A provider whose tools nobody asks for."""

    async def request_json(self, method: str, path: str, body: object = None) -> Any:
        """Fail: web search is off."""
        raise AssertionError("web search is off")


ADMISSION = NoKnowledgeReply(text="I do not know. Shall a person help?")


async def _admission() -> NoKnowledgeReply:
    """Return the bot's words if Kimi says that the passages do not answer."""
    return ADMISSION


async def _store_nothing(_: Sequence[MessageRef]) -> None:
    """Store no references."""


@pytest.fixture
async def answering(virtual_database: Database, loop_clock: Clock) -> AsyncIterator[Answering]:
    """An answerer that is not built yet, over an empty conversation."""
    dispatcher = DeliveryDispatcher(loop_clock)
    dispatcher.start()
    yield Answering(loop_clock, await StoredConversation(virtual_database).create(), dispatcher)
    await dispatcher.close()
