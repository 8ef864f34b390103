"""The reader of server-sent events."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

import core.kimi.sse
from core.kimi.sse import SseDecoder


def read(*chunks: bytes) -> list[bytes]:
    """Feed all chunks and the end."""
    reader = SseDecoder()
    events = [event for chunk in chunks for event in reader.feed(chunk)]
    return events + reader.close()


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_lines_may_end_in_three_ways(end: bytes) -> None:
    """LF, CRLF and CR end lines alike."""
    assert read(end.join([b"data: a", b"", b"data: b", b"", b""])) == [b"a", b"b"]


def test_an_event_counts_as_soon_as_its_blank_line_is_read() -> None:
    """A complete event is handed out by the read that completes it, even where a CR ends it."""
    reader = SseDecoder()
    assert reader.feed(b"data: a\n") == []
    assert reader.feed(b"\n") == [b"a"]
    assert reader.feed(b"data: b\r\n\r") == [b"b"]
    assert reader.feed(b"\ndata: c\n\n") == [b"c"]


def test_several_events_of_one_read_keep_their_order() -> None:
    """One network read may complete many events."""
    assert SseDecoder().feed(b"data: 1\n\ndata: 2\n\ndata: 3\n\n") == [b"1", b"2", b"3"]


def test_comments_blank_lines_and_other_fields_are_skipped() -> None:
    """Only data makes an event."""
    assert read(b": ping\n\n\n\nevent: message\nid: 7\nretry: 5\n\n:\ndata: a\ndatax: no\n\n") == [b"a"]


def test_the_space_after_the_colon_is_optional_and_only_one_is_taken() -> None:
    """With and without a space the data is the same; further spaces belong to it."""
    assert read(b"data:x\n\ndata:  x\n\n") == [b"x", b" x"]


def test_data_lines_of_one_event_are_joined() -> None:
    """Several data lines make one event with line feeds between them; empty data makes none."""
    assert read(b"data: a\ndata:\ndata\ndata: b\n\ndata:\n\ndata\n\n") == [b"a\n\n\nb"]


def test_the_last_event_counts_without_its_blank_line() -> None:
    """A stream that ends right behind its last data, or in the line, loses nothing."""
    assert read(b"data: a\n\ndata: b\n") == [b"a", b"b"]
    assert read(b"data: a\n\ndata: b") == [b"a", b"b"]
    assert read(b"data: a\n\n") == [b"a"]
    assert read() == []


def test_a_byte_order_mark_is_skipped_at_the_start_only() -> None:
    """A BOM before the first line is no part of it."""
    assert read(b"\xef\xbb\xbfdata: a\n\n\xef\xbb\xbfdata: b\n\n") == [b"a"]
    assert read(b"\xef", b"\xbb\xbfdata: a") == [b"a"]


@pytest.mark.parametrize("piece", [b"data: aaaa", b"data: aaaa\n"])
def test_an_endless_event_is_refused(piece: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that never ends an event cannot fill the memory."""
    monkeypatch.setattr(core.kimi.sse, "MAX_EVENT_BYTES", 100)
    reader = SseDecoder()
    with pytest.raises(ValueError, match="more than 100 bytes"):
        _ = [reader.feed(piece) for _ in range(30)]


_LINES = st.sampled_from(
    [
        b'data: {"a":"\xe4\xbd\xa0\xe5\xa5\xbd"}',
        b"data:x",
        b"data: ",
        b"data",
        b"",
        b"",
        b": ping",
        b"event: e",
        b"y",
    ]
)
_ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])


@given(lines=st.lists(st.tuples(_LINES, _ENDS), max_size=30), cuts=st.lists(st.integers(0, 400), max_size=40))
def test_any_cut_of_the_bytes_gives_the_same_events(
    lines: list[tuple[bytes, bytes]], cuts: list[int]
) -> None:
    """Where the network cuts the stream never matters, in the middle of a character or of CRLF."""
    stream = b"".join(line + end for line, end in lines)
    marks = sorted({0, len(stream), *(cut % (len(stream) + 1) for cut in cuts)})
    pieces = [stream[start:end] for start, end in itertools.pairwise(marks)]
    assert read(*pieces) == read(stream)
    assert read(*(stream[i : i + 1] for i in range(len(stream)))) == read(stream)


@given(payloads=st.lists(st.binary(min_size=1).filter(lambda raw: not set(raw) & {10, 13}), max_size=20))
def test_whatever_was_sent_is_read(payloads: list[bytes]) -> None:
    """Every payload without line ends comes out as it went in."""
    stream = b"".join(b"data: " + payload + b"\n\n" for payload in payloads)
    assert read(stream) == payloads
