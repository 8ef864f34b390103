"""What people send on Slack, whole: through slack_sdk, Bolt and the service to Kimi's request."""

from typing import Any

import pytest

from bots.simulator.kimi import answer_with
from bots.simulator.slack.contents import pasted_table
from core.chat_policy import ChatRules
from core.store import rules

pytestmark = pytest.mark.parametrize("platform", ["slack"])

ALERT = {"title": "[FIRING:1] DiskFull db-7", "text": "disk usage 97 percent"}


def told(world: Any, index: int = -1) -> list[str]:
    """Return the user messages of Kimi's request number ``index``, each as one text."""
    contents = [content for role, content in world.question_of(index) if role == "user"]
    return [
        one if isinstance(one, str) else "\n".join(part.get("text", "[media]") for part in one)
        for one in contents
    ]


def bot(world: Any) -> str:
    """Return the mention of the bot."""
    return f"<@{world.sim.bot_user}>"


async def test_tables_and_forwards_reach_kimi(world: Any) -> None:
    """A pasted table, and a message of another channel that is forwarded with a question or alone."""
    await world.start()
    room = world.direct()
    (ann,) = room.people
    table = pasted_table(("Name", "Amount"), ("Item A", "1200"))
    await world.sim.say(room.channel, ann, "which is the largest?", attachments=[table])
    await world.done(1)
    assert told(world) == ["which is the largest?\n\n| Name | Amount |\n| --- | --- |\n| Item A | 1200 |"]
    bob = world.sim.add_person("Bob")
    other = world.sim.add_channel("finance", [bob, ann])
    origin = (other, await world.sim.say(other, bob, "The invoice 4711 is due on Friday"))
    await world.sim.forward(room.channel, ann, origin, "please summarise")
    await world.done(2)
    quote = "Bob wrote in #finance:\n> The invoice 4711 is due on Friday"
    assert told(world)[-1] == f"{quote}\n\nplease summarise"
    await world.sim.forward(room.channel, ann, origin)
    await world.done(3)
    assert told(world)[-1] == quote
    world.assert_calm()


async def test_an_alert_above_the_question_is_read_with_its_files(world: Any) -> None:
    """Called under an alert, Kimi gets it, what was said there, and the files that lie there."""
    await world.start()
    room = world.group("Ann", "Bob")
    ann, bob = room.people
    root = await world.sim.post_as_app(room.channel, "Grafana", attachments=[ALERT], webhook=True)
    await world.sim.share_file(
        room.channel, bob, filename="march.txt", content=b"MARCH-TOTAL-4242", text="our log", thread_ts=root
    )
    await world.sim.say(room.channel, ann, f"{bot(world)} what is going on?", root)
    await world.done(1)
    assert told(world) == [
        "Grafana: **[FIRING:1] DiskFull db-7**\ndisk usage 97 percent",
        "Bob: our log\n\n[attached: march.txt]",
        "Ann: what is going on?",
    ]
    assert "MARCH-TOTAL-4242" in str(world.requests[-1].messages)


@pytest.mark.parametrize("interruption", ["socket", "restart"])
async def test_what_was_missed_is_read_again(world: Any, interruption: str) -> None:
    """A thread is read again after a gap in the connection, with files, once; what is deleted stays away."""
    await world.start()
    room = world.group("Ann")
    (ann,) = room.people
    await room.ask("hello")
    await world.done(1)
    if interruption == "restart":
        await world.stop()
    heard, world.sim.subscriptions = world.sim.subscriptions, frozenset()
    await world.sim.say(room.channel, ann, "the server is called falcon-3", room.root)
    await world.sim.share_file(
        room.channel, ann, filename="log.txt", content=b"FALCON-LOG", text="its log", thread_ts=room.root
    )
    await world.sim.post_as_app(room.channel, "CI", "Build 14 failed", room.root)
    world.sim.subscriptions = heard
    if interruption == "restart":
        await world.start()
    else:
        await world.sim.drop_sockets()
        await world.sim.connected(fresh=True)
    await world.sim.say(room.channel, ann, f"{bot(world)} what is the server called?", room.root)
    await world.done(2)
    assert told(world)[-4:] == [
        "Ann: the server is called falcon-3",
        "Ann: its log\n\n[attached: log.txt]",
        "CI: Build 14 failed",
        "Ann: what is the server called?",
    ]
    assert "FALCON-LOG" in str(world.requests[-1].messages)
    reads = sum(call.method == "conversations.replies" for call in world.sim.calls)
    await world.sim.say(room.channel, ann, f"{bot(world)} sure?", room.root)
    await world.done(3)
    assert told(world)[-2:] == ["Ann: what is the server called?", "Ann: sure?"]
    assert sum(call.method == "conversations.replies" for call in world.sim.calls) == reads


async def test_kimi_is_told_which_channel_it_is_in(world: Any) -> None:
    """By name and topic, or else by purpose; looked up once an hour, and no question waits for it."""
    await world.start()
    room = world.group("Ann")
    world.sim.workspace.channels[room.channel].topic = "Orders &amp; returns"
    for number in (1, 2):
        await world.sim.say(room.channel, room.people[0], f"{bot(world)} hi")
        await world.done(number)
    system = str(world.requests[-1].messages[0]["content"])
    assert 'in "#team-' in system
    assert '"Orders & returns"' in system
    assert sum(call.method == "conversations.info" for call in world.sim.calls) == 1


async def test_a_bare_mention_under_a_question_asks_it(world: Any) -> None:
    """In a thread it means "answer this"; under the bot's own answer it still asks what is wanted."""
    await world.start()
    room = world.group("Ann", "Bob")
    ann, bob = room.people
    root = await world.sim.say(room.channel, bob, "What is the boiling point of water at 3000 m?")
    await world.sim.say(room.channel, ann, bot(world), root)
    await world.done(1)
    assert told(world) == ["Bob: What is the boiling point of water at 3000 m?"]
    room.root = root
    await world.sim.say(room.channel, ann, bot(world), root)
    await room.shows("What would you like to know?")
    assert len(world.requests) == 1


async def test_apps_are_heard_and_are_nobody(world: Any) -> None:
    """A build's message in a known thread is context; it is not answered, and the one person stays alone."""
    await world.start()
    room = world.group("Ann")
    (ann,) = room.people
    await room.ask("hello")
    await world.done(1)
    await world.sim.post_as_app(room.channel, "CI", "Build 13 passed on staging", room.root)
    await world.sim.settled()
    await world.sim.say(room.channel, ann, "which build passed?", room.root)
    await world.done(2)
    assert told(world)[-2:] == ["CI: Build 13 passed on staging", "Ann: which build passed?"]
    assert len(world.requests) == 2


async def test_a_reply_below_a_welcome_is_answered(world: Any) -> None:
    """A thread under the bot's own message is a conversation with it, and the message belongs to it."""
    await world.start()
    room = world.group("Ann")
    async with world.service.database.begin() as tx:
        made = ChatRules(welcome="Welcome {name}! How can I help you?")
        await rules.save(tx, made, platform="slack", tenant="", channel=room.channel, changed_by="")
    newcomer = world.sim.add_person("Mia")
    await world.sim.join(room.channel, newcomer)
    await world.until(lambda: world.screen.in_channel(room.channel, by_bot=True), "the welcome")
    await world.done(1)
    (welcome,) = world.screen.in_channel(room.channel, by_bot=True)
    await world.sim.say(room.channel, newcomer, "yes: where is my order?", welcome.message_id)
    await world.done(2)
    assert world.question_of(-1) == [
        ("assistant", "Welcome Mia! How can I help you?"),
        ("user", "Mia: yes: where is my order?"),
    ]


async def test_words_for_somebody_else_are_not_answered(world: Any) -> None:
    """A follow-up that names another person and not the bot is theirs, and is kept as context."""
    await world.start()
    room = world.group("Ann", "Rasha")
    ann, rasha = room.people
    await room.ask("hello")
    await world.done(1)
    await world.sim.say(room.channel, ann, f"<@{rasha}> can you check this please?", room.root)
    await world.sim.settled()
    await world.sim.say(room.channel, ann, f"{bot(world)} what did I ask her?", room.root)
    await world.done(2)
    assert told(world)[-2:] == ["Ann: @Rasha can you check this please?", "Ann: what did I ask her?"]
    assert len(world.requests) == 2


async def test_a_file_of_slack_connect_is_looked_up_and_read(world: Any) -> None:
    """Its event has neither name nor type nor address."""
    await world.start()
    room = world.direct()
    await world.sim.share_file(
        room.channel,
        room.people[0],
        filename="numbers.txt",
        content=b"ANSWER-42",
        text="total?",
        as_stub=True,
    )
    await world.done(1)
    assert "total?\n\n[attached: numbers.txt]" in told(world)
    assert "ANSWER-42" in str(world.requests[-1].messages)


async def test_a_canvas_is_read(world: Any) -> None:
    """Slack gives its text as HTML."""
    await world.start()
    room = world.direct()
    await world.sim.share_file(
        room.channel,
        room.people[0],
        filename="Launch plan",
        content=b"<html><head><title>Launch plan</title></head><body><p>Ship on May 5</p></body></html>",
        mimetype="application/vnd.slack-docs",
        filetype="quip",
        mode="quip",
        text="when?",
    )
    await world.done(1)
    assert "Ship on May 5" in str(world.requests[-1].messages)


@pytest.mark.parametrize("seen", [False, True])
async def test_a_deleted_question_is_not_answered(world: Any, seen: bool) -> None:
    """Its answer ends; nothing of it comes up at the channel's top level, nor in Kimi's next request."""
    world.kimi.script = answer_with("The sky scatters blue light. " * 20, first_after_s=2, chunks_per_s=10)
    await world.start()
    room = world.group("Ann")
    (ann,) = room.people
    asked = await room.ask("why is the sky blue?")
    await world.until(lambda: room.answers if seen else world.requests, "Kimi was asked")
    await world.sim.delete(room.channel, asked)
    await world.done(1)
    top = [one for one in world.screen.in_channel(room.channel, by_bot=True) if not one.thread]
    assert top == []
    assert bool(room.answers) is seen
    world.kimi.script = answer_with("Hello.")
    await world.sim.say(room.channel, ann, f"{bot(world)} hello", None)
    await world.done(2)
    assert "sky" not in str(told(world))


async def test_a_mention_that_an_edit_adds_is_answered(world: Any) -> None:
    """People forget the mention and add it; Slack sends the change alone."""
    await world.start()
    room = world.group("Ann")
    said = await world.sim.say(room.channel, room.people[0], "what is 2+2?")
    await world.sim.edit(room.channel, said, f"{bot(world)} what is 2+2?")
    await world.done(1)
    assert told(world) == ["Ann: what is 2+2?"]


@pytest.mark.parametrize("with_bot", [True, False])
async def test_a_slash_command_is_answered_in_private(world: Any, with_bot: bool) -> None:
    """Nobody else sees the reply, and it comes in channels too that the bot is not in."""
    await world.start()
    room = world.group("Ann", "Bob", with_bot=with_bot)
    await world.sim.slash("/kimi", "usage", room.channel, room.people[0])
    await world.sim.slash("/kimi", "halp", room.channel, room.people[0])
    await world.done(2)
    usage, help_text = world.screen.in_channel(room.channel, by_bot=True)
    assert "Today: 0 questions" in usage.text
    assert "just write to me in a direct message" in help_text.text
    assert {usage.visible_to, help_text.visible_to} == {room.people[0]}


@pytest.mark.parametrize("question", ["why is the sky blue?", "天空为什么是蓝的", "/imagine a moon"])
async def test_words_after_a_slash_command_are_a_question(world: Any, question: str) -> None:
    """It is answered for all where it was asked, below the question, which Slack shows to nobody else."""
    await world.start()
    room = world.group("Ann", "Bob")
    await world.sim.slash("/kimi", question, room.channel, room.people[0])
    assert await world.done(1) == ["complete"]
    assert told(world) == [f"Ann: {question}"]
    (answer,) = world.screen.in_channel(room.channel, by_bot=True)
    assert answer.text == f"> **Ann:** {question}\n\nHello there."
    assert (answer.thread, answer.visible_to) == ("", "")
    await world.sim.say(room.channel, room.people[1], "and at night?", answer.message_id)
    assert await world.done(2) == ["complete"] * 2, "a reply below it goes on"
    assert question in str(world.requests[-1].messages)


async def test_a_slash_question_in_a_foreign_channel_is_told_apart(world: Any) -> None:
    """The bot cannot write where it is no member: the person is told by the command's own way."""
    await world.start()
    room = world.group("Ann", with_bot=False)
    await world.sim.slash("/kimi", "why is the sky blue?", room.channel, room.people[0])
    assert await world.done(1) == ["undelivered"]
    (notice,) = world.screen.in_channel(room.channel, by_bot=True)
    assert "cannot be shown there" in notice.text
    assert notice.visible_to == room.people[0]


@pytest.mark.parametrize("how", ["text", "blocks", "card"])
async def test_an_app_that_may_ask_is_answered_with_a_bound(world: Any, how: str) -> None:
    """Off unless the deployment names the app; after three answers, we chose, a person must write."""
    room = world.group("Ann")
    words = f"{bot(world)} triage this alert"
    content: dict[str, Any] = {
        "text": {"text": words},
        "blocks": {"blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": words}}]},
        "card": {"attachments": [{"id": 1, "title": "Alert", "text": words, "fallback": words}]},
    }[how]
    root = await world.sim.post_as_app(room.channel, "Alerts", "Disk full")
    app = next(one.id for one in world.sim.workspace.people.values() if one.name == "Alerts")
    await world.start(slack_apps=(f"B{app[1:]}",))
    for number in range(1, 4):
        await world.sim.post_as_app(room.channel, "Alerts", thread_ts=root, webhook=number == 2, **content)
        await world.done(number)
    await world.sim.post_as_app(room.channel, "Alerts", thread_ts=root, **content)
    await world.sim.post_as_app(room.channel, "Other", thread_ts=root, **content)
    await world.sim.settled()
    assert len(world.requests) == 3
    await world.sim.say(room.channel, room.people[0], f"{bot(world)} go on", root)
    await world.done(4)
    await world.sim.post_as_app(room.channel, "Alerts", thread_ts=root, **content)
    await world.done(5)
    assert "triage this alert" in told(world)[-1]


async def test_a_thread_that_takes_no_reply_is_answered_beside_it(world: Any) -> None:
    """One try, then the channel's top level; streams of other channels are not used up."""
    await world.start()
    room = world.group("Ann")
    for method in ("chat.startStream", "chat.postMessage"):
        world.sim.faults.refuse(
            method, "cannot_reply_to_message", when=lambda params: bool(params.get("thread_ts")), times=9
        )
    await room.ask("hello?")
    await world.done(1)
    top = [one.text for one in world.screen.in_channel(room.channel, by_bot=True) if not one.thread]
    assert top == ["Hello there."]
    assert sum(call.method == "chat.startStream" for call in world.sim.calls) == 1


@pytest.mark.parametrize("word", ["restricted_action_thread_locked", "restricted_action_read_only_channel"])
@pytest.mark.parametrize("ephemeral", [True, False])
async def test_who_asks_where_nothing_can_be_written_is_told(world: Any, word: str, ephemeral: bool) -> None:
    """The notice is for the asker's eyes, in the channel or, if that is refused too, in a direct message."""
    await world.start()
    room = world.group("Ann", "Bob")
    for method in ("chat.startStream", "chat.postMessage"):
        world.sim.faults.refuse(
            method, word, when=lambda params: not str(params["channel"]).startswith("U"), times=99
        )
    if not ephemeral:
        world.sim.faults.refuse("chat.postEphemeral", "restricted_action", times=99)
    await room.ask("为什么天是蓝的？")
    assert await world.done(1) == ["undelivered"]
    told = "chat.postEphemeral" if ephemeral else "chat.postMessage"
    notices = [call.params for call in world.sim.calls if call.method == told and "text" in call.params]
    (notice,) = [one for one in notices if "私聊" in one["text"]]
    assert notice["user" if ephemeral else "channel"] == room.people[0]
    assert "为什么天是蓝的" in notice["text"]
