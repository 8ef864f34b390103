"""The shape of an order and of its reply, and the table that finds who handles it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from core.access import Actor
from core.domain.addresses import ChatType, Person
from core.domain.buttons import OptionAction, OptionButton
from core.domain.command_names import CommandName
from core.domain.message_content import Attachment, ReplyContext
from core.domain.turn_states import Outcome
from core.store.conversations import Conversation
from core.text.language import Language


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command with its argument, or one pressed choice, for a conversation."""

    name: CommandName
    argument: str  #: the rest of the command's line, or of the choice's data
    conversation: Conversation
    author: Person
    chat_type: ChatType
    language: Language
    is_admin: bool  #: by the deployment's list or the platform's word, or as the conversation is direct
    pressed: OptionAction | None = None  #: the option that was pressed; the reply replaces the options
    quoted: ReplyContext | None = None  #: the message that the command replies to
    attachments: tuple[Attachment, ...] = ()  #: what came with it, or with the message it replies to

    @property
    def from_button(self) -> bool:
        """Whether an option was pressed instead of a command typed."""
        return self.pressed is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandReply:
    """What the bot says to an order; Markdown, never empty."""

    text: str
    options: tuple[OptionButton, ...] = ()
    outcome: Outcome = Outcome.NOTICE
    """How the turn ends: NOTICE is no answer; with any other outcome the text becomes history."""


CommandHandler: TypeAlias = Callable[[Command], Awaitable[CommandReply]]
IsChatAdmin: TypeAlias = Callable[[Actor], Awaitable[bool]]


class CommandDispatcher:
    """All commands of a deployment."""

    def __init__(
        self, handlers: Mapping[CommandName, CommandHandler], *, is_chat_admin: IsChatAdmin | None = None
    ) -> None:
        """``runs`` tells who runs a chat by the platform's own word: they are admins there too."""
        self._handlers = dict(handlers)
        self._is_chat_admin = is_chat_admin

    async def dispatch(self, command: Command) -> CommandReply | None:
        """Run a command and return its reply; None if it has no handler."""
        handler = self._handlers.get(command.name)
        if handler is None:
            return None
        if self._is_chat_admin is not None and not command.is_admin:
            key = command.conversation.key
            who = Actor(
                platform=key.platform, tenant=key.tenant, channel=key.channel, person_id=command.author.id
            )
            command = replace(command, is_admin=await self._is_chat_admin(who))
        return await handler(command)
