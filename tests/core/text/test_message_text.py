"""A message as one text for readers: quote, words and names of attachments, each from its own field."""

from datetime import UTC, datetime

from core.domain.message_content import (
    Attachment,
    AttachmentKind,
    ContentKind,
    ForwardOrigin,
    MessageContent,
    OtherContent,
    ReplyContext,
    UnsupportedContent,
)
from core.text.message_text import attachments_line, display_name, render_content

PDF = Attachment(kind=AttachmentKind.FILE, name="a.pdf", media_type="", size_bytes=1, source={})
PHOTO = Attachment(kind=AttachmentKind.PICTURE, name="", media_type="", size_bytes=1, source={})


def test_words_alone_are_the_text() -> None:
    """We chose: a message of words only is rendered as it was written, whatever the words look like."""
    for words in ("[attached: x]", "Bob wrote:\n> the cup\n\nReally?", "a\n\n[attached: no"):
        assert render_content(MessageContent(text=words)) == words


def test_a_quote_is_above_the_words_and_attachments_are_below() -> None:
    """We chose: one blank line separates the parts; the quoted author's name comes first."""
    content = MessageContent(
        text="Really?",
        reply=ReplyContext(message_id="1", author="Ann", text="It is\nbroken."),
        attachments=(PDF, PHOTO),
    )
    assert render_content(content) == (
        "Ann wrote:\n> It is\n> broken.\n\nReally?\n\n[attached: a.pdf, photo.jpg]"
    )


def test_only_the_selected_part_of_a_quoted_message_is_shown() -> None:
    """Telegram's manual quotes select a part of the message: the whole stays with it, the part is named."""
    reply = ReplyContext(message_id="1", text="It is broken. Help!", selection="broken")
    assert render_content(MessageContent(text="How?", reply=reply)) == (
        "Replying to:\n> It is broken. Help!\n>\n> This part is meant:\n> broken\n\nHow?"
    )
    alone = ReplyContext(message_id="", text="", selection="broken")
    assert render_content(MessageContent(text="How?", reply=alone)) == "Replying to:\n> broken\n\nHow?"


def test_a_replied_message_shows_all_that_it_carries() -> None:
    """Replying to a picture, a poll or a recording means asking about it."""
    poll = OtherContent(kind=ContentKind.POLL, text="Poll: Tea?")
    for reply, quote in (
        (
            ReplyContext(message_id="1", author="Ann", attachments=(PHOTO,)),
            "Ann wrote:\n> [attached: photo.jpg]",
        ),
        (ReplyContext(message_id="1", author="Ann", other=(poll,)), "Ann wrote:\n> Poll: Tea?"),
        (
            ReplyContext(message_id="1", author="Ann", text="Hear!", unsupported=(UnsupportedContent.VOICE,)),
            "Ann wrote:\n> Hear!\n>\n> [a recording that could not be heard]",
        ),
        (
            ReplyContext(
                message_id="1", author="Ann", text="Up!", forwarded_from=ForwardOrigin(channel="News")
            ),
            "Ann forwarded from News:\n> Up!",
        ),
        (ReplyContext(message_id="", author="Ann", text="Up!", channel="Team"), "Ann wrote in Team:\n> Up!"),
    ):
        assert render_content(MessageContent(text="Well?", reply=reply)) == f"{quote}\n\nWell?"


def test_a_long_message_that_is_replied_to_is_cut_with_a_mark() -> None:
    """A quote of 100,000 characters would push the question out of sight."""
    reply = ReplyContext(message_id="1", text="x" * 100_000)
    text = render_content(MessageContent(text="Why?", reply=reply))
    assert len(text) < 5_000
    assert text.endswith("[the rest is left out]\n\nWhy?")


def test_a_reply_to_nothing_known_is_left_out() -> None:
    """Of a message that the platform does not show there is nothing to quote."""
    assert render_content(MessageContent(text="How?", reply=ReplyContext(message_id="1"))) == "How?"


def test_what_could_not_be_read_is_named() -> None:
    """Kimi is told of a recording beside words; of a message that is only empty there is nothing to tell."""
    voice = MessageContent(text="listen please", unsupported=(UnsupportedContent.VOICE,))
    assert render_content(voice) == "listen please\n\n[a recording that could not be heard]"
    assert render_content(MessageContent(unsupported=(UnsupportedContent.EMPTY,))) == ""


def test_a_forwarded_message_names_its_origin() -> None:
    """Forwarded words are not the sender's own."""
    origin = ForwardOrigin(author="Ann\n<Lee>", sent_at=datetime(2026, 1, 2, tzinfo=UTC))
    assert render_content(MessageContent(text="Come!", forwarded_from=origin)) == (
        "Forwarded from Ann  Lee:\n\nCome!"
    )
    assert render_content(MessageContent(text="Come!", forwarded_from=ForwardOrigin())) == (
        "Forwarded:\n\nCome!"
    )


def test_other_content_is_below_the_words() -> None:
    """A poll or a card is part of what the message says."""
    poll = OtherContent(kind=ContentKind.POLL, text="Poll: Tea?")
    assert render_content(MessageContent(text="Vote!", other=(poll,))) == "Vote!\n\nPoll: Tea?"
    assert render_content(MessageContent(other=(poll,), attachments=(PDF,))) == (
        "Poll: Tea?\n\n[attached: a.pdf]"
    )


def test_nothing_readable_is_an_empty_text() -> None:
    """A message of which nothing can be read renders to nothing."""
    assert render_content(MessageContent()) == ""
    assert attachments_line([]) == ""


def test_a_file_name_is_one_short_line_without_markup() -> None:
    """Line breaks and Markdown are removed, long names are cut in the middle, missing ones are replaced."""
    assert display_name("a\n*b*_c`.pdf", AttachmentKind.FILE) == "a 'b''c'.pdf"
    assert display_name("", AttachmentKind.PICTURE) == "photo.jpg"
    long = display_name("x" * 200 + ".pdf", AttachmentKind.FILE)
    assert len(long) == 80
    assert long.endswith(".pdf")


def test_a_recording_is_named_only_where_no_words_stand_for_it() -> None:
    """Kimi reads what was said in it, and would else say that it cannot listen."""
    recording = Attachment(
        kind=AttachmentKind.AUDIO, name="", media_type="audio/ogg", size_bytes=1, source={}
    )
    notes = Attachment(kind=AttachmentKind.FILE, name="a.txt", media_type="", size_bytes=1, source={})
    heard = MessageContent(text="What is tea?", attachments=(recording, notes))
    assert render_content(heard) == "What is tea?\n\n[attached: a.txt]"
    assert render_content(MessageContent(attachments=(recording,))) == "[attached: audio]"
