"""Whether the bot speaks: what holds whatever the rules are."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.chat_policy import ChatRules, Heard, Hours, Trigger, Verdict, speaks
from core.chat_policy.speaking import holds_any
from core.domain.events import Addressed

NOON = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)  # a Wednesday
DAY = Hours.parse("mon-fri 09:00-18:00 UTC")
NIGHT = Hours.parse("daily 22:00-08:00 UTC")
TRIGGERS = list(Trigger)

all_rules = st.builds(
    ChatRules,
    trigger=st.sampled_from(TRIGGERS),
    keywords=st.sampled_from([(), ("tea",), ("tea", "退款")]),
    quiet_s=st.sampled_from([0.0, 60.0, 600.0]),
    hours=st.sampled_from([None, DAY]),
    quiet_hours=st.sampled_from([None, NIGHT]),
    closed_text=st.sampled_from(["", "Closed."]),
)
all_heard = st.builds(
    Heard,
    text=st.sampled_from(["hello", "some tea", "我要退款", ""]),
    at=st.integers(0, 10_000).map(lambda minutes: NOON + timedelta(minutes=minutes)),
    addressed=st.sampled_from([Addressed.MENTION, Addressed.REPLY, Addressed.OVERHEARD]),
    by_staff=st.booleans(),
    alone=st.booleans(),
    staff_at=st.one_of(
        st.none(), st.integers(-10, 10_100).map(lambda minutes: NOON + timedelta(minutes=minutes))
    ),
    told_closed=st.booleans(),
)


def heard(text: str = "hello", **how: object) -> Heard:
    """Something that a customer says at noon to nobody."""
    made = Heard(text=text, at=NOON, addressed=Addressed.OVERHEARD, by_staff=False, alone=False)
    return replace(made, **how)  # type: ignore[arg-type]


@given(all_rules, all_heard)
def test_a_mention_is_never_left_without_a_word(rules: ChatRules, said: Heard) -> None:
    """Whoever mentions the bot gets an answer, or is told that nobody is there."""
    called = replace(said, addressed=Addressed.MENTION)
    assert speaks(rules, called) in (Verdict.ANSWER, Verdict.OUT_OF_HOURS)


@given(all_rules, all_heard)
def test_staff_are_answered_only_where_they_speak_to_the_bot(rules: ChatRules, said: Heard) -> None:
    """What the staff say to each other or to a customer is never answered, nor judged."""
    by_staff = replace(said, by_staff=True, alone=False)
    if by_staff.addressed is Addressed.MENTION:
        assert speaks(rules, by_staff) is Verdict.ANSWER
    else:
        assert speaks(rules, by_staff) is Verdict.NOTE


@given(all_rules, all_heard, st.floats(0.0, 0.999))
def test_the_staffs_word_keeps_the_bot_silent(rules: ChatRules, said: Heard, part: float) -> None:
    """Within the quiet time nothing but a mention is answered."""
    if rules.quiet_s == 0:
        return
    at = replace(said, staff_at=said.at - timedelta(seconds=rules.quiet_s * part))
    if at.addressed is not Addressed.MENTION and not at.by_staff:
        assert speaks(rules, at) is Verdict.NOTE


@given(all_rules, all_heard)
def test_after_the_quiet_time_the_staffs_word_changes_nothing(rules: ChatRules, said: Heard) -> None:
    """Once it has passed, the bot decides as if the staff had never spoken."""
    late = replace(said, staff_at=said.at - timedelta(seconds=rules.quiet_s))
    assert speaks(rules, late) is speaks(rules, replace(said, staff_at=None))


@given(all_rules, all_heard, st.integers(0, 3))
def test_a_wider_trigger_answers_no_less(rules: ChatRules, said: Heard, narrow: int) -> None:
    """What one trigger brings an answer to, each later one does too."""
    order = [Verdict.NOTE, Verdict.ASK, Verdict.ANSWER]
    one = speaks(replace(rules, trigger=TRIGGERS[narrow]), said)
    other = speaks(replace(rules, trigger=TRIGGERS[narrow + 1]), said)
    if Verdict.OUT_OF_HOURS not in (one, other):
        assert order.index(one) <= order.index(other)


@given(all_rules, all_heard)
def test_hours_are_told_only_while_closed(rules: ChatRules, said: Heard) -> None:
    """The text is for closed times, for customers, and for those who do not know it yet."""
    if speaks(rules, said) is Verdict.OUT_OF_HOURS:
        assert rules.closed(said.at)
        assert rules.closed_text
        assert not said.by_staff
        assert not said.told_closed


@pytest.mark.parametrize(
    ("trigger", "verdicts"),
    [
        (Trigger.MENTION, [Verdict.NOTE, Verdict.NOTE, Verdict.NOTE, Verdict.NOTE]),
        (Trigger.REPLY, [Verdict.NOTE, Verdict.ANSWER, Verdict.ANSWER, Verdict.NOTE]),
        (Trigger.KEYWORD, [Verdict.NOTE, Verdict.ANSWER, Verdict.ANSWER, Verdict.ANSWER]),
        (Trigger.QUESTION, [Verdict.ASK, Verdict.ANSWER, Verdict.ANSWER, Verdict.ANSWER]),
        (Trigger.ALWAYS, [Verdict.ANSWER] * 4),
    ],
)
def test_each_trigger(trigger: Trigger, verdicts: list[Verdict]) -> None:
    """Talk to nobody, a reply, one's own conversation, a keyword."""
    rules = ChatRules(trigger=trigger, keywords=("tea",))
    said = [heard(), heard(addressed=Addressed.REPLY), heard(alone=True), heard("Tea?")]
    assert [speaks(rules, one) for one in said] == verdicts


def test_in_quiet_hours_only_mentions_count() -> None:
    """Quiet hours keep the bot from speaking up by itself."""
    rules = ChatRules(trigger=Trigger.ALWAYS, quiet_hours=NIGHT)
    night = NOON.replace(hour=23)
    assert speaks(rules, heard(at=night)) is Verdict.NOTE
    assert speaks(rules, heard(at=night, addressed=Addressed.MENTION)) is Verdict.ANSWER


@pytest.mark.parametrize(
    ("text", "found"),
    [("TEA please", True), ("teapot", False), ("steal", False), ("green-tea!", True), ("我要退款了", True)],
)
def test_keywords(text: str, found: bool) -> None:
    """A keyword in Latin letters is a whole word; a Chinese one stands anywhere."""
    assert holds_any(text, ("tea", "退款")) is found
