"""Near the edge of the context the provider counts; elsewhere the estimate is enough."""

from typing import Any

import pytest

from core.domain.addresses import ChatType
from core.kimi import ChatRequest, KimiEndpointMissing, KimiUnavailable
from core.prompting.view import PromptView
from core.store.open_work import AvailableContext
from tests.stored_conversation import StoredConversation

pytestmark = pytest.mark.virtual_time


class Counter:
    """The provider's count: so many tokens, or an error."""

    def __init__(self, result: int | Exception) -> None:
        self.result, self.calls = result, 0

    async def __call__(self, request: ChatRequest) -> int:
        """Count."""
        self.calls += 1
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


async def load_view(prompting: Any, conversation: StoredConversation, tokens: int) -> PromptView:
    """Return a view whose prompt is estimated at about so many tokens; 3,000 are allowed."""
    turn = await conversation.ask("x" * int((tokens - 180) / 0.28))
    options = await prompting.options.load(conversation.conversation)
    return await prompting.views.load(
        conversation.conversation,
        options,
        AvailableContext.unknown(ChatType.DIRECT),
        question_seq=turn.seq,
        up_to_seq=turn.seq,
    )


@pytest.mark.parametrize(("tokens", "counts"), [(500, 0), (2_900, 1), (3_100, 1), (6_000, 0)])
async def test_only_prompts_near_the_edge_are_counted(
    prompting: Any, conversation: StoredConversation, tokens: int, counts: int
) -> None:
    """Within a tenth of the maximum the estimate is not trusted."""
    counter = Counter(3_000)
    await prompting.build(count_tokens=counter)
    view = await load_view(prompting, conversation, tokens)
    await prompting.builder._token_calibration.calibrate(view)
    assert counter.calls == counts


async def test_a_count_becomes_the_ratio(prompting: Any, conversation: StoredConversation) -> None:
    """The view uses it at once, and later prompts of the model begin with it."""
    await prompting.build(count_tokens=Counter(4_000))
    view = await load_view(prompting, conversation, 2_900)
    calibrated = await prompting.builder._token_calibration.calibrate(view)
    assert calibrated.untrimmed_tokens == pytest.approx(4_000, abs=1)
    assert await prompting.ratios.get("kimi-k2.6") == pytest.approx(calibrated.token_ratio)


async def test_without_a_count_the_estimate_stays(prompting: Any, conversation: StoredConversation) -> None:
    """A provider in trouble does not hold the question up; one that cannot count is not asked again."""
    counter = Counter(KimiUnavailable("HTTP 503"))
    await prompting.build(count_tokens=counter)
    view = await load_view(prompting, conversation, 2_900)
    calibrate = prompting.builder._token_calibration.calibrate
    assert (await calibrate(view)).token_ratio == 1.0
    counter.result = KimiEndpointMissing("HTTP 404")
    assert (await calibrate(view)).token_ratio == 1.0
    assert (await calibrate(view)).token_ratio == 1.0
    assert counter.calls == 2
