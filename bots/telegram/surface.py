"""Implements :class:`core.ports.platform.MessageChannel` for Telegram.

Messages are posted by ``sendMessage`` and updated by ``editMessageText``. If drafts are enabled, an answer
in a private chat grows as a native draft first (``sendMessageDraft``): plain text that disappears after 30
seconds. No draft can become a message, so the last update always posts one. The first refusal disables
drafts until the process ends.

A finished message whose payload says so is sent as a rich message. If Telegram refuses it, the message is
sent as text with entities when the scheduler retries; rich messages are disabled if the server has none.

It reads these keys of ``Address.details``:

- ``chat``: "private" or "group"
- ``topic``: the forum topic; absent in General and outside forums
- ``language``: BCP 47 tag of the person's client; absent if unknown
- ``said_in``: the chat id when the question was asked
"""

import contextlib
import hashlib
import sys
from collections.abc import Iterator, Sequence

import structlog

from bots.telegram.addressing import is_private
from bots.telegram.entities import rich_markdown_of, utf16_length
from bots.telegram.limits import TelegramLimits
from bots.telegram.message_api import MessageApi, RichMessagesUnsupported
from bots.telegram.outgoing_markdown import MAX_TABLE_COLUMNS, to_append_only_text
from bots.telegram.render import TEXT_LIMIT_UNITS, TelegramRenderer, TelegramRichRenderer
from bots.telegram.typing_indicator import TypingIndicator
from core.concurrency.recent_set import RecentSet
from core.domain.addresses import Address
from core.domain.bot_messages import (
    DeliveryModeName,
    MessageRef,
    RenderedMessage,
    ThinkingStyle,
    TypingStatus,
)
from core.domain.buttons import ActionButton, Button
from core.domain.errors import MessageGone, PlatformRefused, PlatformUnavailable
from core.markdown.mentions import MentionCodec
from core.ports.platform import Budget, DeliveryMode, Renderer

log = structlog.get_logger()

MAX_REFUSED_RICH = 1_000


class TelegramMessageChannel:
    """Shows messages of one bot."""

    thinking_style = ThinkingStyle.QUOTE
    can_find_by_key = False  #: bots cannot read a chat's messages

    def __init__(
        self,
        api: MessageApi,
        limits: TelegramLimits,
        *,
        drafts: bool = False,
        rich: bool = False,
        wide_tables_as_grid: bool = False,
        mentions: MentionCodec | None = None,
    ) -> None:
        """Build the channel.

        Args:
            api: calls the Bot API.
            limits: the rate limits to keep.
            drafts: show growing answers in private chats as native drafts.
            rich: show finished messages as rich ones, if they gain by it.
            wide_tables_as_grid: show tables that are wider than a phone in columns all the same.
            mentions: recognises the links that are our own mentions; None if there are none.
        """
        self._api, self._mentions = api, mentions
        self._limits = limits
        self._drafts_enabled = drafts  # False once Telegram has refused one
        self._rich_enabled = rich  # False once the server turned out to have none
        self._refused_rich: RecentSet[str] = RecentSet(MAX_REFUSED_RICH)  # rich Markdown that was refused
        self._max_table_columns = sys.maxsize if wide_tables_as_grid else MAX_TABLE_COLUMNS
        self._typing_indicator = TypingIndicator(self._api, limits)

    def build_renderer(self, address: Address) -> Renderer:
        """Return the renderer of one answer, equal for every chat."""
        renderer = TelegramRichRenderer if self._rich_enabled else TelegramRenderer
        return renderer(self._mentions, max_table_columns=self._max_table_columns)

    def delivery_modes(self, address: Address) -> Sequence[DeliveryMode]:
        """Return "draft" if available, and "edit"; all their calls spend the same budgets."""
        spent = self._message_budgets(address)
        edit = DeliveryMode(
            name=DeliveryModeName.EDIT, create_cost=spent, update_cost=spent, finalize_cost=spent
        )
        if not self._can_draft(address):
            return (edit,)
        shown = (self._limits.draft_budget(address.key.tenant, address.key.channel), spent[-1])
        draft = DeliveryMode(
            name=DeliveryModeName.DRAFT,
            create_cost=shown,
            update_cost=shown,
            finalize_cost=spent,
            ttl_s=self._limits.draft_refresh_s,
        )
        return (draft, edit)

    def status_cost(self, address: Address) -> Sequence[Budget]:
        """Return the budgets of a typing action: those of a message, and of a draft if available."""
        spent = self._message_budgets(address)
        if not self._can_draft(address):
            return spent
        return (*spent, self._limits.draft_budget(address.key.tenant, address.key.channel))

    def status_refresh_s(self, address: Address) -> float:
        """Return the interval at which "typing" must be shown again; 0 if once is enough."""
        return self._typing_indicator.refresh_s(address)

    async def set_status(self, address: Address, status: TypingStatus) -> None:
        """Show "typing"; Telegram clears it by itself.

        Raises:
            PlatformRateLimited: nothing was shown.
        """
        await self._typing_indicator.show(address, status)

    async def post(
        self,
        address: Address,
        message: RenderedMessage,
        *,
        mode: DeliveryModeName,
        idempotency_key: str,
        buttons: Sequence[Button] = (),
        final: bool = False,
    ) -> MessageRef:
        """Post a message, in groups as a reply to the question, or show a draft.

        A message cannot carry ``idempotency_key``; a draft's number is derived from it.

        Raises:
            PlatformRateLimited: nothing was shown.
            PlatformRefused: the text or its entities were refused.
            PlatformForbidden: blocked, kicked, muted, or the topic is closed.
            PlatformUnavailable: nothing was shown; may be tried again.
            PlatformOutcomeUnknown: it may be shown; the Bot API offers no way to check.
        """
        if mode is DeliveryModeName.DRAFT:
            ref = MessageRef(
                channel=address.key.channel,
                message_id=str(draft_id(idempotency_key)),
                mode=DeliveryModeName.DRAFT,
            )
            return await self._show_draft(address, ref, message, buttons)
        if rich := self._rich_markdown(message):
            with self._fall_back_to_plain(rich):
                return await self._api.post_rich(address, rich, buttons=buttons)
        return await self._api.post(address, message, buttons=buttons)

    async def edit(
        self,
        address: Address,
        ref: MessageRef,
        message: RenderedMessage,
        *,
        previous: RenderedMessage | None,
        final: bool,
        buttons: Sequence[Button] = (),
    ) -> MessageRef:
        """Replace text and buttons of ``ref``; succeeds if they are unchanged.

        Raises:
            PlatformRateLimited: nothing was shown.
            MessageGone: deleted, or in a group that has migrated.
            PlatformRefused: the text or its entities were refused.
            PlatformForbidden: blocked, kicked or muted.
            PlatformUnavailable: may be tried again; an edit done twice shows nothing twice.
        """
        if ref.mode is DeliveryModeName.DRAFT:
            return await self._show_draft(address, ref, message, buttons)
        if rich := self._rich_markdown(message):
            with self._fall_back_to_plain(rich):
                await self._api.edit_rich(address, ref, rich, buttons=buttons)
                return ref
        await self._api.edit(address, ref, message, buttons=buttons)
        return ref

    async def delete(self, address: Address, ref: MessageRef) -> None:
        """Delete a message; succeeds if it is deleted already.

        Raises:
            PlatformRateLimited: nothing was done.
            PlatformRefused: too old (48 hours) or not ours.
            PlatformForbidden: blocked or kicked.
            PlatformUnavailable: may be tried again.
        """
        await self._api.delete(ref)

    async def finalize_orphan(self, address: Address, ref: MessageRef) -> MessageRef:
        """Return ``ref``: a message can be edited at any time.

        Raises:
            MessageGone: it was a draft; post its text instead.
        """
        if ref.mode is DeliveryModeName.DRAFT:
            raise MessageGone("a draft is no message")
        return ref

    async def find_by_key(
        self, address: Address, idempotency_key: str, *, after_message_id: str, exclude: frozenset[str]
    ) -> MessageRef | None:
        """Return None: a bot cannot read a chat's messages, and they carry no key."""
        return None

    async def _show_draft(
        self, address: Address, ref: MessageRef, message: RenderedMessage, buttons: Sequence[Button]
    ) -> MessageRef:
        """Show a draft; the first refusal disables drafts, and the text is posted as a message."""
        if not self._drafts_enabled:
            raise PlatformRefused("drafts are off")
        can_stop = ActionButton.STOP in buttons
        try:
            await self._api.show_draft(address, int(ref.message_id), draft_text(message), can_stop=can_stop)
        except PlatformRefused as exc:
            self._drafts_enabled = False
            log.warning("telegram.drafts_disabled", error=str(exc))
            raise
        return ref

    def _rich_markdown(self, message: RenderedMessage) -> str:
        rich = rich_markdown_of(message) if self._rich_enabled else ""
        return "" if rich in self._refused_rich else rich

    @contextlib.contextmanager
    def _fall_back_to_plain(self, rich_markdown: str) -> Iterator[None]:
        """Turn the refusal of a rich message into a temporary error, so that the retry sends a plain one."""
        try:
            yield
        except PlatformRefused as exc:
            self._rich_enabled = self._rich_enabled and not isinstance(exc, RichMessagesUnsupported)
            self._refused_rich.add(rich_markdown)
            log.warning("telegram.rich_message_refused", error=str(exc), off=not self._rich_enabled)
            raise PlatformUnavailable(str(exc)) from exc

    def _can_draft(self, address: Address) -> bool:
        return self._drafts_enabled and is_private(address)

    def _message_budgets(self, address: Address) -> tuple[Budget, ...]:
        chat = self._api.current_chat_id(address)
        return self._limits.message_budgets(address.key.tenant, chat, private=is_private(address))


def draft_id(idempotency_key: str) -> int:
    """Return a draft's number: not zero, equal for equal keys, of 48 bits at most."""
    return int.from_bytes(hashlib.sha256(idempotency_key.encode()).digest()[:6]) | 1


def draft_text(message: RenderedMessage) -> str:
    """Return ``message`` as plain text, so that each draft extends the one before."""
    if not message.payload and message.text == message.markdown.strip():
        return message.text
    text = to_append_only_text(message.markdown)
    return text if 0 < utf16_length(text) <= TEXT_LIMIT_UNITS else message.text
