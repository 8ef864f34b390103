"""Files and pictures through the whole service, on both platforms and across restarts."""

import base64
import io
from pathlib import Path
from typing import Any

import docx
import pytest
from fpdf import FPDF
from PIL import Image

from tests.kimi_requests import is_document

PDF = "application/pdf"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


def pdf(*pages: str, password: str = "") -> bytes:
    """A PDF with a text on each page."""
    made = FPDF()
    made.set_font("helvetica", size=12)
    for text in pages:
        made.add_page()
        made.multi_cell(0, text=text)
    if password:
        made.set_encryption(owner_password="owner", user_password=password)
    return bytes(made.output())


def word(*paragraphs: str) -> bytes:
    """A Word document."""
    document = docx.Document()
    for paragraph in paragraphs:
        document.add_paragraph(paragraph)
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def picture(colour: str, side: int = 8, form: str = "JPEG") -> bytes:
    """A picture of one colour."""
    out = io.BytesIO()
    Image.new("RGB", (side, side), colour).save(out, form)
    return out.getvalue()


@pytest.fixture(params=["direct", "group"])
async def room(world: Any, request: pytest.FixtureRequest) -> Any:
    """A conversation of each kind."""
    return getattr(world, request.param)()


def systems(request: Any) -> list[str]:
    """The texts of a request's system messages after the first, and of its documents."""
    texts = [one["content"] for one in request.messages if one["role"] == "system" or is_document(one)]
    return texts[1:]


def pictures(request: Any) -> list[bytes]:
    """The bytes of every picture in a request, in order."""
    lists = [one["content"] for one in request.messages if isinstance(one["content"], list)]
    urls = [part["image_url"]["url"] for parts in lists for part in parts if part["type"] == "image_url"]
    return [base64.b64decode(url.partition(";base64,")[2]) for url in urls]


def left_behind(world: Any) -> list[Path]:
    """What stands in the folder for files that are being read."""
    return list((world.given["data_dir"] / "reading").glob("*"))


@pytest.mark.parametrize(
    ("name", "content", "media_type"),
    [
        ("moon.pdf", pdf("The moon is 384400 km away."), PDF),
        ("moon.docx", word("The moon is 384400 km away."), DOCX),
    ],
)
async def test_a_document_is_asked_about_across_a_restart(
    world: Any, room: Any, name: str, content: bytes, media_type: str
) -> None:
    """It is read once, stands in a system message of its own, and later questions still know it."""
    await world.start()
    await room.send((name, content, media_type), text="How far is it?")
    await room.shows("Hello there.")
    assert await world.done(1) == ["complete"]
    assert any(frame.message.text == f"Reading {name}…" for frame in world.screen.frames)
    (document,) = systems(world.requests[0])
    assert document.startswith(f'The file "{name}".')
    assert "The moon is 384400 km away." in document
    asked = world.question_of(0)[-1][1]
    assert "How far is it?" in asked
    assert asked.endswith(f"[attached: {name}]")
    world.assert_calm()
    await world.stop()
    await world.start()
    await room.ask("And in miles?")
    assert await world.done(2) == ["complete"] * 2
    assert systems(world.requests[1]) == [document]
    assert len(world.kimi.shelf.uploads) == 1
    assert left_behind(world) == []


async def test_a_picture_is_shown_to_kimi_with_every_question(world: Any, room: Any) -> None:
    """It goes as data beside the words it came with, also after a restart."""
    await world.start()
    red = picture("red")
    await room.send(("red.jpg", red, "image/jpeg"), text="Which colour?")
    await world.done(1)
    assert pictures(world.requests[0]) == [red]
    await world.stop()
    await world.start()
    await room.ask("Are you sure?")
    assert await world.done(2) == ["complete"] * 2
    assert pictures(world.requests[1]) == [red]
    assert [type(one["content"]) for one in world.requests[1].messages if one["role"] == "user"] == [
        list,
        str,
    ]
    assert world.kimi.shelf.uploads == []
    assert left_behind(world) == []


async def test_an_album_is_one_question(world: Any, room: Any) -> None:
    """All its pictures stand in one request, and there is one answer."""
    if world.name == "telegram":
        world.sim.bot.reads_all = True  # with privacy mode on, a group's bot sees only the caption's picture
    await world.start()
    colours = [picture(colour) for colour in ("red", "green", "blue")]
    album = [(f"{number}.jpg", content, "image/jpeg") for number, content in enumerate(colours)]
    await room.send(*album, text="Compare these.")
    assert await world.done(1) == ["complete"]
    assert len(world.requests) == 1
    assert pictures(world.requests[0]) == colours
    assert "Compare these." in str(world.requests[0].messages)
    await world.stop()
    await world.start()
    await room.ask("And the second?")
    assert await world.done(2) == ["complete"] * 2
    assert pictures(world.requests[1]) == colours


@pytest.mark.parametrize("platform", ["telegram"])
@pytest.mark.parametrize("captions", [["", "@moonthread_bot which?", ""], ["", "", "@moonthread_bot which?"]])
async def test_an_album_s_words_may_stand_on_any_picture(world: Any, captions: list[str]) -> None:
    """In a group, pictures before the one that names the bot belong to the question too."""
    world.sim.bot.reads_all = True
    await world.start()
    room = world.group()
    colours = [picture(colour) for colour in ("red", "green", "blue")]
    await world.sim.album(int(room.channel), room.people[0], ["", "nobody asked"], contents=colours[:2])
    await world.sim.album(int(room.channel), room.people[0], captions, contents=colours)
    assert await world.done(1) == ["complete"]
    assert pictures(world.requests[0]) == colours


@pytest.mark.parametrize("platform", ["telegram"])
async def test_an_album_that_a_crash_cut_is_still_one_question(world: Any) -> None:
    """Pictures that were stored before a restart are answered together with the later ones."""
    await world.start(shutdown_grace_s=0.0)
    room = world.direct()
    chat, (ann,) = int(room.channel), room.people
    await world.sim.send_photo(chat, ann, "both?", media_group_id="a", content=picture("red"))
    await world.queued(1)
    await world.stop()
    await world.sim.send_photo(chat, ann, media_group_id="a", content=picture("blue"))
    await world.start()
    assert await world.done(1) == ["complete"]
    assert pictures(world.requests[-1]) == [picture("red"), picture("blue")]


async def test_the_same_file_is_uploaded_once(world: Any) -> None:
    """Whoever sends it again, under whatever name: its bytes are known."""
    await world.start()
    content = pdf("One moon.")
    await world.direct("Ann").send(("a.pdf", content, PDF), text="Count.")
    await world.done(1)
    await world.direct("Bob").send(("b.pdf", content, PDF), text="Count.")
    await world.done(2)
    assert len(world.kimi.shelf.uploads) == 1
    assert 'The file "b.pdf"' in systems(world.requests[1])[0]


async def test_new_deletes_files_at_kimi(world: Any, room: Any) -> None:
    """After /new a file is neither shown nor kept, here or there."""
    await world.start()
    await room.send(("a.pdf", pdf("One moon."), PDF), text="Count.")
    await world.done(1)
    await room.order("new")
    await room.shows("start afresh")
    await world.until(lambda: not world.kimi.shelf.files, "Kimi keeps nothing")
    await world.done(2)
    await room.ask("Count what?")
    await world.done(3)
    assert systems(world.requests[-1]) == []
    assert await world.rows("SELECT 1 FROM files") == []
    assert await world.rows("SELECT 1 FROM file_blobs") == []


async def test_files_lists_and_removes(world: Any) -> None:
    """/files shows what was sent; a button takes a file out, at Kimi too."""
    await world.start()
    room = world.direct()
    await room.send(("a.pdf", pdf("One moon."), PDF), text="Count.")
    await world.done(1)
    await room.order("files")
    listed = await room.shows("`@file-1`" if world.name == "slack" else "@file-1")
    assert "a.pdf" in listed.text
    await world.done(2)
    await room.press("Remove a.pdf")
    await room.shows("Removed; I no longer use it.")
    await world.until(lambda: not world.kimi.shelf.files, "Kimi keeps nothing")
    await world.done(3)
    await room.ask("Count again.")
    await world.done(4)
    assert systems(world.requests[-1]) == []


async def test_a_file_of_another_conversation_is_used_by_reference(world: Any) -> None:
    """``@file-`` with a number or a name means a file that the person sent anywhere; others' are unknown."""
    await world.start()
    room = world.direct()
    await room.send(("My moon.pdf", pdf("One moon."), PDF), text="Count.")
    await world.done(1)
    await room.order("new")
    await world.done(2)
    await room.send(("My sun.pdf", pdf("One sun."), PDF), text="Count.")
    await world.done(3)
    group = world.group("Cid")
    ann = room.people[0]
    if world.name == "telegram":
        chat = world.sim.add_group("More", [ann])
        await world.sim.say(chat, ann, "@moonthread_bot compare with @file-my-sun.pdf and @file-moon")
    else:
        channel = world.sim.add_channel("more", [ann])
        mention = f"<@{world.sim.bot_user}>"
        await world.sim.say(channel, ann, f"{mention} compare with @file-my-sun.pdf and @file-moon")
    await world.done(4)
    assert "One sun." in systems(world.requests[-1])[0]
    shown = [one.text for one in world.screen.messages.values()]
    told = [text.replace("`", "") for text in shown]  # as code, so that it can be copied
    assert any("I know no file of yours called @file-moon." in text for text in told)
    await group.ask("What says @file-2?")
    name = "`@file-2`" if world.name == "slack" else "@file-2"
    await group.shows(f"I know no file of yours called {name}.")
    (to_kimi,) = systems(world.requests[-1])
    assert "I know no file of yours" in to_kimi


async def test_a_long_file_is_read_in_parts(world: Any) -> None:
    """The parts that fit the question stand before it, and the answer says that it is on a part."""
    pages = [f"Chapter {number}. " + "Nothing happens here at all. " * 150 for number in range(200)]
    pages[120] += "\n\nThe password of the observatory is selenium."
    text = "\n\n".join(pages).encode()
    await world.start(kimi_model="kimi-k2.6")
    room = world.direct()
    await room.send(("novel.txt", text, "text/plain"), text="Which password does the observatory have?")
    answer = await room.shows("novel.txt is too long: I read the parts that fit the question best")
    assert await world.done(1) == ["complete"]
    assert answer.text.startswith("Hello there.")
    (parts,) = systems(world.requests[0])
    assert "The password of the observatory is selenium." in parts
    assert "Chapter 0." in parts
    assert world.requests[0].messages[-2]["role"] == "user"  # what stands in a file has no voice of ours


BAD = {
    "empty": ("a.txt", b"", "text/plain", "a.txt is empty"),
    "encrypted": ("a.pdf", pdf("x", password="p"), PDF, "a.pdf is protected by a password"),
    "corrupt": ("a.pdf", pdf("x")[:200], PDF, "a.pdf seems to be damaged"),
    "scan": ("a.pdf", pdf(""), PDF, "There is no text in a.pdf"),
    "mislabelled": ("a.pdf", picture("red"), PDF, "a.pdf is not what its name says"),
    "unsupported": ("a.exe", b"MZ", "application/x-msdownload", "I cannot read files like a.exe"),
    "too large": ("a.txt", b"x" * (20 * 1024 * 1024 + 1), "text/plain", "a.txt is too large"),
    "broken": ("a.docx", word("x")[:500], DOCX, "a.docx seems to be damaged"),
}


@pytest.mark.parametrize("kind", BAD)
async def test_a_bad_file_gets_one_clear_sentence(world: Any, kind: str) -> None:
    """Without words Kimi is not asked, nothing is stuck, and nothing is left behind."""
    name, content, media_type, sentence = BAD[kind]
    await world.start()
    room = world.direct()
    await room.send((name, content, media_type))
    answer = await room.shows(sentence)
    assert await world.done(1) == ["files_unreadable"]
    assert answer.text.startswith(sentence)
    assert world.requests == []
    assert left_behind(world) == []
    assert await world.rows("SELECT 1 FROM file_blobs WHERE state = 'ready'") == []
    await room.ask("Never mind.")
    await room.shows("Hello there.")
    assert await world.done(2) == ["files_unreadable", "complete"]


async def test_words_beside_a_bad_file_are_answered(world: Any) -> None:
    """Kimi is told before the question what was not read, and the person below the answer."""
    await world.start()
    room = world.direct()
    await room.send(("a.exe", b"MZ", "application/x-msdownload"), text="这是什么？顺便问一下，二加二等于几？")
    answer = await room.shows("a.exe")
    assert await world.done(1) == ["complete"]
    assert answer.text.startswith("Hello there.")
    assert "I cannot read files like a.exe" in systems(world.requests[0])[-1]
    assert "二加二" in str(world.requests[0].messages[-1]["content"])
    await room.ask("Thanks.")
    await world.done(2)
    assert not any("a.exe" in text for text in systems(world.requests[1]))


@pytest.mark.parametrize("platform", ["slack"])
async def test_one_bad_file_of_several_is_told_under_the_answer(world: Any) -> None:
    """What can be read is answered about; the sentence in the person's language stands below."""
    await world.start()
    room = world.direct()
    good = ("a.pdf", pdf("One moon."), PDF)
    await room.send(good, ("b.txt", b"", "text/plain"), text="这是什么？")
    answer = await room.shows("b.txt 是空的")
    assert await world.done(1) == ["complete"]
    assert answer.text.startswith("Hello there.")
    assert len(systems(world.requests[0])) == 2  # a.pdf, and that b.txt is empty


@pytest.mark.parametrize("platform", ["slack"])
async def test_slack_s_login_page_is_no_file(world: Any) -> None:
    """Without files:read Slack answers with a page; the person is told, and /retry works once granted."""
    await world.start()
    account = world.sim.account
    granted = account.scopes
    account.scopes = frozenset(granted) - {"files:read"}
    room = world.direct()
    await room.send(("a.pdf", pdf("One moon."), PDF), text="Count.")
    await room.shows("I may not fetch a.pdf until whoever runs me grants")
    await world.done(1)
    account.scopes = granted
    await room.order("retry")
    await room.shows("Hello there.")
    await world.done(2)
    assert "One moon." in systems(world.requests[-1])[0]


async def test_a_provider_without_files_reads_plain_text(world: Any) -> None:
    """Ace Data Cloud extracts nothing: text is read here, a PDF is politely refused."""
    await world.start(kimi_base_url=world.kimi.ace_url, kimi_model="kimi-k2-instruct-0905")
    room = world.direct()
    await room.send(("a.pdf", pdf("One moon."), PDF), text="Count.")
    await room.shows("The Kimi provider in use cannot read files like a.pdf")
    await world.done(1)
    await room.send(("a.csv", "月亮,1".encode("gb18030"), "text/csv"), text="Count.")
    await world.done(2)
    assert "月亮,1" in systems(world.requests[-1])[0]
    await room.send(("a.png", picture("red", form="PNG"), "image/png"), text="Which colour?")
    await room.shows("This model cannot look at pictures")
    await world.done(3)


async def test_a_video_goes_to_models_that_take_it(world: Any) -> None:
    """It is given to Kimi once and referred to; another model says that it cannot."""
    await world.start()
    room = world.direct()
    clip = ("clip.mp4", b"\0\0\0\x18ftypisom" + b"\1" * 99, "video/mp4")
    await room.send(clip, text="What happens?")
    await world.done(1)
    (uploaded,) = world.kimi.shelf.uploads
    assert uploaded.purpose == "video"
    parts = world.requests[0].messages[-1]["content"]
    assert parts[-1] == {"type": "video_url", "video_url": {"url": f"ms://{uploaded.id}"}}
    await room.order("model kimi-k3.1-pro")
    await world.done(2)
    await room.send(clip)
    await room.shows("This model cannot watch videos")
    assert await world.done(3) == ["complete", "notice", "files_unreadable"]
    assert len(world.requests) == 1


async def test_a_large_picture_is_uploaded_once(world: Any) -> None:
    """Its bytes do not travel with every question."""
    await world.start()
    room = world.direct()
    large = picture("red", form="BMP", side=1300)
    await room.send(("large.bmp", large, "image/bmp"), text="Which colour?")
    await world.done(1)
    await room.ask("Are you sure?")
    await world.done(2)
    (uploaded,) = world.kimi.shelf.uploads
    assert uploaded.content == large
    for request in world.requests:
        assert f"ms://{uploaded.id}" in str(request.messages)


async def test_reading_can_be_stopped(world: Any, room: Any) -> None:
    """/stop while Kimi extracts a file ends the question; the next one reads it on."""
    await world.start()
    world.kimi.shelf.extract_s = 1e6
    await room.send(("a.pdf", pdf("One moon."), PDF), text="Count.")
    await world.until(lambda: world.kimi.shelf.uploads, "the upload")
    await room.order("stop")
    assert await world.done(1) == ["stopped"]
    assert left_behind(world) == []
    world.kimi.shelf.extract_s = 0.0
    await room.ask("Go on.")
    assert await world.done(2) == ["stopped", "complete"]
    assert "One moon." in systems(world.requests[0])[0]
    assert len(world.kimi.shelf.uploads) == 1


async def test_a_file_that_is_being_read_survives_a_restart(world: Any, room: Any) -> None:
    """The next process reads it to the end and answers, in the same message, with one upload."""
    await world.start(shutdown_grace_s=0.0)
    world.kimi.shelf.extract_s = 1e6
    await room.send(("a.pdf", pdf("One moon."), PDF), text="Count.")
    await room.shows("Reading a.pdf…")
    await world.until(lambda: world.kimi.shelf.uploads, "the upload")
    await world.stop()
    world.kimi.shelf.extract_s = 0.0
    await world.start()
    await room.shows("Hello there.")
    assert await world.done(1) == ["complete"]
    assert len(room.answers) == 1
    assert "One moon." in systems(world.requests[0])[0]
    assert len(world.kimi.shelf.uploads) == 1
    assert left_behind(world) == []


async def test_a_file_alone_is_a_question(world: Any) -> None:
    """Without a word beside it Kimi is shown the file and its name, and answers."""
    await world.start()
    room = world.direct("李雷", "zh")
    await room.send(("月报.txt", "本月收入一百万。".encode(), "text/plain"))
    assert await world.done(1) == ["complete"]
    assert "本月收入一百万。" in systems(world.requests[0])[0]
    assert world.question_of(0) == [("user", "[attached: 月报.txt]")]
    if world.name == "telegram":  # Slack tells no language
        assert any(frame.message.text == "正在读取 月报.txt……" for frame in world.screen.frames)
