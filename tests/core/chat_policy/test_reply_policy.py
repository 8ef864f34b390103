"""Whether the bot speaks: what holds whatever the rules are."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.chat_policy import (
    ChatRules,
    MessageFacts,
    ReplyDecision,
    Trigger,
    decide_reply,
    parse_hours,
)
from core.chat_policy.reply_policy import contains_keyword
from core.domain.events import Mention

NOON = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)  # a Wednesday
DAY = parse_hours("mon-fri 09:00-18:00 UTC")
NIGHT = parse_hours("daily 22:00-08:00 UTC")
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
    MessageFacts,
    text=st.sampled_from(["hello", "some tea", "我要退款", ""]),
    at=st.integers(0, 10_000).map(lambda minutes: NOON + timedelta(minutes=minutes)),
    mention=st.sampled_from([Mention.BY_NAME, Mention.REPLY, Mention.NONE]),
    by_staff=st.booleans(),
    sole_participant=st.booleans(),
    last_staff_message_at=st.one_of(
        st.none(), st.integers(-10, 10_100).map(lambda minutes: NOON + timedelta(minutes=minutes))
    ),
    closed_notice_sent=st.booleans(),
)


def heard(text: str = "hello", **how: object) -> MessageFacts:
    """Something that a customer says at noon to nobody."""
    made = MessageFacts(text=text, at=NOON, mention=Mention.NONE, by_staff=False, sole_participant=False)
    return replace(made, **how)  # type: ignore[arg-type]


@given(all_rules, all_heard)
def test_a_mention_is_never_left_without_a_word(rules: ChatRules, said: MessageFacts) -> None:
    """Whoever mentions the bot gets an answer, or is told that nobody is there."""
    called = replace(said, mention=Mention.BY_NAME)
    assert decide_reply(rules, called) in (ReplyDecision.ANSWER, ReplyDecision.OUT_OF_HOURS)


@given(all_rules, all_heard)
def test_staff_are_answered_only_where_they_speak_to_the_bot(rules: ChatRules, said: MessageFacts) -> None:
    """What the staff say to each other or to a customer is never answered, nor judged."""
    by_staff = replace(said, by_staff=True, sole_participant=False)
    if by_staff.mention is Mention.BY_NAME:
        assert decide_reply(rules, by_staff) is ReplyDecision.ANSWER
    else:
        assert decide_reply(rules, by_staff) is ReplyDecision.IGNORE


@given(all_rules, all_heard, st.floats(0.0, 0.999))
def test_the_staffs_word_keeps_the_bot_silent(rules: ChatRules, said: MessageFacts, part: float) -> None:
    """Within the quiet time nothing but a mention is answered."""
    if rules.quiet_s == 0:
        return
    at = replace(said, last_staff_message_at=said.at - timedelta(seconds=rules.quiet_s * part))
    if at.mention is not Mention.BY_NAME and not at.by_staff:
        assert decide_reply(rules, at) is ReplyDecision.IGNORE


@given(all_rules, all_heard)
def test_after_the_quiet_time_the_staffs_word_changes_nothing(rules: ChatRules, said: MessageFacts) -> None:
    """Once it has passed, the bot decides as if the staff had never spoken."""
    late = replace(said, last_staff_message_at=said.at - timedelta(seconds=rules.quiet_s))
    assert decide_reply(rules, late) is decide_reply(rules, replace(said, last_staff_message_at=None))


@given(all_rules, all_heard, st.integers(0, 3))
def test_a_wider_trigger_answers_no_less(rules: ChatRules, said: MessageFacts, narrow: int) -> None:
    """What one trigger brings an answer to, each later one does too."""
    order = [ReplyDecision.IGNORE, ReplyDecision.ASK_CLASSIFIER, ReplyDecision.ANSWER]
    one = decide_reply(replace(rules, trigger=TRIGGERS[narrow]), said)
    other = decide_reply(replace(rules, trigger=TRIGGERS[narrow + 1]), said)
    if ReplyDecision.OUT_OF_HOURS not in (one, other):
        assert order.index(one) <= order.index(other)


@given(all_rules, all_heard)
def test_hours_are_told_only_while_closed(rules: ChatRules, said: MessageFacts) -> None:
    """The text is for closed times, for customers, and for those who do not know it yet."""
    if decide_reply(rules, said) is ReplyDecision.OUT_OF_HOURS:
        assert rules.is_closed(said.at)
        assert rules.closed_text
        assert not said.by_staff
        assert not said.closed_notice_sent


@pytest.mark.parametrize(
    ("trigger", "verdicts"),
    [
        (
            Trigger.MENTION,
            [ReplyDecision.IGNORE, ReplyDecision.IGNORE, ReplyDecision.IGNORE, ReplyDecision.IGNORE],
        ),
        (
            Trigger.REPLY,
            [ReplyDecision.IGNORE, ReplyDecision.ANSWER, ReplyDecision.ANSWER, ReplyDecision.IGNORE],
        ),
        (
            Trigger.KEYWORD,
            [ReplyDecision.IGNORE, ReplyDecision.ANSWER, ReplyDecision.ANSWER, ReplyDecision.ANSWER],
        ),
        (
            Trigger.QUESTION,
            [ReplyDecision.ASK_CLASSIFIER, ReplyDecision.ANSWER, ReplyDecision.ANSWER, ReplyDecision.ANSWER],
        ),
        (Trigger.ALWAYS, [ReplyDecision.ANSWER] * 4),
    ],
)
def test_each_trigger(trigger: Trigger, verdicts: list[ReplyDecision]) -> None:
    """Talk to nobody, a reply, one's own conversation, a keyword."""
    rules = ChatRules(trigger=trigger, keywords=("tea",))
    said = [heard(), heard(mention=Mention.REPLY), heard(sole_participant=True), heard("Tea?")]
    assert [decide_reply(rules, one) for one in said] == verdicts


def test_in_quiet_hours_only_mentions_count() -> None:
    """Quiet hours keep the bot from speaking up by itself."""
    rules = ChatRules(trigger=Trigger.ALWAYS, quiet_hours=NIGHT)
    night = NOON.replace(hour=23)
    assert decide_reply(rules, heard(at=night)) is ReplyDecision.IGNORE
    assert decide_reply(rules, heard(at=night, mention=Mention.BY_NAME)) is ReplyDecision.ANSWER


@pytest.mark.parametrize(
    ("text", "found"),
    [("TEA please", True), ("teapot", False), ("steal", False), ("green-tea!", True), ("我要退款了", True)],
)
def test_keywords(text: str, found: bool) -> None:
    """A keyword in Latin letters is a whole word; a Chinese one stands anywhere."""
    assert contains_keyword(text, ("tea", "退款")) is found
