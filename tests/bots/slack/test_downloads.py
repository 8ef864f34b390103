"""Fetching files from Slack, through the real session, from the stand-in and from a stranger."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urljoin

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from bots.simulator.slack import SlackSimulator
from bots.slack.app import SlackApp, SlackConfig
from bots.slack.downloads import SlackDownloader
from bots.web_server import WebServer
from core.domain.errors import DownloadRefused, PlatformUnavailable
from core.domain.message_content import Attachment, AttachmentKind
from tests.virtual_time import LoopClock

Downloaders: TypeAlias = Callable[[str], SlackDownloader]
BYTES = b"x" * 700_000


def attachment(**source: str) -> Attachment:
    """A file as an event told of it."""
    return Attachment(
        kind=AttachmentKind.FILE, name="a.txt", media_type="text/plain", size_bytes=0, source=source
    )


@pytest.fixture
async def downloads(slack: SlackSimulator, config: SlackConfig) -> AsyncIterator[SlackDownloader]:
    """The downloads of a connected app."""
    app = SlackApp(config, clock=LoopClock())
    await app.connect()
    yield app.downloader
    await app.close()


@pytest.fixture
async def url(slack: SlackSimulator) -> str:
    """The address of a file that somebody shared."""
    ann = slack.add_person("Ann")
    await slack.share_file(slack.open_dm(ann), ann, filename="a.txt", content=BYTES)
    ((file, _),) = slack.workspace.files.values()
    return str(file["url_private_download"])


class Elsewhere:
    """A host that is not Slack: remembers the tokens it was shown."""

    def __init__(self) -> None:
        self.tokens: list[str | None] = []
        self.leads_to = ""
        self.status = 200

    async def answer(self, request: Request) -> Response:
        """Lead on, or answer as told."""
        self.tokens.append(request.headers.get("authorization"))
        if self.leads_to:
            return RedirectResponse(self.leads_to, status_code=302)
        return Response(b"strange", status_code=self.status)


@pytest.fixture
async def elsewhere() -> AsyncIterator[tuple[Elsewhere, str]]:
    """Such a host and its address."""
    host = Elsewhere()
    async with WebServer(Starlette(routes=[Route("/file", host.answer)])) as web:
        yield host, f"{web.url}/file"


@pytest.fixture
async def leading() -> AsyncIterator[tuple[Elsewhere, str]]:
    """A host that takes Slack's place and answers as a test says, and an address there."""
    host = Elsewhere()
    async with WebServer(Starlette(routes=[Route("/file", host.answer)])) as web:
        yield host, f"{web.url}/file"


@pytest.fixture
async def at_origin(config: SlackConfig) -> AsyncIterator[Downloaders]:
    """Makes downloaders for which a host is Slack's."""
    async with aiohttp.ClientSession() as session:

        def at(url: str) -> SlackDownloader:
            own = replace(config, api_url=urljoin(url, "/api/"))
            return SlackDownloader(own, AsyncWebClient(), lambda: session)

        yield at


async def test_a_file_is_written_to_the_disk(downloads: SlackDownloader, url: str, tmp_path: Path) -> None:
    """Byte by byte what was uploaded."""
    await downloads.download(attachment(url=url), tmp_path / "a", limit_bytes=len(BYTES))
    assert (tmp_path / "a").read_bytes() == BYTES


async def test_more_than_the_limit_is_not_kept(downloads: SlackDownloader, url: str, tmp_path: Path) -> None:
    """A file that is larger than allowed is refused, whatever the event said of it."""
    with pytest.raises(DownloadRefused) as refused:
        await downloads.download(attachment(url=url), tmp_path / "a", limit_bytes=len(BYTES) - 1)
    assert refused.value.reason == "too_large"


async def test_the_login_page_is_no_file(
    downloads: SlackDownloader, slack: SlackSimulator, url: str, tmp_path: Path
) -> None:
    """Without files:read Slack answers 200 with a page."""
    slack.account.scopes = frozenset(slack.account.scopes) - {"files:read"}
    with pytest.raises(DownloadRefused) as refused:
        await downloads.download(attachment(url=url), tmp_path / "a", limit_bytes=10**6)
    assert refused.value.reason == "forbidden"
    assert not (tmp_path / "a").exists()


async def test_a_page_that_somebody_sent_is_a_file(
    downloads: SlackDownloader, slack: SlackSimulator, tmp_path: Path
) -> None:
    """HTML counts as Slack's login page by what it says: emails come with the size of the raw mail."""
    ann, page = slack.add_person("Ann"), b"<html><title>Slack tips</title><p>Sign in at nine</p></html>"
    await slack.share_file(
        slack.open_dm(ann),
        ann,
        filename="mail",
        content=page,
        mimetype="text/html",
        size=99_999,
        mode="email",
    )
    ((file, _),) = slack.workspace.files.values()
    sent = replace(attachment(url=str(file["url_private"])), media_type="text/html", size_bytes=99_999)
    await downloads.download(sent, tmp_path / "a", limit_bytes=10**6)
    assert (tmp_path / "a").read_bytes() == page
    slack.account.scopes = frozenset(slack.account.scopes) - {"files:read"}
    with pytest.raises(DownloadRefused):
        await downloads.download(sent, tmp_path / "b", limit_bytes=10**6)


@pytest.mark.parametrize(
    ("source", "reason"),
    [({"id": "F1", "gone": "yes"}, "gone"), ({"id": "F1", "external": "yes"}, "external")],
)
async def test_what_is_not_there_is_not_asked_for(
    downloads: SlackDownloader, slack: SlackSimulator, tmp_path: Path, source: dict[str, str], reason: str
) -> None:
    """Deleted files and those of other sites are refused at once."""
    with pytest.raises(DownloadRefused) as refused:
        await downloads.download(attachment(**source), tmp_path / "a", limit_bytes=10)
    assert refused.value.reason == reason


async def test_nothing_is_fetched_from_a_strangers_host(
    downloads: SlackDownloader, elsewhere: tuple[Elsewhere, str], tmp_path: Path
) -> None:
    """The platform says that url_private may point to any host (files.remote.info); it is never asked."""
    host, address = elsewhere
    with pytest.raises(DownloadRefused) as refused:
        await downloads.download(attachment(url=address), tmp_path / "a", limit_bytes=10)
    assert refused.value.reason == "external"
    assert host.tokens == []


async def test_a_redirect_to_a_strangers_host_is_not_followed(
    leading: tuple[Elsewhere, str],
    elsewhere: tuple[Elsewhere, str],
    at_origin: Downloaders,
    config: SlackConfig,
    tmp_path: Path,
) -> None:
    """Each hop is checked: Slack may lead to its own hosts only, and the token goes nowhere else."""
    (slack_host, address), (stranger, slack_host.leads_to) = leading, elsewhere
    with pytest.raises(DownloadRefused) as refused:
        await at_origin(address).download(attachment(url=address), tmp_path / "a", limit_bytes=10)
    assert refused.value.reason == "external"
    assert slack_host.tokens == [f"Bearer {config.bot_token}"]
    assert stranger.tokens == []


@pytest.mark.parametrize(
    "url",
    [
        "http://slack.com/f",
        "http://files.slack.com/f",
        "https://files.slack.com:8443/f",
        "https://slack.com.evil.example/f",
        "https://slack.com@evil.example/f",
        "https://evilslack.com/f",
        "http://127.0.0.1/latest/meta-data/iam",
        "file:///etc/passwd",
        "https://[::1/f",
    ],
)
async def test_an_address_that_is_not_slacks_is_refused(
    at_origin: Downloaders, url: str, tmp_path: Path
) -> None:
    """Only https at Slack's hosts and its own port counts; nothing is sent, so nothing can leak."""
    with pytest.raises(DownloadRefused) as refused:
        await at_origin("https://slack.com").download(attachment(url=url), tmp_path / "a", limit_bytes=10)
    assert refused.value.reason == "external"


async def test_a_circle_of_redirects_ends(
    leading: tuple[Elsewhere, str], at_origin: Downloaders, tmp_path: Path
) -> None:
    """Slack is not followed for ever."""
    host, address = leading
    host.leads_to = address
    with pytest.raises(DownloadRefused):
        await at_origin(address).download(attachment(url=address), tmp_path / "a", limit_bytes=10)


@pytest.mark.parametrize(("status", "reason"), [(404, "gone"), (403, "forbidden")])
async def test_refusals_are_told_apart(
    leading: tuple[Elsewhere, str], at_origin: Downloaders, tmp_path: Path, status: int, reason: str
) -> None:
    """What is gone and what is forbidden are different."""
    host, address = leading
    host.status = status
    with pytest.raises(DownloadRefused) as refused:
        await at_origin(address).download(attachment(url=address), tmp_path / "a", limit_bytes=10)
    assert refused.value.reason == reason


async def test_a_failing_host_may_be_asked_again(
    leading: tuple[Elsewhere, str], at_origin: Downloaders, tmp_path: Path
) -> None:
    """A 5xx and a host that is not there are passing failures."""
    host, address = leading
    host.status = 503
    for url in (address, "http://127.0.0.1:9/file"):
        with pytest.raises(PlatformUnavailable):
            await at_origin(url).download(attachment(url=url), tmp_path / "a", limit_bytes=10)
