"""Property: what the team writes that is not for the customer leaves the customer's screen as it is.

The sequences hold every form that people and editors give a note, words to the bot, commands, edits that add
or take away the mark, and albums with the mark on any part, on a desk whose platform copies messages.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.domain.events import Event, Mention, MessageReceived
from core.handoff.staff_text import SendMode
from tests.core.handoff.conftest import LIN, Screens
from tests.core.handoff.test_copies import POLL, VOICE, copyable, on_telegram, seen_by_customer
from tests.core.handoff.test_staff_text import NOTES, WRAPPERS
from tests.event_builders import Chat, picture

pytestmark = pytest.mark.virtual_time

_numbers = count(1)

words = st.text(alphabet=st.characters(exclude_categories=("Cs",)), max_size=20)
notes = st.one_of(
    st.sampled_from(NOTES),
    st.builds(
        lambda mark, text, wrapper: wrapper.format(f"{mark} {text}"),
        st.sampled_from(["//", "／／", "/／", "∕∕", "/\u200d/"]),
        words,
        st.sampled_from(WRAPPERS),
    ),
    st.builds("Hello.\n// {}".format, words),
    st.builds("@Bo, // {}".format, words),
)
questions = st.sampled_from(["what did she complain about?", "summarise please", "", "// and a note", "谁?"])
commands = st.sampled_from(["/assing Bo", "/refund 20", "/assign Nobody", "/note x", "/help", "/Take2 x"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What the team does next, and with which words."""

    kind: str
    text: str
    more: str = ""
    part: int = 0  #: of an album, that carries the mark
    content: str = ""  #: besides words


steps = st.one_of(
    st.builds(
        Step, kind=st.just("write"), text=notes, content=st.sampled_from(["", "picture", "voice", "poll"])
    ),
    st.builds(Step, kind=st.just("ask"), text=questions),
    st.builds(Step, kind=st.just("ask"), text=commands),
    st.builds(Step, kind=st.just("write"), text=commands),
    st.builds(Step, kind=st.just("note into words"), text=notes, more=words),
    st.builds(Step, kind=st.just("words into note"), text=st.sampled_from(["Hello", "Yes."]), more=notes),
    st.builds(
        Step,
        kind=st.just("album"),
        text=notes,
        more=st.sampled_from(["", "Look"]),
        part=st.integers(min_value=0, max_value=2),
    ),
)


def with_content(message: MessageReceived, content: str) -> MessageReceived:
    """Return a message with a picture, a recording or a poll, which the platform would copy."""
    match content:
        case "picture":
            return copyable(replace(message, attachments=(picture(),)))
        case "voice":
            return copyable(replace(message, relay_files=(VOICE,)))
        case "poll":
            return copyable(replace(message, other=(POLL,)))
        case _:
            return message


def events_of(desk: Chat, topic: str, step: Step) -> Sequence[Event]:
    """Return the events of a step, in the order in which the platform delivers them."""

    def message(text: str) -> MessageReceived:
        return desk.message(text, author=LIN, thread=topic)

    match step.kind:
        case "ask":
            return [replace(message(step.text), mention=Mention.BY_NAME)]
        case "note into words" | "words into note":
            said = message(step.text)
            return [said, desk.edit(said, step.more)]
        case "album":
            group = f"album:{next(_numbers)}"
            captions = [
                step.text if part == step.part else step.more if part == 0 else "" for part in range(3)
            ]
            parts = [with_content(message(caption), "picture") for caption in captions]
            return [replace(part, media_group_id=group) for part in parts]
        case _:
            return [with_content(message(step.text), step.content)]


@pytest.fixture
async def desk(screens: Screens) -> tuple[Chat, str]:
    """A desk in Telegram, and the topic of a ticket that Lin has taken."""
    _, desk, topic = await on_telegram(screens)
    await screens.ingest(desk.message("Hello, I am Lin.", author=LIN, thread=topic))
    await screens.settle()
    return desk, topic


@given(script=st.lists(steps, min_size=1, max_size=6), mode=st.sampled_from(SendMode))
@settings(
    max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture]
)  # examples go on in one ticket: the property holds from whatever state the earlier ones left
async def test_what_is_not_for_the_customer_changes_nothing_on_their_screen(
    screens: Screens, desk: tuple[Chat, str], script: list[Step], mode: SendMode
) -> None:
    """We chose: in doubt nothing is sent, and what turns out to be internal is taken back."""
    chat, topic = desk
    screens.configure(send_mode=mode)
    screens.runner = screens.new_runner()
    screens.model.replies = ["An answer for the team."] * 20
    before = seen_by_customer(screens)
    for step in script:
        for event in events_of(chat, topic, step):
            await screens.ingest(event)
    await screens.settle()
    assert seen_by_customer(screens) == before
