"""Content of Telegram messages that is neither words nor a file, as text. Pure.

It is whole in the update: places, contacts, polls, checklists, dice, games, invoices, stories, giveaways,
gifts and the links on buttons (https://core.telegram.org/bots/api#message). A message and a replied message
of another chat (``ExternalReplyInfo``) carry the same fields.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from telegram import (
    Checklist,
    Contact,
    ExternalReplyInfo,
    Giveaway,
    GiveawayWinners,
    Invoice,
    Location,
    Message,
    Poll,
    Story,
    Venue,
)

from bots.telegram.incoming_markdown import to_markdown
from bots.telegram.incoming_rich import rich_message_markdown
from bots.telegram.tolerant_parsing import UNREADABLE
from core.domain.message_content import ContentKind, OtherContent, UnsupportedContent
from core.text.quoting import markdown_link
from core.text.visible_text import clean_text

Carrier: TypeAlias = Message | ExternalReplyInfo
"""What carries content: a message, or what a bot learns of a message of another chat."""

_MINOR_UNITS = 100  #: of most currencies; Telegram Stars have none


def other_content_of(carrier: Carrier) -> tuple[OtherContent, ...]:
    """Return the content of ``carrier`` that is neither words nor a file, in the words of a reader."""
    found = []
    for name, (kind, describe) in _DESCRIPTIONS.items():
        value = getattr(carrier, name, None)
        if value is not None and not (name == "location" and carrier.venue is not None):
            found.append(OtherContent(kind=kind, text=clean_text(describe(value)).strip()))
    if isinstance(carrier, Message) and (links := _button_links(carrier)):
        found.append(OtherContent(kind=ContentKind.LINK, text=clean_text(links)))
    return tuple(found)


def _button_links(message: Message) -> str:
    """Return the links on the buttons below a message, one a line; "" if there are none.

    Channels and other bots put the addresses that they want opened there. Other buttons say nothing.
    """
    rows = message.reply_markup.inline_keyboard if message.reply_markup else ()
    links = [(button.text, button.url) for row in rows for button in row if button.url]
    return "\n".join(f"- {markdown_link(label, url)}" for label, url in links)


def unsupported_content_of(carrier: Carrier) -> UnsupportedContent | None:
    """Return the kind of content of ``carrier`` that cannot be read; None if there is none."""
    if isinstance(carrier, Message) and rich_message_markdown(carrier):
        return None
    if carrier.voice or carrier.audio:
        return UnsupportedContent.VOICE
    if carrier.sticker:
        return UnsupportedContent.STICKER
    if carrier.paid_media:
        return UnsupportedContent.OTHER
    if UNREADABLE in carrier.api_kwargs or "rich_message" in carrier.api_kwargs:
        return UnsupportedContent.OTHER
    return None


def _location(location: Location) -> str:
    live = " (live)" if location.live_period else ""
    return f"Location{live}: {location.latitude:.6f}, {location.longitude:.6f}"


def _venue(venue: Venue) -> str:
    return f"Place: {venue.title}\n{venue.address}\n{_location(venue.location)}"


def _contact(contact: Contact) -> str:
    name = " ".join(filter(None, (contact.first_name, contact.last_name)))
    return f"Contact: {name}, {contact.phone_number}"


def _poll(poll: Poll) -> str:
    kind = "Quiz" if poll.type == Poll.QUIZ else "Poll"
    state = ", closed" if poll.is_closed else ""
    question = to_markdown(poll.question, poll.question_entities)
    options = "\n".join(f"- {option.text} ({option.voter_count})" for option in poll.options)
    explanation = f"\n{poll.explanation}" if poll.explanation else ""
    return f"{kind}{state} ({poll.total_voter_count} votes): {question}\n{options}{explanation}"


def _checklist(checklist: Checklist) -> str:
    tasks = "\n".join(
        f"- [{'x' if task.completion_date else ' '}] {to_markdown(task.text, task.text_entities)}"
        for task in checklist.tasks
    )
    return f"Checklist: {to_markdown(checklist.title, checklist.title_entities)}\n{tasks}"


def _invoice(invoice: Invoice) -> str:
    stars = invoice.currency == "XTR"
    amount = str(invoice.total_amount) if stars else f"{invoice.total_amount / _MINOR_UNITS:.2f}"
    return f"Invoice: {invoice.title}, {amount} {invoice.currency}\n{invoice.description}"


def _giveaway(giveaway: Giveaway) -> str:
    chats = ", ".join(chat.effective_name or "a chat" for chat in giveaway.chats)
    prize = giveaway.prize_description or "a prize"
    return f"Giveaway of {chats}: {giveaway.winner_count} × {prize}"


def _winners(winners: GiveawayWinners) -> str:
    names = ", ".join(winner.full_name for winner in winners.winners)
    return f"Giveaway of {winners.chat.effective_name or 'a chat'}, won by: {names}"


def _story(story: Story) -> str:
    return f"[story of {story.chat.effective_name or 'somebody'}, which bots cannot see]"


#: By the name of the field. A venue's bare location comes beside it, and is left out.
_DESCRIPTIONS: Final[Mapping[str, tuple[ContentKind, Callable[[Any], str]]]] = {
    "venue": (ContentKind.LOCATION, _venue),
    "location": (ContentKind.LOCATION, _location),
    "contact": (ContentKind.CONTACT, _contact),
    "poll": (ContentKind.POLL, _poll),
    "checklist": (ContentKind.CHECKLIST, _checklist),
    "dice": (ContentKind.DICE, lambda dice: f"{dice.emoji} shows {dice.value}"),
    "game": (ContentKind.GAME, lambda game: f"Game: {game.title}\n{game.description}"),
    "invoice": (ContentKind.INVOICE, _invoice),
    "sticker": (ContentKind.STICKER, lambda sticker: f"[sticker {sticker.emoji or ''}".rstrip() + "]"),
    "story": (ContentKind.STORY, _story),
    "giveaway": (ContentKind.GIVEAWAY, _giveaway),
    "giveaway_winners": (ContentKind.GIVEAWAY, _winners),
    "gift": (ContentKind.GIFT, lambda info: f"[a gift] {info.text or ''}".rstrip()),
    "unique_gift": (ContentKind.GIFT, lambda info: f"[a gift: {info.gift.base_name}]"),
}
