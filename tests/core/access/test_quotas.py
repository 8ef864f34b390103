"""What may be used in a day, and when that is used up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.access import AccessLists, Actor, QuotaLimits, Quotas, QuotaUsage, RefusalReason, exceeded_quota

ANN = Actor(platform="slack", tenant="T1", channel="C1", person_id="U1")
BOB = Actor(platform="telegram", tenant="1", channel="42", person_id="42")
NUMBERS = st.integers(min_value=0, max_value=5)


def test_admins_have_no_limits() -> None:
    """Not even the tenant's."""
    budgets = Quotas(person_messages=1, tenant_tokens=1)
    assert not budgets.limits_for(ANN, AccessLists(admins=frozenset({"slack:U1"})))
    assert budgets.limits_for(ANN, AccessLists()) == QuotaLimits(person_messages=1, tenant_tokens=1)


@pytest.mark.parametrize(
    ("person", "stranger", "expected"), [(0, 5, 5), (3, 5, 3), (9, 5, 5), (9, 0, 9), (0, 0, 0)]
)
def test_a_stranger_has_the_smaller_budget(person: int, stranger: int, expected: int) -> None:
    """0 is no limit."""
    budgets = Quotas(person_messages=person, unlisted_user_messages=stranger)
    assert budgets.limits_for(BOB, AccessLists()).person_messages == expected
    assert budgets.limits_for(ANN, AccessLists()).person_messages == person


@given(limit=NUMBERS, used=NUMBERS)
def test_a_budget_is_used_up_where_nothing_is_left(limit: int, used: int) -> None:
    """Each budget by itself, with 0 as no limit."""
    for name, over in (
        ("person_messages", RefusalReason.PERSON_QUOTA),
        ("person_tokens", RefusalReason.PERSON_QUOTA),
        ("chat_messages", RefusalReason.CHAT_QUOTA),
        ("chat_tokens", RefusalReason.CHAT_QUOTA),
        ("tenant_tokens", RefusalReason.TENANT_QUOTA),
    ):
        found = exceeded_quota(QuotaLimits(**{name: limit}), QuotaUsage(**{name: used}))
        assert found == (over if limit and used >= limit else None)
