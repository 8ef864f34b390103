"""Loads the options that a conversation's next answer is generated with."""

from dataclasses import replace
from typing import Final

import structlog

from core.chat_settings import ChatSettings
from core.domain.addresses import ChatType
from core.kimi import KNOWN_MODELS, Model
from core.prompting.generation_options import GenerationOptions, build_generation_options
from core.prompting.model_catalog import ModelCatalog, with_default_context
from core.prompting.personas import Personas
from core.store import Database, conversation_settings, rules
from core.store.conversations import Conversation
from core.store.open_work import AvailableContext
from core.tools.selection import ToolSelection

log = structlog.get_logger(__name__)

PERSONA_FILE_PREFIX: Final = "@"  #: a stored persona that names a file


class OptionsLoader:
    """Combines the deployment's settings, the chat's rules and the conversation's own choices."""

    def __init__(
        self, database: Database, model_catalog: ModelCatalog, personas: Personas, settings: ChatSettings
    ) -> None:
        self._database = database
        self._model_catalog = model_catalog
        self._personas = personas
        self._settings = settings

    async def load(
        self, conversation: Conversation, available_context: AvailableContext | None = None
    ) -> GenerationOptions:
        """Return the options for a conversation's next answer.

        Args:
            conversation: the conversation.
            available_context: what is known to be stored for it; None loads whatever there is.

        Raises:
            StoreUnavailable: the settings cannot be read.
        """
        chosen: dict[str, str] = {}
        if available_context is None or available_context.has_settings:
            async with self._database.read() as tx:
                chosen = dict(await conversation_settings.load(tx, conversation.id))
                if available_context is None:
                    chat_rules = await rules.load(tx, conversation.key)
                    available_context = AvailableContext.unknown(conversation.chat_type, rules=chat_rules)
        group_rules = available_context.group_rules
        if group_rules is not None:
            chosen = conversation_settings.defaults_of_chat(group_rules) | chosen
        model_id = chosen.get(conversation_settings.MODEL, "")
        model = self._model_catalog.find(model_id) if model_id else None
        web_search = chosen.get(conversation_settings.SEARCH)
        options = build_generation_options(
            model or self._default_model(),
            reply_tokens=self._settings.reply_tokens,
            thinking_level=chosen.get(conversation_settings.THINKING, self._default_thinking_level()),
            persona=await self._persona_text(chosen.get(conversation_settings.PERSONA, "")),
            unavailable_model=model_id if model is None else "",
        )
        return replace(
            options,
            web_search=None if web_search is None else web_search == "on",
            tools=ToolSelection.chosen(
                chosen[conversation_settings.TOOLS].split(",")
                if conversation_settings.TOOLS in chosen
                else None,
                in_group=conversation.chat_type is ChatType.GROUP,
            ),
            language="" if group_rules is None else group_rules.language,
        )

    def _default_model(self) -> Model:
        """Return the deployment's model, as the catalog describes it now."""
        model_id = self._settings.model
        known = KNOWN_MODELS.get(model_id) or Model(id=model_id, context_tokens=self._settings.context_tokens)
        return self._model_catalog.find(model_id) or with_default_context(known)

    def _default_thinking_level(self) -> str:
        if self._settings.thinking is None:
            return ""
        return "on" if self._settings.thinking else "off"

    async def _persona_text(self, chosen: str) -> str:
        """Return the text of a chosen persona; "" for the default, also if its file is gone."""
        if not chosen.startswith(PERSONA_FILE_PREFIX):
            return chosen
        name = chosen.removeprefix(PERSONA_FILE_PREFIX)
        text = await self._personas.load_text(name)
        if text is None:
            log.info("persona.not_found", name=name)
        return text or ""
