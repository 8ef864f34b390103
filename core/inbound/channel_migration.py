"""A channel that got a new id: everything stored for the old id follows."""

import structlog

from core.domain.events import ChannelMigrated
from core.domain.queue import EventStatus
from core.inbound.handler import Handled
from core.inbound.message_intake import store_without_work
from core.knowledge.scope import migrate_channel as migrate_knowledge
from core.store import (
    Transaction,
    blocked_people,
    channel_moves,
    chat_members,
    conversations,
    remembered,
    rules,
)

log = structlog.get_logger(__name__)


async def migrate_channel(tx: Transaction, event: ChannelMigrated) -> Handled:
    """Give conversations, rules, kept messages, members, blocks and knowledge of a channel its new id."""
    handled = await store_without_work(tx, event, EventStatus.RECORDED)
    platform, tenant, old, new = event.platform, event.tenant, event.old_channel, event.new_channel
    moved = await conversations.migrate_channel(tx, platform=platform, tenant=tenant, old=old, new=new)
    await rules.migrate_channel(tx, platform=platform, tenant=tenant, old=old, new=new)
    await remembered.migrate_channel(tx, platform=platform, tenant=tenant, old=old, new=new)
    await chat_members.migrate_channel(tx, platform=platform, tenant=tenant, old=old, new=new)
    await blocked_people.migrate_channel(tx, platform=platform, tenant=tenant, old=old, new=new)
    await channel_moves.save(tx, platform=platform, old=old, new=new)
    await migrate_knowledge(tx, platform=platform, tenant=tenant, old_channel=old, new_channel=new)
    log.info("channel.migrated", platform=platform, conversations=moved)
    return handled
