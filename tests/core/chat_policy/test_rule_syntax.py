"""Rules as words: the same after they were written and read, and every fault named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.chat_policy import (
    RULE_NAMES,
    ChatRules,
    Trigger,
    parse_hours,
    parse_pairs,
    parse_rules,
    render_rules,
    with_changes,
)
from core.domain.errors import SettingsError

names = st.text(st.characters(categories=("L", "N")), min_size=1, max_size=8)
lists = st.lists(names, max_size=3, unique=True).map(tuple)
texts = st.text(max_size=40).map(str.strip)
all_rules = st.builds(
    ChatRules,
    trigger=st.sampled_from(Trigger),
    keywords=lists,
    quiet_s=st.integers(0, 9_999).map(float),
    gather_s=st.sampled_from([0.0, 1.0, 1.5]),
    hours=st.sampled_from([None, parse_hours("mon-fri 09:00-18:00, sat 10:00-12:00 Asia/Shanghai")]),
    closed_text=texts,
    language=st.sampled_from(["", "zh", "en-GB"]),
    persona=texts,
    search=st.sampled_from([None, True, False]),
    knowledge=lists,
    strict=st.booleans(),
    person_messages=st.integers(0, 99),
    staff=lists,
    welcome=texts,
    desk=st.sampled_from(["", "slack:C0123", "telegram:-100"]),
)


@given(all_rules)
def test_rules_survive_the_store(rules: ChatRules) -> None:
    """What is stored is read as it was, whether only what differs is written or everything."""
    assert parse_rules(render_rules(rules)) == rules
    assert parse_rules(render_rules(rules, include_defaults=True)) == rules


def test_the_usual_is_not_stored() -> None:
    """Rules that are all as usual are no words, so that a later version's usual counts for them."""
    assert render_rules(ChatRules()) == {}
    assert tuple(render_rules(ChatRules(), include_defaults=True)) == RULE_NAMES


def test_what_another_version_wrote_is_left_out() -> None:
    """A rule that is not known, and a value that cannot be read, do no harm."""
    stored = {"trigger": "always", "mood": "sunny", "quiet_s": "soon"}
    assert parse_rules(stored) == ChatRules(trigger=Trigger.ALWAYS)


def test_some_are_set_and_others_stay() -> None:
    """Only what is named changes; nothing after the "=" brings the usual back."""
    before = ChatRules(trigger=Trigger.ALWAYS, strict=True, staff=("U1",))
    made = with_changes(before, {"strict": "", "keywords": "tea， 退款,tea", "search": "off"})
    assert made == ChatRules(trigger=Trigger.ALWAYS, staff=("U1",), keywords=("tea", "退款"), search=False)


def test_every_fault_is_named() -> None:
    """Nothing is set where anything is wrong, and all that is wrong is told at once."""
    with pytest.raises(SettingsError) as told:
        with_changes(
            ChatRules(),
            {
                "trigger": "sometimes",
                "gather_s": "99",
                "hours": "9 to 5",
                "mood": "sunny",
                "desk": "irc:#team",
                "strict": "maybe",
                "closed_text": "Closed.",
            },
        )
    starts = [fault.split(":")[0] for fault in told.value.faults]
    assert starts[:6] == ["trigger", "gather_s", "hours", starts[3], "desk", "strict"]
    assert "mood" in starts[3]
    assert starts[6] == "closed_text"


def test_keywords_are_needed_for_their_trigger() -> None:
    """The trigger "keyword" without keywords would never answer, and is refused."""
    with pytest.raises(SettingsError, match="needs keywords"):
        with_changes(ChatRules(), {"trigger": "keyword"})
    assert with_changes(ChatRules(), {"trigger": "keyword", "keywords": "tea"}).keywords == ("tea",)


def test_arguments_are_pairs() -> None:
    """A value may hold "=" itself; an argument without one is a fault."""
    assert parse_pairs(["welcome=1+1=2", "hours="]) == {"welcome": "1+1=2", "hours": ""}
    with pytest.raises(SettingsError, match="'loud' is not"):
        parse_pairs(["loud", "strict=on"])


def test_a_desk_is_a_platform_and_a_channel() -> None:
    """The room of the desk is told apart; none is none."""
    assert ChatRules(desk="telegram:-100").desk_room == ("telegram", "-100")
    assert ChatRules().desk_room is None
