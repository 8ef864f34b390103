"""Token estimates, and their calibration."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.kimi import ChatRequest, ImagePart, Message, TextPart
from core.text.request_tokens import estimate_content_tokens, tokens_to_reserve
from core.text.tokens import MEDIA_TOKENS, MESSAGE_TOKENS, estimate_tokens, update_ratio


def test_chinese_takes_more_tokens_a_character() -> None:
    """Moonshot's help center says that a token is about 1.5 Chinese characters or 3 to 4 Latin letters."""
    assert estimate_tokens("天" * 1_000) == 700
    assert estimate_tokens("a" * 1_000) == 280
    assert estimate_tokens("") == 1


@given(st.text(max_size=200), st.text(max_size=200))
def test_a_longer_text_never_takes_fewer_tokens(first: str, second: str) -> None:
    """Budgets add up: a whole is at least its part and at most its parts, rounded up."""
    together = estimate_tokens(first + second)
    assert max(estimate_tokens(first), estimate_tokens(second)) <= together
    assert together <= estimate_tokens(first) + estimate_tokens(second)


def test_a_picture_counts_as_moonshot_says() -> None:
    """Moonshot's help center counts each picture or video as 1,024 tokens."""
    content = (TextPart("What is this?"), ImagePart("data:image/png;base64,AAAA"))
    assert estimate_content_tokens(content) == estimate_tokens("What is this?") + MEDIA_TOKENS


def test_a_reservation_covers_prompt_tools_and_the_longest_reply() -> None:
    """Kimi counts ``max_completion_tokens`` against the limits in full, so it is reserved in full."""
    request = ChatRequest(
        messages=(Message(role="user", content="a" * 1_000),), model="kimi-k3", max_completion_tokens=500
    )
    prompt = estimate_tokens("a" * 1_000) + MESSAGE_TOKENS
    assert 500 + 1.3 * prompt <= tokens_to_reserve(request) <= 500 + 1.3 * (prompt + 2)


@pytest.mark.parametrize(("estimated", "counted"), [(0, 10), (10, 0), (-1, 5)])
def test_a_call_without_counts_changes_no_ratio(estimated: int, counted: int) -> None:
    """Some providers return no usage."""
    assert update_ratio(1.2, estimated=estimated, counted=counted) == 1.2


def test_a_ratio_approaches_what_kimi_counts() -> None:
    """Each call moves it by a fifth, and a measurement out of range counts as the range's end."""
    assert update_ratio(1.0, estimated=100, counted=150) == pytest.approx(1.1)
    assert update_ratio(1.0, estimated=1, counted=1_000) == pytest.approx(1.4)
    ratio = 1.0
    for _ in range(40):
        ratio = update_ratio(ratio, estimated=100, counted=150)
    assert ratio == pytest.approx(1.5, abs=0.01)
