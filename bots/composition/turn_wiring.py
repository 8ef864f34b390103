"""Last stage: the turn runner, which answers questions and runs commands."""

from bots.composition.command_wiring import build_command_dispatcher
from bots.composition.components import Components
from bots.composition.handoff_wiring import HANDOFF_LANES, build_outbox_runner
from bots.composition.prompt_wiring import PromptComponents, build_prompting
from core.answering.answer_streamer import AnswerStreamer
from core.answering.answerer import Answerer
from core.answering.checkpoint import Checkpoints
from core.answering.request_preparer import RequestPreparer
from core.kimi import Model
from core.turns.intent_classifier import KimiIntentClassifier
from core.turns.runner import TurnRunner


def build_turn_runner(components: Components, model: Model) -> TurnRunner:
    """Build the turn runner for ``model``, the deployment's default model.

    Raises:
        SettingsError: the file of custom tools cannot be used.
    """
    base, handoff, delivery = components.base, components.handoff, components.delivery
    prompting = build_prompting(components, model)
    outbox_runner = build_outbox_runner(
        base, delivery, handoff, components.llm.completer, prompting.options_loader
    )
    return TurnRunner(
        base.database,
        delivery.dispatcher,
        _build_answerer(components, prompting),
        build_command_dispatcher(components, prompting),
        base.active_answers,
        base.clock,
        observer=base.observer,
        channels=base.abilities(lambda platform: platform.message_channel),
        backfills=base.abilities(lambda platform: platform.backfill),
        settings=prompting.chat_settings,
        predefined_answers=components.knowledge.predefined_answers,
        after_answer_hooks=(handoff.offers.escalate,),
        button_providers=(handoff.offers.buttons,),
        lane_handlers=dict.fromkeys(HANDOFF_LANES, outbox_runner),
        classifier=KimiIntentClassifier(components.llm.completer, prompting.options_loader, base.clock),
        shutdown=base.shutdown,
    )


def _build_answerer(components: Components, prompting: PromptComponents) -> Answerer:
    base, llm, chat_settings = components.base, components.llm, prompting.chat_settings
    checkpoints = Checkpoints(base.database, base.clock, interval_s=chat_settings.checkpoint_interval_s)
    return Answerer(
        base.database,
        RequestPreparer(
            prompting.options_loader, prompting.prompt_builder, file_reader=components.files.reader
        ),
        AnswerStreamer(llm.model, prompting.tool_registry, checkpoints, chat_settings, base.clock),
        prompting.prompt_builder,
        prompting.token_ratios,
        llm.usage_meter,
    )
