"""Settings of one conversation, by name; unset ones fall back to the deployment's."""

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import bindparam, delete, select

from core.chat_policy import ChatRules
from core.store import schema
from core.store.database import Transaction
from core.store.upsert import insert as upsert

_S = schema.conversation_settings

MODEL: Final = "model"  #: id of a model
THINKING: Final = "thinking"  #: "on", "off" or an effort such as "low"
SEARCH: Final = "search"  #: "on" or "off": whether answers may search the web
TOOLS: Final = "tools"  #: which tools answers may use: words of the rule, separated by ",", or "none"
APPROVED_TOOLS: Final = "approved_tools"  #: names of tools that may always be called, separated by ","
START_PAYLOAD: Final = "start_payload"  #: of the deep link that a person came by (``/start ref_42``)
PERSONA: Final = "persona"  #: "@" and the name of a persona's file, or the persona's text itself

_LOAD = select(_S.c.name, _S.c.value).where(_S.c.conversation_id == bindparam("conversation"))


async def load(tx: Transaction, conversation_id: int) -> Mapping[str, str]:
    """Return all settings of a conversation."""
    return {row.name: row.value for row in await tx.execute(_LOAD, {"conversation": conversation_id})}


async def load_values(tx: Transaction, name: str) -> Sequence[str]:
    """Return the values of one setting in all conversations that have it."""
    return list(await tx.scalars(select(_S.c.value).where(_S.c.name == name)))


async def save(tx: Transaction, conversation_id: int, name: str, value: str) -> None:
    """Store a setting; "" removes it."""
    if not value:
        await tx.execute(delete(_S).where(_S.c.conversation_id == conversation_id, _S.c.name == name))
        return
    stored = upsert(tx, _S).values(conversation_id=conversation_id, name=name, value=value)
    await tx.execute(
        stored.on_conflict_do_update(index_elements=["conversation_id", "name"], set_={"value": value})
    )


def defaults_of_chat(rules: ChatRules) -> dict[str, str]:
    """Return a chat's defaults for those settings of its conversations that nobody has set."""
    search = None if rules.search is None else "on" if rules.search else "off"
    defaults = {
        MODEL: rules.model,
        PERSONA: rules.persona,
        SEARCH: search,
        TOOLS: ",".join(rules.tools),
    }
    return {name: value for name, value in defaults.items() if value}
