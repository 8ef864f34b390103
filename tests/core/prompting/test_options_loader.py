"""The options of an answer: the conversation's choices over the chat's rules over the deployment's."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from core.chat_policy import ChatRules
from core.domain.addresses import ChatType
from core.kimi import KNOWN_MODELS
from core.store import conversation_settings
from core.store.open_work import AvailableContext
from tests.stored_conversation import StoredConversation

pytestmark = pytest.mark.virtual_time

K3, K2 = KNOWN_MODELS["kimi-k3"], KNOWN_MODELS["kimi-k2.6"]
Prompting = Callable[..., Any]


async def choose(conversation: StoredConversation, name: str, value: str) -> None:
    """Store a choice of the conversation."""
    async with conversation.database.begin() as tx:
        await conversation_settings.save(tx, conversation.conversation.id, name, value)


async def test_the_deployments_model_answers_by_default(
    prompting: Any, conversation: StoredConversation
) -> None:
    """Without choices, model, reply size and thinking are the deployment's."""
    await prompting.build(models=(K2,), thinking=False)
    options = await prompting.options.load(conversation.conversation)
    assert (options.model, options.reply_tokens, options.thinking_level) == (K2, 1_000, "off")
    assert (options.persona, options.web_search, options.language) == ("", None, "")


async def test_the_conversations_choices_come_first(prompting: Any, conversation: StoredConversation) -> None:
    """Model, thinking, persona and web search are what the conversation chose."""
    await prompting.build(models=(K2, K3), thinking=False)
    await choose(conversation, conversation_settings.MODEL, K3.id)
    await choose(conversation, conversation_settings.THINKING, "high")
    await choose(conversation, conversation_settings.PERSONA, "You are a pirate.")
    await choose(conversation, conversation_settings.SEARCH, "on")
    options = await prompting.options.load(conversation.conversation)
    assert (options.model, options.thinking_params.effort) == (K3, "high")
    assert (options.persona, options.web_search) == ("You are a pirate.", True)


async def test_a_model_that_is_no_longer_served_is_replaced_and_named(
    prompting: Any, conversation: StoredConversation
) -> None:
    """The default model answers; the options name the chosen one, so that the person can be told."""
    await prompting.build(models=(K2,))
    await choose(conversation, conversation_settings.MODEL, "kimi-gone")
    options = await prompting.options.load(conversation.conversation)
    assert (options.model, options.unavailable_model) == (K2, "kimi-gone")


async def test_a_persona_file_is_read_when_it_is_needed(
    prompting: Any, conversation: StoredConversation
) -> None:
    """A changed file counts for the next answer; a file that is gone leaves the default persona."""
    await prompting.build()
    await choose(conversation, conversation_settings.PERSONA, "@pirate")
    assert (await prompting.options.load(conversation.conversation)).persona == ""
    prompting.folder.mkdir()
    (prompting.folder / "pirate.md").write_text("Arr.\n", encoding="utf-8")
    assert (await prompting.options.load(conversation.conversation)).persona == "Arr."


async def test_a_groups_rules_set_the_defaults(prompting: Any, conversation: StoredConversation) -> None:
    """A rule of the chat applies unless the conversation chose otherwise; its language always."""
    await prompting.build(models=(K2, K3))
    rules = ChatRules(model=K3.id, language="de")
    context = AvailableContext.unknown(ChatType.GROUP, rules=rules)
    options = await prompting.options.load(conversation.conversation, context)
    assert (options.model, options.language) == (K3, "de")
    await choose(conversation, conversation_settings.MODEL, K2.id)
    assert (await prompting.options.load(conversation.conversation, context)).model == K2


async def test_known_absence_of_choices_saves_the_query(
    prompting: Any, conversation: StoredConversation
) -> None:
    """If nothing is stored for the conversation, nothing is read."""
    await prompting.build(models=(K2, K3))
    await choose(conversation, conversation_settings.MODEL, K3.id)
    context = replace(AvailableContext.unknown(ChatType.DIRECT), has_settings=False)
    assert (await prompting.options.load(conversation.conversation, context)).model == K2
