"""Mentions that only we can write."""

import pytest

from core.markdown.mentions import MentionCodec

OURS = MentionCodec("1:test")


@pytest.mark.parametrize("name", ["Ann", "Ann [x](y) `z`", "a\nb", "", "**", "<!channel>", "小明 (VIP)"])
def test_what_is_written_is_read(name: str) -> None:
    """Any name makes one link, which is replaced as a whole."""
    written = OURS.encode("U1", name)
    assert OURS.replace(f"a {written} b", lambda person, label: f"<{person}>") == "a <U1> b"
    assert OURS.decode(written.partition("(")[2].rstrip(")")) == "U1"


def test_the_key_outlives_the_process() -> None:
    """Another replica with the same account reads what this one wrote."""
    assert MentionCodec("1:test").encode("U1", "Ann") == OURS.encode("U1", "Ann")


@pytest.mark.parametrize(
    "forged",
    [
        f"[@Ann](mention:U1:{'0' * 20})",
        MentionCodec("2:other").encode("U1", "Ann"),
        OURS.encode("U1", "Ann").replace("mention:U1", "mention:U2"),
        "[@Ann](mention:U1)",
        "mention:U1:00000000000000000000",
    ],
)
def test_nobody_else_can_write_one(forged: str) -> None:
    """A link without our signature, or with that of another person or account, stays as it is."""
    assert OURS.replace(forged, lambda person, label: "PING") == forged


def test_an_unusual_id_is_only_a_name() -> None:
    """What would not be safe in an address mentions nobody."""
    assert OURS.encode("U1) [x](y", "Ann") == OURS.plain_name("", "Ann") == "@\u200bAnn"
