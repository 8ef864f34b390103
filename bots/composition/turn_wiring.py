"""Last stage: the turn runner, which answers questions and runs commands."""

from bots.composition.command_wiring import build_command_dispatcher, connect_home_pages
from bots.composition.components import Components
from bots.composition.handoff_wiring import build_outbox_runner
from bots.composition.prompt_wiring import PromptComponents, build_prompting
from bots.composition.settings_mapping import build_backlog
from core.answering.answer_streamer import AnswerStreamer
from core.answering.answerer import Answerer
from core.answering.approvals import Approvals
from core.answering.checkpoint import Checkpoints
from core.answering.request_preparer import RequestPreparer
from core.chat_settings import WhileAnswering
from core.digests.message_reader import DigestReader
from core.digests.preparer import DigestPreparer
from core.domain.queue import Lane
from core.kimi import Model
from core.llm.pseudonymizing_model import Pseudonyms
from core.turns.answer_producer import AnswerProducer
from core.turns.backfill import ThreadBackfill
from core.turns.claimer import TurnClaimer
from core.turns.event_claimer import EventClaimer
from core.turns.intent_classifier import KimiIntentClassifier
from core.turns.mistyped_commands import answer_mistyped_command
from core.turns.private_notices import PrivateNotices
from core.turns.quota import QuotaCheck
from core.turns.runner import TurnRunner
from core.turns.spoken_commands import SpokenCommands
from core.turns.telemetry import TurnDetails, TurnTracker
from core.turns.turn_delivery import TurnDeliveries
from core.work_queue.lanes import route_by_lane
from core.work_queue.port import ProcessNext


def build_processor(components: Components, model: Model) -> ProcessNext:
    """Build what processes queued work, with ``model`` as the deployment's default model.

    Raises:
        SettingsError: the file of custom tools cannot be used.
    """
    prompting = build_prompting(components, model)
    turn_runner = _build_turn_runner(components, prompting)
    connect_home_pages(components, model.id)
    outbox_runner = build_outbox_runner(
        components.base,
        components.delivery,
        components.handoff,
        components.llm.completer,
        prompting.options_loader,
        components.files.hearer,
    )
    return route_by_lane(
        {
            Lane.TURNS: turn_runner,
            Lane.COMMANDS: turn_runner,
            Lane.HANDOFF: outbox_runner,
            Lane.AI_ASSIST: outbox_runner,
        }
    )


def _build_turn_runner(components: Components, prompting: PromptComponents) -> TurnRunner:
    base, offers = components.base, components.handoff.offers
    channels = base.abilities(lambda platform: platform.message_channel)
    return TurnRunner(
        base.database,
        _build_claimer(components, prompting),
        _build_producer(components, prompting),
        TurnDeliveries(
            base.database,
            components.delivery.dispatcher,
            base.clock,
            offers,
            channels=channels,
            show_buttons=prompting.chat_settings.show_buttons,
        ),
        base.active_answers,
        offers,
        TurnTracker(base.observer, base.clock, _build_turn_details(components)),
        base.closed_places,
        PrivateNotices(
            base.abilities(lambda platform: platform.private_messages), base.closed_places, base.clock
        ),
    )


def _build_turn_details(components: Components) -> TurnDetails:
    settings = components.base.settings
    is_known = settings.console == "on" and (settings.console_url or settings.console_port)
    address = settings.console_address if is_known else ""
    return TurnDetails(
        take_usage=components.llm.usage_meter.take_turn_usage,
        link=lambda turn_id: f"{address}/turn/{turn_id}" if address else "",
        hash_person=Pseudonyms(components.base.database).of_person,
    )


def _build_claimer(components: Components, prompting: PromptComponents) -> TurnClaimer:
    base, settings = components.base, prompting.chat_settings
    return TurnClaimer(
        base.database,
        base.clock,
        EventClaimer(settings.access, QuotaCheck(settings.access, settings.quotas)),
        serves=base.serves,
        merge_waiting=settings.while_answering is WhileAnswering.MERGE,
        classify_intent=KimiIntentClassifier(components.llm.completer, prompting.options_loader, base.clock),
        hear=hearer.hear_message if (hearer := components.files.hearer) is not None else None,
    )


def _build_producer(components: Components, prompting: PromptComponents) -> AnswerProducer:
    base = components.base
    return AnswerProducer(
        base.database,
        build_command_dispatcher(components, prompting),
        _build_answerer(components, prompting),
        ThreadBackfill(
            base.database,
            base.abilities(lambda platform: platform.backfill),
            max_messages=prompting.chat_settings.backfill_max_messages,
            hears_recordings=base.settings.hears_recordings,
        ),
        components.knowledge.no_knowledge.admission,
        can_call_person=components.handoff.offers.can_call_person,
        predefined_answers=(
            answer_mistyped_command,
            SpokenCommands(components.ingestor),
            components.handoff.offers.spoken_request,
            *components.knowledge.predefined_answers,
        ),
        hearer=components.files.hearer,
    )


def _build_digest_preparer(components: Components, prompting: PromptComponents) -> DigestPreparer:
    base = components.base
    return DigestPreparer(
        DigestReader(base.database, base.abilities(lambda platform: platform.channel_history)),
        base.abilities(lambda platform: platform.handoff_rooms),
        components.llm.completer,
        prompting.options_loader,
        prompting.view_loader,
        prompting.token_ratios,
        prompting.chat_settings,
    )


def _build_answerer(components: Components, prompting: PromptComponents) -> Answerer:
    base, llm, chat_settings = components.base, components.llm, prompting.chat_settings
    checkpoints = Checkpoints(base.database, base.clock, interval_s=chat_settings.checkpoint_interval_s)
    return Answerer(
        base.database,
        RequestPreparer(
            prompting.options_loader,
            prompting.prompt_builder,
            _build_digest_preparer(components, prompting),
            file_reader=components.files.reader,
            linked_threads=base.abilities(lambda platform: platform.linked_threads),
            backlog=build_backlog(base.settings),
        ),
        AnswerStreamer(
            llm.model,
            prompting.tool_registry,
            checkpoints,
            Approvals(base.database, base.access),
            chat_settings,
            base.clock,
        ),
        prompting.prompt_builder,
        prompting.token_ratios,
        llm.usage_meter,
    )
