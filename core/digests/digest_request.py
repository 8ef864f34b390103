"""A digest that was asked for: which messages it is about, for whom, in which language."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo

from core.access import Actor
from core.chat_policy import ChatRules, find_zone
from core.chat_policy.time_zones import default_time_zone
from core.digests.period import DigestPeriod, parse_period
from core.domain.addresses import ChatType, ThreadKey
from core.domain.command_names import CommandName
from core.domain.events import CommandReceived, Event, Mention, MessageReceived
from core.inbound.digest_intake import command_text
from core.store import Transaction, person_settings
from core.text.language import language_of_tag


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestRequest:
    """One digest to write."""

    key: ThreadKey  #: the chat, or with a ``thread`` that thread or topic alone
    period: DigestPeriod | None  #: None: the person wrote something else
    before: datetime  #: when it was asked for
    asker_id: str  #: "" for a digest that a rule asks for
    language: str  #: BCP 47 tag; "" for the language of most messages
    zone: tzinfo  #: in which times are shown
    remember: timedelta  #: by the chat's rules
    question: str = ""  #: to answer from the messages; "" sums them up
    about_id: str = ""  #: the message that the question is about


def is_digest(event: Event) -> bool:
    """Return whether an event asks for a digest; in a direct conversation there is nothing to sum up."""
    match event:
        case CommandReceived(command=CommandName.DIGEST, chat_type=ChatType.GROUP):
            return True
        case _:
            return False


def as_question(event: CommandReceived) -> MessageReceived:
    """Return a command for a digest as the question that its answer is for."""
    return MessageReceived(
        delivery_id=event.delivery_id,
        message_id=event.message_id,
        address=event.address,
        author=event.author,
        text=command_text(event),
        sent_at=event.sent_at,
        chat_type=event.chat_type,
        mention=Mention.BY_NAME,
        is_hidden=not event.message_id and bool(event.author.id) and event.about is None,
    )


async def load_request(tx: Transaction, event: CommandReceived, rules: ChatRules | None) -> DigestRequest:
    """Return the digest that a command asks for.

    It is written in the language that its asker chose, else the chat's, else the one they write or use.
    """
    rules, key = rules or ChatRules(), event.address.key
    person = await person_settings.load_language(tx, Actor.at(key, event.author.id), 0)
    tag = person.chosen or rules.language
    if event.author.id and not tag:
        written = person.written()
        tag = "zh" if written == "zh" else event.author.language or written or "en"
    zone = find_zone(rules.time_zone or default_time_zone(language_of_tag(tag)))
    thread = "" if key.thread == event.message_id else key.thread
    if event.about is not None:
        thread = event.about.thread
    whole_thread = DigestPeriod() if thread and (event.about is not None or not event.argument) else None
    return DigestRequest(
        key=replace(key, thread=thread),
        period=whole_thread or parse_period(event.argument, now=event.sent_at, zone=zone),
        before=event.sent_at.astimezone(UTC),
        asker_id=event.author.id,
        language=tag,
        zone=zone,
        remember=rules.remember,
        question=event.argument if event.about is not None else "",
        about_id=event.about.message_id if event.about is not None else "",
    )
