"""Knowledge stage: retrieval, predefined answers, and the commands that maintain a chat's knowledge."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bots.composition.embedding_wiring import build_embedder, build_vector_search
from bots.composition.files_wiring import FileComponents
from bots.composition.infrastructure import Infrastructure
from core.access import Actor
from core.commands import CannedCommand, Command, CommandHandler, LearnCommand
from core.domain.command_names import CommandName
from core.handoff.offers import HandoffOffers
from core.inbound.staff import StaffDirectory
from core.knowledge.embedding import PassageEmbedder
from core.knowledge.file_text import FileTextReader
from core.knowledge.retrieval import KnowledgeRetriever
from core.ports.embedder import Embedder
from core.turns.predefined_answers import CannedAnswer, NoKnowledgeAnswer, PredefinedAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class KnowledgeComponents:
    """The parts that read and write a chat's knowledge."""

    retriever: KnowledgeRetriever
    commands: Mapping[CommandName, CommandHandler]
    predefined_answers: Sequence[PredefinedAnswer]  #: tried in order before Kimi is asked
    no_knowledge: NoKnowledgeAnswer
    embedder: Embedder | None  #: the model that compares meanings; None compares words alone
    passage_embedder: PassageEmbedder | None  #: gives new documents their vectors


def build_knowledge(
    base: Infrastructure, files: FileComponents, staff: StaffDirectory, handoff_offers: HandoffOffers
) -> KnowledgeComponents:
    """Build the retriever, the commands /learn and /canned, and the answers given without Kimi.

    Raises:
        SettingsError: the model that compares meanings cannot be used.
    """
    embedder = build_embedder(base.settings, base.clock)
    retriever = KnowledgeRetriever(base.database, build_vector_search(base.database, embedder, base.clock))

    async def may_manage(command: Command) -> bool:
        """Return whether the author may maintain this chat's knowledge: its admins and ours may."""
        actor = Actor.at(command.conversation.key, command.author.id)
        return command.is_admin or await staff.is_chat_admin(actor)

    no_knowledge = NoKnowledgeAnswer(retriever, handoff_offers)
    return KnowledgeComponents(
        retriever=retriever,
        commands={
            CommandName.LEARN: LearnCommand(
                base.database,
                files.downloader,
                FileTextReader(files.stores[0], files.worker),
                files.worker,
                may_manage=may_manage,
                allowance=files.allowance,
            ),
            CommandName.CANNED: CannedCommand(base.database, may_manage=may_manage),
        },
        predefined_answers=(CannedAnswer(base.database), no_knowledge),
        no_knowledge=no_knowledge,
        embedder=embedder,
        passage_embedder=PassageEmbedder(base.database, embedder, base.clock) if embedder else None,
    )
