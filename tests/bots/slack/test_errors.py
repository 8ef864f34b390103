"""What each failure of a call becomes, through the real SDK."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bots.slack.errors import DEFAULT_RETRY_AFTER_S, error_code, translate_errors
from bots.web_server import WebServer
from core.domain.errors import (
    MessageGone,
    MessageRemoved,
    PlatformError,
    PlatformForbidden,
    PlatformOutcomeUnknown,
    PlatformRateLimited,
    PlatformRefused,
    PlatformUnavailable,
    ThreadClosed,
)


class Gateway:
    """Answers every call with the same response."""

    def __init__(self) -> None:
        self.answer = Response()

    async def __call__(self, request: Request) -> Response:
        """Answer."""
        return self.answer


@pytest.fixture
def gateway() -> Gateway:
    """Return a gateway whose answer a test sets."""
    return Gateway()


@pytest.fixture
async def client(gateway: Gateway) -> AsyncIterator[AsyncWebClient]:
    """Return the SDK's client of the gateway."""

    async def answer(request: Request) -> Response:
        return await gateway(request)

    app = Starlette(routes=[Route("/api/{method}", answer, methods=["GET", "POST"])])
    async with WebServer(app) as server, aiohttp.ClientSession() as session:
        yield AsyncWebClient(
            token="xoxb-test", base_url=f"{server.url}/api/", session=session, retry_handlers=[]
        )


async def failure(client: AsyncWebClient, *, repeatable: bool) -> PlatformError:
    """Return what a call raises."""

    async def call() -> None:
        with translate_errors("chat.update", idempotent=repeatable):
            answer = await client.chat_update(channel="C1", ts="1.1", markdown_text="x")
            str(answer["ts"])

    with pytest.raises(PlatformError) as caught:
        await call()
    return caught.value


#: Errors of https://docs.slack.dev/reference/methods/chat.postMessage, by what follows; others are below.
NEVER = """access_denied accesslimited ekm_access_denied enterprise_is_restricted invalid_auth is_inactive
    messages_tab_disabled missing_scope no_permission not_authed org_login_required restricted_action
    restricted_action_read_only_channel restricted_action_thread_only_channel team_access_not_granted
    token_expired two_factor_setup_required restricted_action_of_next_year"""
NOT_HERE = """cannot_reply_to_message invalid_thread_ts restricted_action_non_threadable_channel
    restricted_action_thread_locked thread_not_found"""
OUR_FAULT = """as_user_not_supported duplicate_channel_not_found duplicate_message_not_found invalid_arguments
    invalid_blocks invalid_blocks_format markdown_text_conflict metadata_must_be_sent_from_app
    metadata_too_large msg_blocks_too_long no_text slack_connect_canvas_sharing_blocked
    slack_connect_file_link_sharing_blocked too_many_attachments too_many_contact_cards"""


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("message_not_found", MessageRemoved),
        ("cant_update_message", MessageGone),
        ("edit_window_closed", MessageGone),
        ("channel_not_found", PlatformForbidden),
        ("not_in_channel", PlatformForbidden),
        ("is_archived", PlatformForbidden),
        ("account_inactive", PlatformForbidden),
        ("token_revoked", PlatformForbidden),
        *((word, PlatformForbidden) for word in NEVER.split()),
        *((word, ThreadClosed) for word in NOT_HERE.split()),
        *((word, PlatformRefused) for word in OUR_FAULT.split()),
        ("ratelimited", PlatformRateLimited),
        ("msg_too_long", PlatformRefused),
        ("a_word_of_next_year", PlatformRefused),
        ("message_limit_exceeded", PlatformUnavailable),
        ("internal_error", PlatformOutcomeUnknown),
    ],
)
async def test_each_word_of_slack_means_something(
    gateway: Gateway, client: AsyncWebClient, code: str, kind: type[PlatformError]
) -> None:
    """Slack's error words become our errors, and stay readable."""
    gateway.answer = Response(f'{{"ok": false, "error": "{code}"}}', media_type="application/json")
    error = await failure(client, repeatable=False)
    assert type(error) is kind
    assert error_code(error) == code


@pytest.mark.parametrize(("headers", "wait_s"), [({"Retry-After": "7"}, 7.0), ({}, DEFAULT_RETRY_AFTER_S)])
async def test_a_429_carries_its_wait(
    gateway: Gateway, client: AsyncWebClient, headers: dict[str, str], wait_s: float
) -> None:
    """The wait comes from the header, or is a careful guess."""
    gateway.answer = Response(
        '{"ok": false, "error": "ratelimited"}', 429, headers, media_type="application/json"
    )
    error = await failure(client, repeatable=True)
    assert isinstance(error, PlatformRateLimited)
    assert (error.retry_after_s, error.method) == (wait_s, "chat.update")


@pytest.mark.parametrize(
    "answer",
    [
        Response("upstream connect error", 503, media_type="text/plain"),
        Response("<html>bad gateway</html>", 502, media_type="text/html"),
        Response("", 500),
        Response("all is well", 200, media_type="text/plain"),
        Response("<html>log in</html>", 200, media_type="text/html"),
        Response('{"ok": true, "ts"', 200, media_type="application/json"),
        Response("[]", 200, media_type="application/json"),
    ],
)
async def test_a_broken_answer_leaves_open_what_happened(
    gateway: Gateway, client: AsyncWebClient, answer: Response
) -> None:
    """An answer that is none is uncertain, and plainly unavailable where the call may be repeated."""
    gateway.answer = answer
    assert type(await failure(client, repeatable=False)) is PlatformOutcomeUnknown
    assert type(await failure(client, repeatable=True)) is PlatformUnavailable


async def test_a_refused_connection_showed_nothing() -> None:
    """Where no connection came about, the call may be tried again whatever it is."""
    async with aiohttp.ClientSession() as session:
        client = AsyncWebClient(
            token="xoxb-test", base_url="http://127.0.0.1:9/api/", session=session, retry_handlers=[]
        )
        assert type(await failure(client, repeatable=False)) is PlatformUnavailable
