"""What a conversation chose for itself, by name; what it did not choose is the deployment's."""

from collections.abc import Mapping

from sqlalchemy import bindparam, delete, select

from core.chat_policy import ChatRules
from core.store import schema
from core.store.database import Transaction
from core.store.upsert import insert as upsert

_C = schema.choices

MODEL = "model"  #: a model's id
THINKING = "thinking"  #: "on", "off" or an effort such as "low"
SEARCH = "search"  #: "on" or "off": whether answers may search the web
PERSONA = "persona"  #: "@" and the name of a persona that is kept in a file, or the words themselves


async def load(tx: Transaction, conversation_id: int) -> Mapping[str, str]:
    """Return everything that a conversation chose."""
    return {row.name: row.value for row in await tx.execute(_OF, {"conversation": conversation_id})}


_OF = select(_C.c.name, _C.c.value).where(_C.c.conversation_id == bindparam("conversation"))


async def save(tx: Transaction, conversation_id: int, name: str, value: str) -> None:
    """Choose something; "" takes the choice back."""
    if not value:
        await tx.execute(delete(_C).where(_C.c.conversation_id == conversation_id, _C.c.name == name))
        return
    chosen = upsert(tx, _C).values(conversation_id=conversation_id, name=name, value=value)
    await tx.execute(
        chosen.on_conflict_do_update(index_elements=["conversation_id", "name"], set_={"value": value})
    )


def defaults_of_chat(rules: ChatRules) -> dict[str, str]:
    """Return a chat's defaults for those settings of its conversations that nobody has set."""
    search = None if rules.search is None else "on" if rules.search else "off"
    defaults = {
        MODEL: rules.model,
        PERSONA: rules.persona,
        SEARCH: search,
    }
    return {name: value for name, value in defaults.items() if value}
