"""Files of channels that are shared with another workspace (Slack Connect).

Their events carry a stub without name, type and URL (``file_access: "check_file_info"``), which
``files.info`` completes. Source: https://docs.slack.dev/reference/objects/file-object
"""

from collections.abc import Iterator, Mapping
from typing import Final

from slack_sdk.web.async_client import AsyncWebClient

from bots.slack.errors import translate_errors
from bots.slack.rich_text import Json, mappings
from core.concurrency.ttl_cache import TtlCache
from core.domain.clock import Clock

TTL_S: Final = 600.0
CAPACITY: Final = 1_000  #: files kept; the least recently used is evicted first
MAX_NESTING: Final = 4  #: levels of forwarded messages in a message


class SharedFiles:
    """Completes the stubs in messages."""

    def __init__(self, client: AsyncWebClient, clock: Clock) -> None:
        self._client = client
        self._files: TtlCache[str, Json] = TtlCache(
            "files.info", self._fetch, clock, default={}, ttl_s=TTL_S, capacity=CAPACITY
        )

    async def complete(self, message: Json, *, timeout_s: float) -> Json:
        """Return ``message`` with every file that ``files.info`` describes within ``timeout_s`` seconds.

        A file that Slack does not give is marked as gone; one that takes too long stays a stub, which
        the download looks up once more.
        """
        wanted = {str(file.get("id") or "") for file in _stubs(message, MAX_NESTING)} - {""}
        if not wanted:
            return message
        known = await self._files.get_many(sorted(wanted), timeout_s=timeout_s)
        return _replace(message, known, MAX_NESTING)

    async def close(self) -> None:
        """Cancel the lookups that are under way."""
        await self._files.close()

    async def _fetch(self, file_id: str) -> Json:
        with translate_errors("files.info", idempotent=True):
            answer = await self._client.files_info(file=file_id)
        file = answer.get("file")
        return file if isinstance(file, Mapping) else {}


def _is_stub(file: Json) -> bool:
    return file.get("file_access") == "check_file_info" or file.get("mode") == "file_access"


def _stubs(message: Json, depth: int) -> Iterator[Json]:
    yield from (file for file in mappings(message.get("files")) if _is_stub(file))
    if depth:
        for attachment in mappings(message.get("attachments")):
            yield from _stubs(attachment, depth - 1)


def _replace(message: Json, known: Mapping[str, Json], depth: int) -> Json:
    """Return a copy of ``message`` with known files instead of their stubs."""
    changed = dict(message)
    if files := list(mappings(message.get("files"))):
        changed["files"] = [_completed(file, known) for file in files]
    attachments = list(mappings(message.get("attachments")))
    if attachments and depth:
        changed["attachments"] = [_replace(one, known, depth - 1) for one in attachments]
    return changed


def _completed(file: Json, known: Mapping[str, Json]) -> Json:
    found = known.get(str(file.get("id") or "")) if _is_stub(file) else None
    if found is None:
        return file
    return {**file, "file_access": "visible", **found} if found else {**file, "mode": "tombstone"}
