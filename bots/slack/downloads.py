"""Downloads people's files from Slack: ``url_private`` with the bot token (scope ``files:read``).

Without the scope Slack responds with 200 and its login page instead of the file. "url_private contains
the remote file's external_url, which can point to any host" (docs.slack.dev, files.remote.info), so only
Slack's own hosts are asked, over https, at every redirect. See
https://docs.slack.dev/reference/objects/file-object
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from bots.slack.credentials import SlackConfig
from bots.slack.errors import translate_errors
from core.domain.errors import (
    DownloadRefused,
    PlatformForbidden,
    PlatformRateLimited,
    PlatformRefused,
    PlatformUnavailable,
)
from core.domain.message_content import Attachment

TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=10.0, sock_read=30.0)
MAX_REDIRECTS = 3
DEFAULT_RETRY_AFTER_S = 5.0
_HEAD_BYTES = 8_192  #: of a page that are searched for its title
_LOGIN_PAGE = re.compile(rb"<title>\s*(?:sign in|log in|login)\b[^<]*\bslack\b", re.IGNORECASE)
_CHUNK_BYTES = 256 * 1024


class SlackDownloader:
    """Implements :class:`core.ports.platform.Downloader`."""

    def __init__(
        self, config: SlackConfig, client: AsyncWebClient, session: Callable[[], aiohttp.ClientSession]
    ) -> None:
        """Build the downloader; ``session`` returns the HTTP session once the platform is connected."""
        self._token = config.bot_token
        self._api_origin = _origin_of(config.api_url)
        self._client = client
        self._session = session

    async def download(self, attachment: Attachment, path: Path, *, limit_bytes: int) -> None:
        """Write a file to ``path``, chunk by chunk."""
        if attachment.size_bytes > limit_bytes:
            raise DownloadRefused("too large according to its metadata", reason="too_large")
        if attachment.source.get("external"):
            raise DownloadRefused("stored outside Slack", reason="external")
        if attachment.source.get("gone"):
            raise DownloadRefused("deleted, or hidden by the plan's limit", reason="gone")
        url = attachment.source.get("url") or await self._get_download_url(attachment.source["id"])
        try:
            async with self._open_response(url) as response:
                _check_response(response, attachment, limit_bytes)
                await _write_body(response, path, limit_bytes)
        except (aiohttp.ClientError, TimeoutError) as exc:
            # Only the type: an aiohttp error's text may contain the URL.
            raise PlatformUnavailable(f"download: {type(exc).__name__}") from exc

    async def _get_download_url(self, file_id: str) -> str:
        """Return the URL of a file that came without one (Slack Connect)."""
        try:
            with translate_errors("files.info", idempotent=True):
                answer = await self._client.files_info(file=file_id)
        except (PlatformRefused, PlatformForbidden) as exc:
            raise DownloadRefused("files.info was refused", reason="gone") from exc
        file = answer.get("file") or {}
        if file.get("is_external"):
            raise DownloadRefused("stored outside Slack", reason="external")
        url = file.get("url_private_download") or file.get("url_private")
        if not isinstance(url, str):
            raise DownloadRefused("the file has no URL", reason="gone")
        return url

    @asynccontextmanager
    async def _open_response(self, url: str) -> AsyncIterator[aiohttp.ClientResponse]:
        """Request ``url`` with the token and follow redirects, as long as they stay on Slack's hosts.

        Raises:
            DownloadRefused: the address, or one that it redirects to, is none of Slack's.
        """
        headers = {"Authorization": f"Bearer {self._token}"}
        for _ in range(MAX_REDIRECTS + 1):
            if not self._is_slack_url(url):
                raise DownloadRefused("an address outside Slack", reason="external")
            async with self._session().get(
                url, headers=headers, timeout=TIMEOUT, allow_redirects=False
            ) as response:
                if response.status not in (301, 302, 303, 307, 308):
                    yield response
                    return
                url = urljoin(url, response.headers.get("Location", ""))
        raise DownloadRefused("redirected too often", reason="forbidden")

    def _is_slack_url(self, url: str) -> bool:
        """Return whether an address is one of Slack's, or of the server that is configured as its API."""
        try:
            scheme, host, port = origin = _origin_of(url)
        except ValueError:  # no address at all
            return False
        if origin == self._api_origin:
            return True
        return (scheme, port) == ("https", 443) and (host == "slack.com" or host.endswith(".slack.com"))


def _origin_of(url: str) -> tuple[str, str, int]:
    """Return the scheme, host and port of an address.

    Raises:
        ValueError: it is malformed.
    """
    parts = urlsplit(url)
    default_port = {"https": 443, "http": 80}.get(parts.scheme, 0)
    return parts.scheme, (parts.hostname or "").lower(), parts.port or default_port


def _check_response(response: aiohttp.ClientResponse, attachment: Attachment, limit_bytes: int) -> None:
    """Check that a response is the file.

    Raises:
        DownloadRefused: it is not, or is too large.
        PlatformRateLimited: too many downloads.
        PlatformUnavailable: Slack failed.
    """
    if response.status == 429:
        retry_after = response.headers.get("Retry-After", "")
        raise PlatformRateLimited(
            "download", retry_after_s=float(retry_after) if retry_after.isdigit() else DEFAULT_RETRY_AFTER_S
        )
    if response.status >= 500:
        raise PlatformUnavailable(f"download: HTTP {response.status}")
    if response.status in (401, 403):
        raise DownloadRefused(f"HTTP {response.status}", reason="forbidden")
    if response.status != 200:
        raise DownloadRefused(f"HTTP {response.status}", reason="gone")
    length = response.content_length
    if response.content_type == "text/html" and not attachment.media_type.startswith("text/html"):
        raise DownloadRefused("Slack's login page instead of the file", reason="forbidden")
    if length is not None and length > limit_bytes:
        raise DownloadRefused("too large", reason="too_large")


async def _write_body(response: aiohttp.ClientResponse, path: Path, limit_bytes: int) -> None:
    size = 0
    stream = await asyncio.to_thread(path.open, "wb")
    try:
        async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
            if not size and response.content_type == "text/html" and _LOGIN_PAGE.search(chunk[:_HEAD_BYTES]):
                raise DownloadRefused("Slack's login page instead of the file", reason="forbidden")
            size += len(chunk)
            if size > limit_bytes:
                raise DownloadRefused("larger than announced", reason="too_large")
            await asyncio.to_thread(stream.write, chunk)
    finally:
        await asyncio.to_thread(stream.close)
