"""What goes between a customer and the desk: files, edits, deletions, long texts, failures."""

from typing import Any

import pytest

from bots.simulator.kimi import answer_with

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360"
    "f8cfc0000003010100c9fe92ef0000000049454e44ae426082"
)

pairs = pytest.mark.parametrize(("customers", "desk"), [("telegram", "slack"), ("slack", "telegram")])


async def talking(office: Any, customers: str, desk: str, **how: Any) -> tuple[Any, Any]:
    """Return a customer in a direct conversation and the one who took it."""
    office.open_desk(desk)
    await office.start(**how)
    ann = office.customer(customers, direct=True)
    await ann.say("转人工")
    await ann.sees("人工客服")
    team = await office.desk("Ann")
    await team.press(office.card(team), "接手")
    await ann.sees("接手")
    return ann, team


def files_in(side: Any) -> list[Any]:
    """The bot's files in a room, by what the platform was sent."""
    if side.platform == "slack":
        messages = side.sim.workspace.channels[side.channel].messages.values()
        return [one for one in messages if one.user == side.sim.bot_user and one.files]
    return [call for call in side.sim.calls if call.method in ("sendPhoto", "sendDocument") and call.ok]


@pairs
async def test_pictures_go_both_ways(office: Any, customers: str, desk: str) -> None:
    """A picture of either side stands on the other side, once, after its words."""
    ann, team = await talking(office, customers, desk)
    await ann.picture(PNG, "这是照片")
    await team.sees("Ann:", "这是照片")
    await team.picture(PNG, "看这里")
    await ann.sees("看这里")
    await office.settled()
    kinds = await office.rows("SELECT kind, side, state FROM handoff_outbox WHERE kind = 'file' ORDER BY id")
    assert [(one.side, one.state) for one in kinds] == [("desk", "done"), ("customer", "done")]


@pairs
async def test_edits_and_deletions_follow(office: Any, customers: str, desk: str) -> None:
    """A changed message changes its copy in place, and one that is taken away takes it along."""
    ann, team = await talking(office, customers, desk)
    mine = await ann.say("Order 7")
    await team.sees("Order 7")
    await ann.edit(mine, "Order 8")
    await team.sees("Order 8")
    assert team.count("Order 7") == 0
    theirs = await team.say("It left todey")
    await ann.sees("todey")
    await team.edit(theirs, "It left today")
    await ann.sees("It left today")
    assert ann.count("todey") == 0
    slack, other, copy, words = (
        (ann, team, mine, "Order 8") if customers == "slack" else (team, ann, theirs, "today")
    )
    await slack.sim.delete(slack.channel, copy)
    await office.until(lambda: other.count(words) == 0, "the copy is gone")
    await office.settled()
    lines = await office.rows("SELECT text FROM messages WHERE text LIKE :words", words=f"%{words}%")
    assert lines == []


@pairs
async def test_a_long_text_is_paged(office: Any, customers: str, desk: str) -> None:
    """A long message arrives whole, on as many pages as the platform needs."""
    ann, team = await talking(office, customers, desk)
    words = "\n\n".join(f"Line {number} of a long story." for number in range(120))
    await team.say(words)
    await ann.sees("Line 119 of")
    await ann.say("Thanks " + words[:3500])
    await team.sees("Line 90 of")
    await office.settled()
    for number in (0, 60, 119):
        assert ann.count(f"Line {number} of") == 1


async def test_words_that_do_not_arrive_are_told_to_the_desk(office: Any) -> None:
    """Where the customer has blocked the bot, the team reads so in the thread."""
    ann, team = await talking(office, "telegram", "slack")
    office.telegram.block_bot(ann.person)
    await team.say("Are you still there?")
    await team.sees("⚠️", "没有收到")
    await office.settled()
    assert await office.state() == "staff"


async def test_a_desk_that_cannot_be_reached_is_told_to_the_customer(office: Any) -> None:
    """Where the desk's room is closed to the bot, the customer hears so and the bot goes on."""
    office.open_desk("slack")
    office.slack.archive(office.desk_channel)
    await office.start()
    ann = office.customer("telegram", direct=True)
    await ann.say("human please, talk to a person")
    await ann.sees("cannot reach our team")
    await ann.say("What does the tea cost?")
    await ann.sees("Hello there.")
    assert await office.state() == "bot"


async def test_a_draft_is_sent_once_by_a_press(office: Any) -> None:
    """Kimi's draft reaches the customer when somebody sends it, in their name, and only once."""
    ann, team = await talking(office, "telegram", "slack")
    office.kimi.script = answer_with("请把它寄回来。")
    await team.press(office.card(team), "建议回复")
    draft = await team.sees("请把它寄回来")
    assert ann.count("请把它寄回来") == 0
    await team.press(draft, "发送")
    await ann.sees("Lin:", "请把它寄回来")
    await office.until(lambda: team.count("发送了这份草稿"), "the draft is marked")
    await office.settled()
    assert ann.count("请把它寄回来") == 1


@pairs
async def test_the_customer_rates_once_and_may_comment(office: Any, customers: str, desk: str) -> None:
    """After closing five buttons stand there; the first press counts, and a comment reaches the desk."""
    ann, team = await talking(office, customers, desk)
    await team.press(office.card(team), "关闭")
    closing = await ann.sees("打个分")
    await ann.press(closing, "★★★★")
    thanks = await ann.sees("谢谢你的评分")
    await office.until(lambda: "★★★★" in office.card(team).text, "the card tells the rating")
    await ann.press(thanks, "留一句话")
    await ann.sees("写下你的意见")
    await ann.say("很快，谢谢")
    await ann.sees("已转达")
    await office.until(lambda: "很快，谢谢" in office.card(team).text, "the card tells the comment")
    await office.settled()
    (row,) = await office.rows("SELECT stars, comment FROM handoff_ratings")
    assert (row.stars, row.comment) == (4, "很快，谢谢")
    assert office.asked() == []
    (times,) = await office.rows("SELECT requested_at, first_reply_at, ended_at FROM handoffs")
    assert times.ended_at is not None
