"""Prompt stage: what a request to Kimi is built from. It needs the model that answers."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bots.composition.components import Components
from bots.composition.settings_mapping import build_chat_settings
from core.chat_settings import ChatSettings
from core.kimi import Model
from core.llm.masking_model import MaskingApi, masking_token_counter
from core.prompting.compactor import Compactor
from core.prompting.options_loader import OptionsLoader
from core.prompting.personas import Personas
from core.prompting.prompt_builder import PromptBuilder
from core.prompting.token_calibration import TokenCalibration
from core.prompting.token_ratio import TokenRatios
from core.prompting.view_loader import PromptViewLoader
from core.tools.custom_tools import load_tools
from core.tools.registry import ToolRegistry

PERSONAS_FOLDER: Final = "personas"  #: below the data folder


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptComponents:
    """The parts that build requests to Kimi."""

    chat_settings: ChatSettings
    token_ratios: TokenRatios
    personas: Personas
    options_loader: OptionsLoader
    view_loader: PromptViewLoader
    prompt_builder: PromptBuilder
    tool_registry: ToolRegistry


def build_prompting(components: Components, model: Model) -> PromptComponents:
    """Build the prompt builder and the tools for ``model``, the deployment's default model.

    Raises:
        SettingsError: the file of custom tools cannot be used.
    """
    base, llm = components.base, components.llm
    settings, client = base.settings, llm.primary_client
    chat_settings = build_chat_settings(settings, model, base.access)
    token_ratios = TokenRatios(base.database)
    personas = Personas(Path(settings.data_dir, PERSONAS_FOLDER))
    options_loader = OptionsLoader(base.database, llm.catalog, personas, chat_settings)
    count_tokens = masking_token_counter(client.count_tokens, llm.masker)
    view_loader = PromptViewLoader(
        base.database,
        token_ratios,
        chat_settings,
        file_reader=components.files.reader,
        channel_directories=base.abilities(lambda platform: platform.channel_directory),
    )
    return PromptComponents(
        chat_settings=chat_settings,
        token_ratios=token_ratios,
        personas=personas,
        options_loader=options_loader,
        view_loader=view_loader,
        prompt_builder=PromptBuilder(
            options_loader,
            view_loader,
            Compactor(components.summarizer, chat_settings),
            TokenCalibration(token_ratios, count_tokens),
            chat_settings,
            retriever=components.knowledge.retriever,
        ),
        tool_registry=ToolRegistry(
            base.database,
            MaskingApi(client, llm.masker),
            load_tools(settings.tools).tools,
            search_by_default=settings.web_search == "on",
            mcp=components.mcp,
        ),
    )
