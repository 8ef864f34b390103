"""Which alerts are active, by what was observed."""

import pytest

from core.alerts.alert_texts import begin_text, end_text
from core.alerts.conditions import SOME_PEOPLE, Alert, AlertKind, Observations, active_alerts
from core.domain.turn_states import KimiFailure, Outcome
from core.text.language import Language

DOWN, BALANCE, KEY, DISK = (
    Alert(AlertKind.KIMI_DOWN),
    Alert(AlertKind.KIMI_BALANCE),
    Alert(AlertKind.KIMI_KEY),
    Alert(AlertKind.DISK),
)
BUSY = KimiFailure("overloaded")
GB = 1_000_000_000


@pytest.mark.parametrize(
    ("before", "outcomes", "after"),
    [
        (set(), [BUSY, BUSY], set()),
        (set(), [BUSY, BUSY, BUSY], {DOWN}),
        (set(), [Outcome.COMPLETE, BUSY, BUSY, BUSY], set()),
        (set(), [BUSY, BUSY, Outcome.STOPPED, BUSY], {DOWN}),
        (set(), [BUSY, BUSY, Outcome.COMPLETE, BUSY], set()),
        ({DOWN}, [], {DOWN}),
        ({DOWN}, [BUSY], {DOWN}),
        ({DOWN}, [Outcome.COMPLETE, BUSY], set()),
        (set(), [KimiFailure("quota_exhausted")], {BALANCE}),
        ({DOWN}, [KimiFailure("quota_exhausted"), BUSY], {BALANCE}),
        (set(), [KimiFailure("authentication")], {KEY}),
        ({KEY}, [Outcome.NO_KNOWLEDGE, Outcome.CANNED], {KEY}),
        ({KEY}, [Outcome.LENGTH_LIMIT], set()),
    ],
)
def test_the_latest_answer_or_failure_tells_of_kimi(before: set, outcomes: list, after: set) -> None:
    """We chose: three failures in a row are an outage; what Kimi did not answer says nothing."""
    assert active_alerts(frozenset(before), Observations(outcomes=outcomes)) == after


def test_a_provider_that_is_down_needs_no_three_failures() -> None:
    """The circuit breaker of this process knows at once, unless an answer came meanwhile."""
    assert active_alerts(frozenset(), Observations(kimi_is_down=True)) == {DOWN}
    assert active_alerts(frozenset({DOWN}), Observations(outcomes=[Outcome.COMPLETE])) == set()


@pytest.mark.parametrize(
    ("before", "free", "total", "after"),
    [
        (set(), 4 * GB, 100 * GB, set()),
        (set(), GB // 2, 100 * GB, {DISK}),
        (set(), GB // 2, GB, set()),
        ({DISK}, 1.1 * GB, 100 * GB, {DISK}),
        ({DISK}, 1.3 * GB, 100 * GB, set()),
        (set(), 1.1 * GB, 100 * GB, set()),
        (set(), None, 0, set()),
    ],
)
def test_a_disk_is_full_by_share_and_bytes(before: set, free: float, total: int, after: set) -> None:
    """Below both bounds; a little more must be free until it is over, so that it does not flap."""
    seen = Observations(disk_free_bytes=None if free is None else int(free), disk_total_bytes=total)

    assert active_alerts(frozenset(before), seen) == after


def test_each_platform_and_budget_has_an_alert_of_its_own() -> None:
    """One that is over does not end another."""
    slack, chat = Alert(AlertKind.PLATFORM_REFUSAL, "slack"), Alert(AlertKind.BUDGET, "telegram:-1")
    seen = Observations(refused_platforms=frozenset({"slack"}), spent_budgets=frozenset({"telegram:-1"}))

    assert active_alerts(frozenset(), seen) == {slack, chat}
    assert active_alerts(frozenset({slack, chat}), Observations()) == set()


@pytest.mark.parametrize("kind", AlertKind)
def test_every_alert_has_its_texts(kind: AlertKind) -> None:
    """In both languages, with its subject where there may be several."""
    alert = Alert(kind, "slack:T1 MOONTHREAD_TENANT_TOKENS_PER_DAY")
    texts = [make(alert, language) for make in (begin_text, end_text) for language in ("zh", "en")]

    assert len(set(texts)) == 4
    if kind in (AlertKind.BUDGET, AlertKind.PLATFORM_REFUSAL):
        assert all("slack:T1" in text for text in texts)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_people_who_used_up_a_budget_are_one_alert_without_names(language: Language) -> None:
    """The text names the setting, and the console's page that names them."""
    alert = Alert(AlertKind.BUDGET, f"{SOME_PEOPLE} MOONTHREAD_PERSON_MESSAGES_PER_DAY")

    for text in (begin_text(alert, language), end_text(alert, language)):
        assert "MOONTHREAD_PERSON_MESSAGES_PER_DAY" in text
        assert SOME_PEOPLE not in text


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(
    ("subject", "shown"),
    [
        ("slack:C1 chat_messages", "slack:C1"),
        ("terminal:two words MOONTHREAD_CHAT_TOKENS_PER_DAY", "terminal:two words"),
        ("slack:a\n\n\x1b[2Jb chat_messages", "slack:a \ufffd[2Jb"),
        ("slack:*C*_1_`x` chat_messages", "slack:*C*_1_`x`"),
    ],
)
def test_a_budgets_alert_names_whose_it_is_in_one_line(language: Language, subject: str, shown: str) -> None:
    """Ids are the platforms' and may hold anything; the setting, or the chat's rule, stands at the end."""
    alert = Alert(AlertKind.BUDGET, subject)

    assert f"{shown} " in begin_text(alert, language)
    assert f"{shown} " in end_text(alert, language)
    assert subject.rpartition(" ")[2] in begin_text(alert, language)
    assert "\n" not in begin_text(alert, language) + end_text(alert, language)
    assert ("rule" in begin_text(alert, "en")) is subject.endswith("chat_messages")
