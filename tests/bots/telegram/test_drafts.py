"""Native drafts on the surface: plain words in private chats, and a way back to messages."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bots.simulator.telegram import TelegramSimulator
from bots.telegram.app import TelegramApp
from bots.telegram.render import TelegramRenderer
from bots.telegram.surface import TelegramMessageChannel, draft_id, draft_text
from core.domain.addresses import Address, ThreadKey
from core.domain.bot_messages import DeliveryModeName, RenderedMessage
from core.domain.buttons import ActionButton
from core.domain.clock import Clock
from core.domain.errors import MessageGone, PlatformRateLimited, PlatformRefused, PlatformUnavailable

CORPUS = sorted((Path(__file__).parents[2] / "corpus").glob("*.md"))


@pytest.fixture
async def surface(make_app: Callable[..., TelegramApp]) -> TelegramMessageChannel:
    """Return the surface of a connected bot with drafts on."""
    app = make_app(call_timeout_s=0.3, drafts=True)
    await app.connect()
    return app.message_channel


@pytest.fixture
def ann(telegram: TelegramSimulator) -> int:
    """Return a person with an open private chat."""
    return telegram.private_chat(telegram.add_person("Ann"))


def at(where: int, **details: str) -> Address:
    """Address a chat as events do."""
    kind = {"chat": "private" if where > 0 else "group", "said_in": str(where)}
    key = ThreadKey(platform="telegram", tenant="1", channel=str(where), thread="")
    return Address(key=key, details=kind | details)


def page(markdown: str) -> RenderedMessage:
    """Render one page."""
    [made] = TelegramRenderer().render(markdown, complete=True)
    return made


def statuses(telegram: TelegramSimulator) -> list[str]:
    """Return what stood as typing or draft, in order."""
    return [frame.status for frame in telegram.screen.frames if frame.kind == "status"]


async def test_a_draft_grows_as_plain_words_and_makes_way(
    telegram: TelegramSimulator, surface: TelegramMessageChannel, ann: int
) -> None:
    """Frames carry one number and no entities; the message with entities takes the draft away."""
    ref = await surface.post(at(ann), page("**One**"), mode=DeliveryModeName.DRAFT, idempotency_key="7:0")
    assert (ref.mode, int(ref.message_id)) == ("draft", draft_id("7:0"))
    ref = await surface.edit(at(ann), ref, page("**One** two"), previous=page("**One**"), final=False)
    final = await surface.post(
        at(ann), page("**One** two three"), mode=DeliveryModeName.EDIT, idempotency_key="7:0", final=True
    )
    assert statuses(telegram) == ["One", "One two", ""]
    drafts = [call.params for call in telegram.calls if call.method == "sendMessageDraft"]
    assert {params["draft_id"] for params in drafts} == {draft_id("7:0")}
    assert all("entities" not in params and "can_stop" not in params for params in drafts)
    [shown] = telegram.screen.in_channel(str(ann))
    assert (final.mode, shown.text, len(shown.entities)) == ("edit", "One two three", 1)


async def test_drafts_are_offered_in_private_chats_only(surface: TelegramMessageChannel) -> None:
    """A group has the one way only, and its typing costs nothing of the drafts."""
    private, group = at(7), at(-7)
    assert [rung.name for rung in surface.delivery_modes(private)] == ["draft", "edit"]
    assert [rung.name for rung in surface.delivery_modes(group)] == ["edit"]
    keys = [budget.key for budget in surface.status_cost(private)]
    assert keys == ["telegram:1:chat:7", "telegram:1:all", "telegram:1:drafts:7"]
    assert len(surface.status_cost(group)) == 2
    draft = surface.delivery_modes(private)[0]
    assert [budget.key for budget in draft.update_cost] == ["telegram:1:drafts:7", "telegram:1:all"]
    assert draft.finalize_cost == surface.delivery_modes(private)[1].create_cost


@pytest.mark.parametrize("seconds", [5.0, 30.0])
async def test_the_budget_keeps_to_both_windows(surface: TelegramMessageChannel, seconds: float) -> None:
    """In 5 seconds go no more than 20 calls, in 30 no more than 40."""
    [budget, _] = surface.delivery_modes(at(7))[0].update_cost
    assert budget.burst + budget.per_s * seconds <= {5.0: 20, 30.0: 40}[seconds]


async def test_a_draft_stays_in_its_topic(
    telegram: TelegramSimulator, surface: TelegramMessageChannel, ann: int
) -> None:
    """The topic of a private chat is named on every draft."""
    with pytest.raises(PlatformRefused, match="thread not found"):
        await surface.post(
            at(ann, topic="5"), page("One"), mode=DeliveryModeName.DRAFT, idempotency_key="7:0"
        )
    assert telegram.calls[-1].params["message_thread_id"] == 5


async def test_stop_is_offered_while_the_answer_runs(
    telegram: TelegramSimulator, surface: TelegramMessageChannel, ann: int
) -> None:
    """The Stop control becomes the draft's own button, and the words stay until we answer it."""
    await surface.post(
        at(ann), page("One"), mode=DeliveryModeName.DRAFT, idempotency_key="7:0", buttons=(ActionButton.STOP,)
    )
    assert telegram.calls[-1].params["can_stop"] is True
    assert telegram.calls[-1].params["keep_on_stop"] is True
    await telegram.stop_draft(ann, ann)
    assert statuses(telegram) == ["One"]


async def test_the_first_refusal_turns_drafts_off(
    telegram: TelegramSimulator, surface: TelegramMessageChannel, ann: int
) -> None:
    """A peer that takes no drafts is told as a refusal, and none is offered or tried again."""
    group = telegram.add_group("Us", [ann])
    with pytest.raises(PlatformRefused, match=r"(?i)textdraft_peer_invalid"):
        await surface.post(
            at(group, chat="private"), page("One"), mode=DeliveryModeName.DRAFT, idempotency_key="7:0"
        )
    calls = len(telegram.calls)
    with pytest.raises(PlatformRefused):
        await surface.post(at(ann), page("One"), mode=DeliveryModeName.DRAFT, idempotency_key="7:0")
    assert len(telegram.calls) == calls
    assert [rung.name for rung in surface.delivery_modes(at(ann))] == ["edit"]


async def test_a_server_without_drafts_turns_them_off(
    telegram: TelegramSimulator, surface: TelegramMessageChannel, ann: int
) -> None:
    """An unknown method is a refusal and no fault of the token."""
    telegram.drafts_available = False
    with pytest.raises(PlatformRefused):
        await surface.post(at(ann), page("One"), mode=DeliveryModeName.DRAFT, idempotency_key="7:0")
    assert [rung.name for rung in surface.delivery_modes(at(ann))] == ["edit"]


@pytest.mark.parametrize(
    ("kind", "error"),
    [("429", PlatformRateLimited), ("502", PlatformUnavailable), ("lost_reply", PlatformUnavailable)],
)
async def test_a_passing_fault_does_not(
    telegram: TelegramSimulator, surface: TelegramMessageChannel, ann: int, kind: str, error: type[Exception]
) -> None:
    """A rate limit, a failing gateway or a lost reply is told as such; drafts stay on."""
    telegram.faults.next("sendMessageDraft", kind, seconds=3)  # type: ignore[arg-type]
    with pytest.raises(error):
        await surface.post(at(ann), page("One"), mode=DeliveryModeName.DRAFT, idempotency_key="7:0")
    assert [rung.name for rung in surface.delivery_modes(at(ann))] == ["draft", "edit"]


async def test_a_draft_of_a_dead_process_is_no_message(surface: TelegramMessageChannel, ann: int) -> None:
    """There is nothing to reclaim: the words are to be posted."""
    ref = await surface.post(at(ann), page("One"), mode=DeliveryModeName.DRAFT, idempotency_key="7:0")
    with pytest.raises(MessageGone):
        await surface.finalize_orphan(at(ann), ref)


async def test_a_draft_fades(
    telegram: TelegramSimulator, surface: TelegramMessageChannel, ann: int, clock: Clock
) -> None:
    """After thirty seconds without another frame nothing of it is left."""
    await surface.post(at(ann), page("One"), mode=DeliveryModeName.DRAFT, idempotency_key="7:0")
    await clock.sleep(31)
    assert statuses(telegram) == ["One", ""]


def test_numbers_of_drafts_are_usable() -> None:
    """Never zero, exact as a JSON number, and different for the pages of one turn."""
    numbers = {draft_id(f"{turn}:{index}") for turn in range(50) for index in range(3)}
    assert len(numbers) == 150
    assert all(0 < number < 2**53 for number in numbers)


@pytest.mark.slow
def test_drafts_only_grow_over_the_corpus() -> None:
    """Nearly every frame begins with all of the one before: tables and code do not jump."""
    frames = jumps = 0
    for path in CORPUS:
        text = path.read_text()[:2500]
        pager, before = TelegramRenderer(), ""
        for end in range(1, len(text) + 1, 7):
            pages = pager.render(text[:end], complete=False)
            if len(pages) == 1:
                now = draft_text(pages[0])
                frames, jumps, before = frames + 1, jumps + (not now.startswith(before)), now
    assert frames > 3000
    assert jumps / frames < 0.01
