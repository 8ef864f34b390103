"""Knowledge sets of a chat: their names, their owner, and the ids that its questions are searched in."""

from collections.abc import Collection, Sequence

from core.chat_policy import ChatRules
from core.domain.addresses import ThreadKey
from core.domain.errors import SettingsError
from core.store import Transaction, canned, knowledge
from core.store.knowledge import Owner

#: Prefix of the set that ``/learn`` fills in a chat; no set that an operator names has a colon.
CHAT_SET_PREFIX = "chat:"


async def load_set_ids(tx: Transaction, key: ThreadKey, rules: ChatRules) -> Sequence[int]:
    """Return the ids of a chat's sets: those that its rules name, and the one filled by ``/learn``.

    A name resolves to the tenant's own set before the deployment's, and never to another tenant's.
    """
    return await knowledge.resolve_set_ids(tx, owner_of(key), [*rules.knowledge, chat_set_name(key)])


async def require_sets(
    tx: Transaction, names: Collection[str], *, platform: str = "", tenant: str = ""
) -> None:
    """Require that sets exist.

    Args:
        tx: a transaction.
        names: the sets' names.
        platform: whose sets count beside the deployment's; "" for nobody's.
        tenant: of the platform; "" for each of its tenants.

    Raises:
        SettingsError: names every set that does not exist, and those that do.
    """
    known = await knowledge.load_set_names(tx, platform=platform, tenant=tenant)
    usable = [name for name in known if not name.startswith(CHAT_SET_PREFIX)]
    advice = (
        f"the sets are {', '.join(usable)}"
        if usable
        else "there are none yet: moonthread knowledge add SET FILE"
    )
    if unknown := [name for name in names if name not in usable]:
        raise SettingsError([f"there is no knowledge set {name!r}; {advice}" for name in unknown])


def owner_of(key: ThreadKey) -> Owner:
    """Return the owner of a chat's own set: its tenant."""
    return Owner(platform=key.platform, tenant=key.tenant)


def chat_set_name(key: ThreadKey) -> str:
    """Return the name of the set that ``/learn`` fills; all threads and topics of a chat share it."""
    return f"{CHAT_SET_PREFIX}{key.channel}"


async def migrate_channel(
    tx: Transaction, *, platform: str, tenant: str, old_channel: str, new_channel: str
) -> None:
    """Move a chat's own set and its canned responses to the channel's new id."""
    owner = Owner(platform=platform, tenant=tenant)
    await knowledge.rename_set(
        tx, owner, old=f"{CHAT_SET_PREFIX}{old_channel}", new=f"{CHAT_SET_PREFIX}{new_channel}"
    )
    await canned.migrate_channel(tx, platform=platform, tenant=tenant, old=old_channel, new=new_channel)
