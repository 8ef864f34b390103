"""Prompt parts over a real store and a scripted model, on virtual time.

``prepared_request`` is covered by ``test_prompt_builder``.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from core.access import PriceList
from core.chat_settings import ChatSettings
from core.domain.clock import Clock
from core.kimi import Model
from core.llm.text_completer import TextCompleter
from core.llm.usage_meter import UsageMeter
from core.prompting.compactor import Compactor
from core.prompting.model_catalog import ModelCatalog
from core.prompting.options_loader import OptionsLoader
from core.prompting.personas import Personas
from core.prompting.prompt_builder import PromptBuilder
from core.prompting.summarizer import Summarizer
from core.prompting.token_calibration import CountTokens, TokenCalibration
from core.prompting.token_ratio import TokenRatios
from core.prompting.view_loader import PromptViewLoader
from core.store import Database
from core.testing.scripted_model import ScriptedModel
from tests.stored_conversation import StoredConversation

MODEL = Model(id="kimi-k2.6", context_tokens=4_000)


@dataclass
class Prompting:
    """All prompt parts of one deployment."""

    database: Database
    clock: Clock
    folder: Path
    model: ScriptedModel = field(init=False)
    settings: ChatSettings = field(init=False)
    catalog: ModelCatalog = field(init=False)
    options: OptionsLoader = field(init=False)
    ratios: TokenRatios = field(init=False)
    views: PromptViewLoader = field(init=False)
    summarizer: Summarizer = field(init=False)
    compactor: Compactor = field(init=False)
    builder: PromptBuilder = field(init=False)

    async def build(
        self, *replies: Any, count_tokens: CountTokens | None = None, models: Any = (MODEL,), **settings: Any
    ) -> "Prompting":
        """Make the parts; ``replies`` are those of the model that writes summaries."""

        async def fetch_models() -> Any:
            return models

        self.model = ScriptedModel(*replies, clock=self.clock)
        given = {"model": MODEL.id, "context_tokens": MODEL.context_tokens, "reply_tokens": 1_000} | settings
        self.settings = ChatSettings(**given)
        self.catalog = ModelCatalog(fetch_models, self.clock, fallback=models)
        await self.catalog.refresh()
        self.options = OptionsLoader(self.database, self.catalog, Personas(self.folder), self.settings)
        self.ratios = TokenRatios(self.database)
        self.views = PromptViewLoader(self.database, self.ratios, self.settings)
        completer = TextCompleter(self.model, self.database, self.clock, UsageMeter(PriceList(), self.clock))
        self.summarizer = Summarizer(self.database, completer)
        self.compactor = Compactor(self.summarizer, self.settings)
        calibration = TokenCalibration(self.ratios, count_tokens)
        self.builder = PromptBuilder(self.options, self.views, self.compactor, calibration, self.settings)
        return self


@pytest.fixture
def prompting(virtual_database: Database, loop_clock: Clock, tmp_path: Path) -> Prompting:
    """Prompt parts that are not built yet."""
    return Prompting(virtual_database, loop_clock, tmp_path / "personas")


@pytest.fixture
async def conversation(virtual_database: Database) -> StoredConversation:
    """An empty direct conversation."""
    return await StoredConversation(virtual_database).create()
