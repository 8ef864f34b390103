"""The shape of an order and of its reply, and the table that finds who handles it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from core.access import Who
from core.domain.events import Attachment, Choice, CommandName, Person, Quoted, Scene
from core.store.conversations import Conversation
from core.text.language import Language


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One command with its argument, or one pressed choice, for a conversation."""

    command: CommandName
    argument: str  #: the rest of the command's line, or of the choice's data
    conversation: Conversation
    author: Person
    scene: Scene
    language: Language
    is_admin: bool  #: by the deployment's list or the platform's word, or as the conversation is direct
    chosen: bool = False  #: a choice was pressed: the reply takes the place of the choices
    quoted: Quoted | None = None  #: the message that the command replies to
    attachments: tuple[Attachment, ...] = ()  #: what came with it, or with the message it replies to


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderReply:
    """What the bot says to an order; Markdown, never empty."""

    text: str
    choices: tuple[Choice, ...] = ()
    outcome: str = "notice"
    """What became of the question where these are own words for one: "notice" is no answer, any other
    outcome is, and stays in the history."""


Handler: TypeAlias = Callable[[Order], Awaitable[OrderReply]]
Runs: TypeAlias = Callable[[Who], Awaitable[bool]]


class Orders:
    """All commands of a deployment."""

    def __init__(self, handlers: Mapping[CommandName, Handler], *, runs: Runs | None = None) -> None:
        """``runs`` tells who runs a chat by the platform's own word: they are admins there too."""
        self._handlers = dict(handlers)
        self._runs = runs

    async def reply(self, order: Order) -> OrderReply | None:
        """Do what is ordered and return what to say; None where nobody handles it."""
        handler = self._handlers.get(order.command)
        if handler is None:
            return None
        if self._runs is not None and not order.is_admin:
            key = order.conversation.key
            who = Who(
                platform=key.platform, tenant=key.tenant, channel=key.channel, person_id=order.author.id
            )
            order = replace(order, is_admin=await self._runs(who))
        return await handler(order)


def command_of_choice(data: str) -> tuple[CommandName, str] | None:
    """Return the command and argument that a choice's data stands for, as in "model:kimi-k3"."""
    name, _, argument = data.partition(":")
    try:
        return CommandName(name), argument
    except ValueError:
        return None
