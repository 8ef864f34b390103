"""Decodes a successful response of either form, recognised by its first bytes and not by its label."""

from collections.abc import Iterator
from typing import Final

from core.kimi.api_errors import KimiEndpointMissing, KimiStreamInterrupted, KimiUnreadableReply
from core.kimi.reply import ReplyEvent
from core.kimi.reply_decoder import ReplyDecoder, StreamDecoder, WholeBodyDecoder

_BOM: Final = b"\xef\xbb\xbf"
_SPACE: Final = b" \t\r\n"
_STREAM_STARTS: Final = b"dei:r"  #: of ``data``, ``event``, ``id``, ``retry`` and comments
_SHOWN_BYTES: Final = 60  #: of an unreadable body, in the error


class BodyDecoder:
    """A :class:`core.kimi.reply_decoder.ReplyDecoder` that chooses the form by the first byte."""

    def __init__(
        self, content_type: str, *, encoding: str = "", request_id: str, secrets: tuple[str, ...]
    ) -> None:
        """Take the labels of the response for messages only.

        Args:
            content_type: of the response.
            encoding: compression that the client cannot undo; "" for none.
            request_id: of the response; "" if not given.
            secrets: to be removed from errors.

        Raises:
            KimiEndpointMissing: the type is that of a web page.
        """
        if "html" in content_type:
            raise KimiEndpointMissing("a web page instead of a reply; is the base URL right?")
        self._label = f"{content_type or 'no content type'}{f', {encoding}' if encoding else ''}"
        self._request_id = request_id
        self._secrets = secrets
        self._start = b""
        self._decoder: ReplyDecoder | None = None

    @property
    def done(self) -> bool:
        """Whether the last event was returned."""
        return self._decoder is not None and self._decoder.done

    @property
    def is_whole(self) -> bool:
        """Whether the reply is whole, although more may follow."""
        return self._decoder is not None and self._decoder.is_whole

    def feed(self, chunk: bytes) -> Iterator[ReplyEvent]:
        """Return the events of one network read; see ``ReplyDecoder``."""
        if self._decoder is not None:
            return self._decoder.feed(chunk)
        self._start = (self._start + chunk).lstrip(_SPACE)
        body = self._start.removeprefix(_BOM).lstrip(_SPACE)
        if _BOM.startswith(body):
            return iter(())  # nothing yet, or the beginning of a byte order mark
        self._decoder = self._choose(body)
        return self._decoder.feed(body)

    def close(self) -> Iterator[ReplyEvent]:
        """Return the events that the end of the body completes; see ``ReplyDecoder``."""
        if self._decoder is None:
            raise KimiStreamInterrupted(f"an empty body ({self._label})", request_id=self._request_id)
        return self._decoder.close()

    def _choose(self, start: bytes) -> ReplyDecoder:
        first = start[:1]
        if first in (b"{", b"["):
            return WholeBodyDecoder(request_id=self._request_id, secrets=self._secrets)
        if first and first in _STREAM_STARTS:
            return StreamDecoder(request_id=self._request_id, secrets=self._secrets)
        shown = start[:_SHOWN_BYTES].decode("ascii", "backslashreplace")
        raise KimiUnreadableReply(
            f"neither a stream nor JSON ({self._label}), beginning with {shown!r}",
            request_id=self._request_id,
            secrets=self._secrets,
        )
