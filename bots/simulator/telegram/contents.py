"""The Bot API's objects for what people send besides words and files, and for where words come from. Pure.

Shapes: core.telegram.org/bots/api, as of Bot API 10.0.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from bots.simulator.telegram.chats import Chat, User
from bots.simulator.telegram.wire import chat_json, user_json

Content: TypeAlias = Mapping[str, Any]
"""Fields that a message carries, such as ``{"location": {…}}``."""


def location(latitude: float, longitude: float) -> Content:
    """Return a place on the map."""
    return {"location": {"latitude": latitude, "longitude": longitude}}


def venue(title: str, address: str, latitude: float, longitude: float) -> Content:
    """Return a named place; Telegram sends its bare location beside it."""
    place = location(latitude, longitude)
    return {**place, "venue": {**place, "title": title, "address": address}}


def contact(first_name: str, phone_number: str, last_name: str = "") -> Content:
    """Return a contact."""
    names = {"first_name": first_name} | ({"last_name": last_name} if last_name else {})
    return {"contact": names | {"phone_number": phone_number}}


def poll(
    question: str, options: Sequence[str], *, votes: Sequence[int] = (), old_server: bool = False
) -> Content:
    """Return a poll; an ``old_server`` leaves out what Bot API 9.6 and 10.0 added."""
    counts = [*votes, *[0] * (len(options) - len(votes))]
    shown = [
        {"text": text, "voter_count": count} | ({} if old_server else {"persistent_id": str(at)})
        for at, (text, count) in enumerate(zip(options, counts, strict=True))
    ]
    found: dict[str, Any] = {
        "id": "5",
        "question": question,
        "options": shown,
        "total_voter_count": sum(counts),
        "is_closed": False,
        "is_anonymous": True,
        "type": "regular",
        "allows_multiple_answers": False,
    }
    return {"poll": found | ({} if old_server else {"allows_revoting": True, "members_only": False})}


def checklist(title: str, tasks: Mapping[str, bool]) -> Content:
    """Return a checklist; ``tasks`` maps each task to whether it is done."""
    done = {"completion_date": 1_790_000_000}
    items = [
        {"id": at, "text": text} | (done if ticked else {})
        for at, (text, ticked) in enumerate(tasks.items(), 1)
    ]
    return {"checklist": {"title": title, "tasks": items}}


def dice(emoji: str, value: int) -> Content:
    """Return an animated emoji that shows a random value."""
    return {"dice": {"emoji": emoji, "value": value}}


def game(title: str, description: str) -> Content:
    """Return a game."""
    photo = {"file_id": "game", "file_unique_id": "u-game", "width": 90, "height": 90}
    return {"game": {"title": title, "description": description, "photo": [photo]}}


def invoice(title: str, description: str, currency: str, total_amount: int) -> Content:
    """Return an invoice; ``total_amount`` is in the currency's smallest unit."""
    price = {"start_parameter": "", "currency": currency, "total_amount": total_amount}
    return {"invoice": {"title": title, "description": description, **price}}


def story(chat: Chat) -> Content:
    """Return a forwarded story; a bot learns no more than who posted it."""
    return {"story": {"chat": chat_json(chat), "id": 1}}


# -- where words come from -------------------------------------------------------------------


def by_user(user: User, *, date: int = 1_790_000_000) -> Content:
    """Return the origin of a message that a person or bot first sent."""
    return {"type": "user", "date": date, "sender_user": user_json(user)}


def by_hidden_user(name: str, *, date: int = 1_790_000_000) -> Content:
    """Return the origin of a message whose author hides their account."""
    return {"type": "hidden_user", "date": date, "sender_user_name": name}


def by_chat(chat: Chat, *, signature: str = "", date: int = 1_790_000_000) -> Content:
    """Return the origin of a message that was sent in a group's name."""
    named = {"author_signature": signature} if signature else {}
    return {"type": "chat", "date": date, "sender_chat": chat_json(chat), **named}


def by_channel(chat: Chat, *, message_id: int = 7, signature: str = "", date: int = 1_790_000_000) -> Content:
    """Return the origin of a channel's post."""
    named = {"author_signature": signature} if signature else {}
    return {"type": "channel", "date": date, "chat": chat_json(chat), "message_id": message_id, **named}
