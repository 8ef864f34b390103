"""What the files API answers, in every shape that was seen; the calls are tested on the stand-in."""

import pytest

from core.kimi import (
    KimiEndpointMissing,
    KimiFileRefused,
    KimiInvalidRequest,
    KimiUnavailable,
    KimiUnreadableReply,
)
from core.kimi.content import ImagePart, TextPart, VideoPart, count_media, text_of, wire_content
from core.kimi.files_api import as_file_refusal, extract_text, parse_file


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ('{"content":"月亮","file_type":"application/pdf","filename":"a.pdf","type":"file"}', "月亮"),
        ('"{\\"content\\":\\"moon\\",\\"type\\":\\"file\\"}"', "moon"),
        ("plain words", "plain words"),
        ('{"rows": 3}', '{"rows": 3}'),
        ("", ""),
        ('{"content": null}', ""),
        ("null", ""),
        ('{"content": "a\\u0000b"}', "ab"),
    ],
)
def test_a_file_s_text_is_found_in_any_shape(body: str, text: str) -> None:
    """JSON, JSON within a JSON string, and the plain text that is documented."""
    assert extract_text(body.encode()) == text


def test_a_page_is_no_file_s_text() -> None:
    """A gateway's page is never given to Kimi as the document (F36)."""
    with pytest.raises(KimiUnreadableReply):
        extract_text(b"<!DOCTYPE html><html><title>502 Bad Gateway</title></html>")


def test_a_file_in_work_is_not_damaged() -> None:
    """A refusal because the text is not ready yet may pass (F35)."""
    error = as_file_refusal(KimiInvalidRequest("HTTP 400: file is still being processed"))
    assert isinstance(error, KimiUnavailable)


@pytest.mark.parametrize(
    "entry", [None, [], {"id": "f"}, {"id": 1, "bytes": 1, "filename": "a", "purpose": "p"}]
)
def test_something_else_than_a_file_is_no_files_api(entry: object) -> None:
    """An endpoint that answers otherwise is another one."""
    with pytest.raises(KimiEndpointMissing):
        parse_file(entry)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("File size is zero, please confirm and re-upload the file", "empty"),
        ("File size is too large, max file size is 100MB", "too_large"),
        ("The number of files exceeds the limit", "full"),
        ("text extract error: the file is broken", "unreadable"),
    ],
)
def test_a_refusal_says_why(text: str, reason: str) -> None:
    """Its text is all that tells the kinds apart."""
    refused = as_file_refusal(KimiInvalidRequest(text, status=400))
    assert isinstance(refused, KimiFileRefused)
    assert refused.reason == reason


def test_other_errors_stay_what_they_are() -> None:
    """Only a plain 400 is about the file."""
    for error in (KimiUnavailable("x"), KimiEndpointMissing("x")):
        assert as_file_refusal(error) is error


def test_words_alone_are_sent_as_a_string() -> None:
    """Models that do not see refuse lists; with a picture the parts keep their order."""
    assert wire_content("words") == "words"
    assert wire_content((TextPart("a"), TextPart("b"))) == "a\nb"
    content = (TextPart("what?"), ImagePart("ms://1"), VideoPart("ms://2"))
    assert (text_of(content), count_media(content)) == ("what?", 2)
    assert wire_content(content) == [
        {"type": "text", "text": "what?"},
        {"type": "image_url", "image_url": {"url": "ms://1"}},
        {"type": "video_url", "video_url": {"url": "ms://2"}},
    ]
