"""Forged presses: a changed client sends any data for any message that its user sees.

The platform says so: https://core.telegram.org/bots/api#callbackquery.
"""

from dataclasses import replace

import pytest

from core.access import AccessLists
from core.domain.buttons import ActionButton, ButtonAction, ConfirmForget, OptionAction, RunCommand
from core.domain.buttons import RequestHuman as Human
from core.domain.command_names import CommandName
from core.domain.events import ButtonPressed, Mention
from core.domain.queue import Lane
from core.domain.turn_states import CancelReason, KimiFailure, Outcome, TurnOutcome
from core.inbound.staff import StaffDirectory
from core.store import conversations, schema, turns
from tests.core.inbound.conftest import Inbound
from tests.event_builders import ANN, BOB, CARL, Chat, direct_chat, group_chat, slack_channel

pytestmark = pytest.mark.virtual_time

K3 = RunCommand(command=CommandName.MODEL, argument="kimi-k3")
OPTIONS: list[OptionAction] = [
    *(RunCommand(command=name, argument="") for name in CommandName),
    K3,
    RunCommand(command=CommandName.SETTINGS, argument="trigger=always"),
    ConfirmForget(person_id=ANN.id, confirmed=True),
    ConfirmForget(person_id=BOB.id, confirmed=True),
    Human(),
]


async def answered(inbound: Inbound, chat: Chat, outcome: TurnOutcome = Outcome.COMPLETE) -> ButtonPressed:
    """Let Ann get an answer in a chat; return a press of hers under it, whose action a test replaces."""
    question = replace(chat.message("Why?"), mention=Mention.BY_NAME)
    await inbound.ingest(question)
    thread = question.address.key.thread
    conversation = await inbound.conversation(chat, thread)
    assert conversation is not None
    turn = await inbound.answer(conversation, "Because.", outcome=outcome)
    return chat.press(ActionButton.RETRY, f"A{turn.id}", thread=thread)


async def open_presses(inbound: Inbound) -> list[ButtonAction]:
    """Return the actions of the presses that will be worked on."""
    events = [*await inbound.open_events(), *await inbound.open_events(Lane.COMMANDS)]
    return [event.action for event in events if isinstance(event, ButtonPressed)]


@pytest.mark.parametrize(
    "chat", [direct_chat(), group_chat(), slack_channel()], ids=["direct", "group", "channel"]
)
async def test_an_answer_offers_no_options(inbound: Inbound, chat: Chat) -> None:
    """Whatever option a press names under an answer, nothing is done that could replace the answer."""
    press = await answered(inbound, chat)
    for number, action in enumerate(OPTIONS):
        for author in (ANN, BOB):
            forged = replace(press, action=action, author=author, delivery_id=f"{number}:{author.id}")
            assert await inbound.ingest(forged)
    assert await open_presses(inbound) == []


@pytest.mark.parametrize(
    ("outcome", "offered"),
    [
        (Outcome.COMPLETE, (ActionButton.RETRY,)),
        (Outcome.LENGTH_LIMIT, (ActionButton.RETRY, ActionButton.CONTINUE)),
        (Outcome.STOPPED, (ActionButton.RETRY,)),
        (KimiFailure("rate_limited"), (ActionButton.RETRY,)),
        (Outcome.NO_KNOWLEDGE, ()),
        (Outcome.QUESTION_TOO_LONG, ()),
    ],
    ids=str,
)
async def test_an_answer_is_repeated_or_continued_only_if_it_offers_that(
    inbound: Inbound, outcome: TurnOutcome, offered: tuple[ActionButton, ...]
) -> None:
    """Continue under a complete answer, for example, would write over it."""
    press = await answered(inbound, direct_chat(), outcome)
    for action in (ActionButton.RETRY, ActionButton.CONTINUE):
        await inbound.ingest(replace(press, action=action, delivery_id=action.value))
    assert set(await open_presses(inbound)) == set(offered)


async def test_feedback_counts_on_an_answer_only(inbound: Inbound) -> None:
    """A menu, a person's own message and an unknown message have no verdict."""
    chat = direct_chat()
    question = chat.message("Why?")
    await inbound.ingest(question)
    await inbound.show_menu(chat.command(CommandName.MODEL), "menu", K3)
    for message_id in ("menu", question.message_id, "unknown"):
        await inbound.ingest(chat.press(ActionButton.GOOD, message_id))
    async with inbound.database.read() as tx:
        assert (await tx.execute(schema.feedback.select())).all() == []


async def test_only_the_last_page_of_an_answer_has_its_buttons(inbound: Inbound) -> None:
    """An answer in two messages has its buttons below the second."""
    press = await answered(inbound, direct_chat())
    async with inbound.database.begin() as tx:
        key = press.address.key
        first = await conversations.find_turn_id(tx, key, press.message_id)
        found = await conversations.find_by_message(tx, key, press.message_id)
        assert first is not None
        assert found is not None
        turn = await turns.get(tx, first)
        assert turn is not None
        refs = [*turn.refs, replace(turn.refs[0], message_id="page 2")]
        await tx.execute(schema.turns.update().values(refs=tuple(refs)))
        await conversations.save_ref(tx, key, "page 2", found.id, first)
    await inbound.ingest(press)
    assert await open_presses(inbound) == []
    await inbound.ingest(replace(press, message_id="page 2", delivery_id="2"))
    assert await open_presses(inbound) == [ActionButton.RETRY]


async def test_a_menu_offers_its_own_options_and_no_others(inbound: Inbound) -> None:
    """Exactly the data of one of its buttons counts; a person could have typed other arguments."""
    chat = direct_chat()
    await inbound.show_menu(chat.command(CommandName.MODEL), "menu", K3)
    for number, action in enumerate(option for option in OPTIONS if option != K3):
        await inbound.ingest(replace(chat.press(action, "menu"), delivery_id=str(number)))
    for button in ActionButton:
        await inbound.ingest(replace(chat.press(button, "menu"), delivery_id=button.value))
    assert await open_presses(inbound) == []
    await inbound.ingest(chat.press(K3, "menu"))
    assert await open_presses(inbound) == [K3]


async def test_a_menu_is_for_the_person_who_got_it_and_for_admins(inbound: Inbound) -> None:
    """In a group another member's press leaves the menu as it is; they can give the command themselves."""
    chat = group_chat()
    await inbound.show_menu(chat.command(CommandName.MODEL), "menu", K3)
    by_bob = chat.press(K3, "menu", author=BOB)
    await inbound.ingest(by_bob)
    assert await open_presses(inbound) == []
    inbound.configure(access=AccessLists(admins=frozenset({f"{chat.platform}:{BOB.id}"})))
    await inbound.ingest(replace(by_bob, delivery_id="as an admin"))
    assert await open_presses(inbound) == [K3]


async def test_an_option_of_another_message_does_not_count(inbound: Inbound) -> None:
    """What one menu offers cannot be pressed under another message of the same chat."""
    chat = direct_chat()
    await inbound.show_menu(chat.command(CommandName.MODEL), "menu", K3)
    other = RunCommand(command=CommandName.THINK, argument="off")
    await inbound.show_menu(chat.command(CommandName.THINK), "other menu", other)
    await inbound.ingest(chat.press(K3, "other menu"))
    await inbound.ingest(chat.press(K3, "unknown"))
    assert await open_presses(inbound) == []


async def test_stop_may_be_pressed_before_the_message_is_known(inbound: Inbound) -> None:
    """The first page can be pressed before its reference is stored; one's own answer may be stopped."""
    chat = direct_chat()
    await inbound.ingest(chat.message("Why?"))
    conversation = await inbound.conversation(chat)
    assert conversation is not None
    _, answer = await inbound.begin_answer(conversation)
    await inbound.ingest(chat.press(ActionButton.STOP, "not stored yet"))
    assert answer.cancel_reason is CancelReason.STOP


class BobIsAdmin:
    """A platform on which Bob is an admin of every chat."""

    async def is_admin(self, channel: str, person_id: str) -> bool:
        """Return whether this is Bob."""
        return person_id == BOB.id

    async def in_group(self, group: str, person_id: str) -> bool:
        """Return False: there are no groups."""
        return False


@pytest.mark.parametrize("menu", [CommandName.SETTINGS, CommandName.TOOLS])
async def test_an_admin_of_the_chat_presses_in_another_ones_settings(
    inbound: Inbound, menu: CommandName
) -> None:
    """The rules are the chat's, so its admins share the menu; other menus are one person's."""
    platform = {"telegram": BobIsAdmin()}
    inbound.configure(staff=StaffDirectory(inbound.database, inbound.clock, members=platform))
    chat = group_chat()
    rules = RunCommand(command=menu, argument="shop=on")
    await inbound.show_menu(chat.command(menu, author=ANN), "M1", rules)
    await inbound.show_menu(chat.command(CommandName.MODEL, author=ANN), "M2", K3)
    for author in (CARL, BOB):
        await inbound.ingest(chat.press(rules, "M1", author=author))
        await inbound.ingest(chat.press(K3, "M2", author=author))
    events = await inbound.open_events(Lane.COMMANDS)
    assert [(event.author, event.action) for event in events if isinstance(event, ButtonPressed)] == [
        (BOB, rules)
    ]
