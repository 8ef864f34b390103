"""Internal words stay within the team, seen through both platforms' SDKs and screens."""

from typing import Any

import pytest

from tests.service.desk.test_relay import PNG, pairs


async def talking(office: Any, customers: str, desk: str, **how: Any) -> tuple[Any, Any]:
    """Return a customer in a direct conversation, and the one who answered."""
    office.open_desk(desk)
    await office.start(**how)
    ann = office.customer(customers, direct=True)
    await ann.say("转人工")
    team = await office.desk("Ann", within_s=60.0)
    await team.say(">> 你好")
    await ann.sees("你好")
    return ann, team


def customer_screen(ann: Any) -> list[str]:
    """Everything of the bot that a customer sees: texts, and files by name."""
    shown = list(ann.texts)
    if ann.platform == "slack":
        messages = ann.sim.workspace.channels[ann.channel].messages.values()
        shown += [str(file) for one in messages if one.bot_id for file in one.files]
    return shown


FORMS = {
    "slack": [
        "// plain",
        "／／ full width",
        "*// bold*",
        "_// italic_",
        "`// code`",
        "```// code block```",
        "> // quote",
        "• // list",
        ":lock: // emoji",
    ],
    "telegram": [
        "// plain",
        "／／ full width",
        "⁄⁄ fraction",
        "> // quote",
        "- // list",
        "1. // number",
    ],
}


@pairs
async def test_notes_and_words_to_the_bot(office: Any, customers: str, desk: str) -> None:
    """Whatever the team writes for itself or to the bot, the customer's screen stays as it was."""
    ann, team = await talking(office, customers, desk)
    await office.settled()
    before = customer_screen(ann)
    for form in FORMS[desk]:
        await team.say(form)
    name = f"<@{office.slack.bot_user}>" if desk == "slack" else "@moonthread_bot"
    await team.say(f"{name} what did this customer complain about last time?")
    await team.sees("Kimi", "只有团队能看到")
    await team.say(f"{name} /assing Bo")
    await team.sees("/assing")
    await team.say("Hello Ann.\n// she is difficult")
    await team.sees("//", "没有发给客户")
    await office.settled()
    assert customer_screen(ann) == before
    assert all(state == "staff" for state in [await office.state()])


@pairs
async def test_a_mark_that_comes_with_an_edit(office: Any, customers: str, desk: str) -> None:
    """A message that is edited into a note disappears from the customer's screen, and stays away."""
    ann, team = await talking(office, customers, desk)
    said = await team.say("She is difficult")
    await ann.sees("She is difficult")
    await team.edit(said, "／／ She is difficult")
    await office.until(lambda: ann.count("difficult") == 0, "the copy is gone")
    await team.edit(said, "She is very difficult")
    await team.sees("请另写一条")
    await office.settled()
    assert ann.count("difficult") == 0


@pytest.mark.parametrize(
    "captions", [["// internal: the customer's ID card, do not send", "", ""], ["", "", "／／ do not send"]]
)
async def test_a_note_on_an_album(office: Any, captions: list[str]) -> None:
    """Telegram delivers an album as single messages; the mark on one of them keeps all of them."""
    ann, team = await talking(office, "slack", "telegram")
    await office.settled()
    before = customer_screen(ann)
    staff = office.staff["Lin"]
    await office.telegram.album(int(team.channel), staff, captions, topic=int(team.thread))
    await team.say("An album is ready.")
    await ann.sees("An album is ready.")
    await office.settled()
    assert customer_screen(ann) == [*before, ann.texts[-1]]


@pairs
async def test_a_desk_that_sends_marked_text_only(office: Any, customers: str, desk: str) -> None:
    """With MOONTHREAD_DESK_SEND=marked only marked words go out, without the mark."""
    ann, team = await talking(office, customers, desk, desk_send="marked")
    await office.settled()
    before = customer_screen(ann)
    await team.say("Who knows this customer?")
    await team.picture(PNG, "her ID card")
    await team.say(">> It left today.")
    await ann.sees("It left today.")
    await office.settled()
    assert customer_screen(ann) == [*before, ann.texts[-1]]
    assert ">>" not in ann.texts[-1]
