"""The demo's shop: what its bot knows, by which rules it speaks in the group, and where its desk is."""

from bots.simulator.demo.knowledge import FLOORS, SETS, documents
from core.chat_policy import ChatRules, Trigger
from core.knowledge.indexing import index_document
from core.store import Database, knowledge, rules
from core.store.knowledge import DEPLOYMENT


async def set_rules(database: Database, *, group: str, desk: str, staff: str) -> None:
    """Let the bot serve a Telegram group: what it answers, and who takes over.

    ``desk`` is a room as "platform:channel", ``staff`` a Slack user id.

    Raises:
        StoreUnavailable: it could not be written.
    """
    made = ChatRules(trigger=Trigger.QUESTION, knowledge=SETS, desk=desk, desk_people=(f"slack:{staff}",))
    async with database.begin() as tx:
        await rules.save(tx, made, platform="telegram", tenant="", channel=group, changed_by="")


async def learn(database: Database) -> None:
    """Read the shop's documents into the database; it takes about a second.

    Raises:
        StoreUnavailable: it could not be written.
    """
    for name in SETS:
        for path in documents(name):
            text, ending = path.read_text(encoding="utf-8"), path.suffix.removeprefix(".")
            await index_document(database, DEPLOYMENT, name, name=path.name, text=text, extension=ending)
        async with database.begin() as tx:
            taught = await knowledge.get_or_create_set(tx, DEPLOYMENT, name)
            await knowledge.save_floor(tx, taught.id, FLOORS[name])
