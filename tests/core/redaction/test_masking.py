"""Secrets go out as placeholders and come back as they were, however a reply is cut."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.redaction.masking import Masker, StreamUnmasker
from core.redaction.patterns import PiiKind, is_card_number

EVERYTHING = Masker(set(PiiKind), {"Bluebird": "codename", "蓝鸟计划": "", 'the "big" one': ""})

SECRETS = (
    "4111 1111 1111 1111",
    "5500-0000-0000-0004",
    "340000000000009",
    "ann.lee+shop@mail.example.com",
    "王@x",  # no address: it stays
    "+86 138 0013 8000",
    "13800138000",
    "(020) 7946 0958",
    "BLUEBIRD",
    "blue\nbird",
    "蓝鸟计划",
    'the "big"\none',
    "[CARD-1]",
    "[SECRET-2]",
    "[",
    "]",
    "[CARD-",
    "[TEXT-1]",
    "[codename-1]",
    "12",
    "我的卡号是",
    " and ",
    "\n",
)
said = st.lists(st.sampled_from(SECRETS) | st.text(max_size=5), max_size=8).map("".join)


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("My card is 4111 1111 1111 1111.", "My card is [CARD-1]."),
        ("卡号4111111111111111，谢谢", "卡号[CARD-1]，谢谢"),
        ("4111 1111 1111 1112 is no card", "4111 1111 1111 1112 is no card"),
        ("order 0000 0000 0000 0000", "order 0000 0000 0000 0000"),
        ("邮箱是ann@example.com谢谢", "邮箱是[EMAIL-1]谢谢"),
        ("a@b.co, A@b.co, a@b.co", "[EMAIL-1], [EMAIL-2], [EMAIL-1]"),
        ("not@mail, @ann, ann@", "not@mail, @ann, ann@"),
        ("+86 138 0013 8000 or 138-0013-8000", "[PHONE-1] or [PHONE-2]"),
        ("电话13800138000。", "电话[PHONE-1]。"),
        ("call (212) 555-0100 or 020-7946-0958", "call [PHONE-1] or [PHONE-2]"),
        ("on 2026-11-21 at 10:30, 192.168.1.10, v1.2.3, $1,234,567.89", None),
        ("order 20261121 0001, 1000000007 items", None),
        ("What of bluebird and BlueBird?", "What of [CODENAME-1] and [CODENAME-2]?"),
        ("蓝鸟计划如何？", "[SECRET-1]如何？"),
        ("give me [CARD-1]", "give me [TEXT-1]"),
    ],
)
def test_what_is_hidden(text: str, hidden: str | None) -> None:
    """Cards that add up, addresses, telephone numbers and secret words; dates and amounts stay."""
    mask = EVERYTHING.for_request()
    assert mask.mask(text) == (text if hidden is None else hidden)
    assert mask.unmask(mask.mask(text)) == text


def test_only_what_is_set_is_hidden() -> None:
    """Each kind is switched on by itself."""
    text = "4111111111111111 ann@example.com 13800138000"
    assert Masker({PiiKind.CARDS}).for_request().mask(text) == "[CARD-1] ann@example.com 13800138000"
    assert Masker({PiiKind.EMAILS}).for_request().mask(text) == "4111111111111111 [EMAIL-1] 13800138000"
    assert not Masker(set())
    assert Masker(set(), {"x y": ""})


@given(st.lists(said, max_size=4), said, st.lists(st.integers(0, 40), max_size=6))
def test_every_text_comes_back_however_it_is_cut(texts: list[str], reply: str, cuts: list[int]) -> None:
    """What was hidden in any message is shown in the reply, also where a placeholder is cut in two."""
    mask = EVERYTHING.for_request()
    for text in texts:
        mask.mask(text)
    sent = mask.mask(reply)
    shower, places = StreamUnmasker(mask), [0, *sorted(min(cut, len(sent)) for cut in cuts), len(sent)]
    shown = [shower.feed(sent[start:end]) for start, end in pairwise(places)]
    assert "".join(shown) + shower.flush() == reply == mask.unmask(sent)


@given(said)
def test_no_secret_leaves(text: str) -> None:
    """Whatever stands around it, no address, card or secret word is left in what is sent."""
    sent = EVERYTHING.for_request().mask(text)
    assert "ann.lee+shop@mail" not in sent
    assert "bluebird" not in sent.lower()
    assert "蓝鸟计划" not in sent


@given(said)
def test_the_same_beginning_is_hidden_the_same(text: str) -> None:
    """A request that grows at its end keeps its beginning, for Kimi's prefix cache."""
    first, second = EVERYTHING.for_request(), EVERYTHING.for_request()
    beginning = first.mask(text)
    first.mask("And ann@example.com, bob@example.com.")
    assert first.mask(text) == second.mask(text) == beginning


def test_a_placeholder_that_is_none_is_not_held_back() -> None:
    """A bracket is shown at once unless it may be the beginning of one."""
    mask = EVERYTHING.for_request()
    mask.mask("ann@example.com")
    shower = StreamUnmasker(mask)
    assert shower.feed("a [link](x) [EM") == "a [link](x) "
    assert shower.feed("AIL-1] and [EMA") == "ann@example.com and "
    assert shower.feed("C]") == "[EMAC]"
    assert shower.feed("[EMAIL") == ""
    assert shower.flush() == "[EMAIL"


def test_json_stays_json() -> None:
    """A secret with quotes does not break a tool's arguments; what holds none stays byte by byte."""
    mask = EVERYTHING.for_request()
    hidden = mask.mask('Ask for the "big" one.')
    assert hidden == "Ask for [SECRET-1]."
    shown = mask.unmask_json('{"query": "[SECRET-1]", "n": 1}')
    assert json.loads(shown) == {"query": 'the "big" one', "n": 1}
    assert json.loads(mask.mask_json(shown)) == {"query": "[SECRET-1]", "n": 1}
    assert mask.unmask_json('{"n" :1}') == '{"n" :1}'
    assert mask.unmask_json("no JSON, [SECRET-1]") == 'no JSON, the "big" one'


@given(st.from_regex(r"[2-6][0-9]{11,17}", fullmatch=True))
def test_luhn(digits: str) -> None:
    """Of the ten numbers with the same beginning exactly one is a card's."""
    if len(set(digits)) > 1:
        assert sum(is_card_number(digits + last) for last in "0123456789") == 1
