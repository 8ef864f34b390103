"""Decodes server-sent events from bytes, without I/O.

https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream: lines end
with LF, CRLF or CR, a blank line ends an event, several ``data`` lines are joined, lines that
begin with a colon are comments. Two tolerances: other fields (``event``, ``id``, ``retry``) are
ignored, since the data of the chat API's events is self-describing, and a last event without its blank
line still counts.
"""

_BOM = b"\xef\xbb\xbf"
MAX_EVENT_BYTES = 16 * 1024 * 1024


class SseDecoder:
    """Collects network reads of any size and returns the data of each complete event.

    Bytes are not decoded to text here, so a character that is cut by a read stays whole.
    """

    __slots__ = ("_after_cr", "_at_start", "_data", "_held_bytes", "_pieces")

    def __init__(self) -> None:
        self._pieces: list[bytes] = []  # the line that has not ended yet, one piece per read
        self._data: list[bytes] = []  # data lines of the event that has not ended yet
        self._held_bytes = 0
        self._after_cr = False
        self._at_start = True

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the data of the events that one network read completes, in order.

        Raises:
            ValueError: an event grows beyond ``MAX_EVENT_BYTES``.
        """
        if b"\r" in chunk or self._after_cr:
            chunk = self._normalize_newlines(chunk)
        if b"\n" not in chunk:
            self._buffer(chunk)
            return []
        if self._pieces:
            self._pieces.append(chunk)
            chunk = b"".join(self._pieces)
            self._pieces.clear()
        lines = chunk.split(b"\n")
        rest = lines.pop()
        if self._at_start:
            self._at_start = False
            lines[0] = lines[0].removeprefix(_BOM)
        events = self._events(lines)
        self._held_bytes = sum(map(len, self._data)) if self._data else 0
        self._buffer(rest)
        return events

    def close(self) -> list[bytes]:
        """Return the last event, if the stream ended without its blank line."""
        line = b"".join(self._pieces)
        self._pieces.clear()
        return self._events([line.removeprefix(_BOM) if self._at_start else line, b""])

    def _events(self, lines: list[bytes]) -> list[bytes]:
        events: list[bytes] = []
        data = self._data
        for line in lines:
            if line.startswith(b"data: "):
                data.append(line[6:])
            elif line.startswith(b"data:"):
                data.append(line[5:])
            elif line == b"data":
                data.append(b"")
            elif not line and data:
                event = data[0] if len(data) == 1 else b"\n".join(data)
                data.clear()
                if event:
                    events.append(event)
        return events

    def _buffer(self, piece: bytes) -> None:
        self._held_bytes += len(piece)
        if self._held_bytes > MAX_EVENT_BYTES:
            raise ValueError(f"an event of more than {MAX_EVENT_BYTES} bytes")
        if piece:
            self._pieces.append(piece)

    def _normalize_newlines(self, chunk: bytes) -> bytes:
        """Return the read with LF for CRLF and CR, also if a CRLF is cut by two reads."""
        if not chunk:
            return chunk
        if self._after_cr and chunk.startswith(b"\n"):
            chunk = chunk[1:]
            self._after_cr = False
            return self._normalize_newlines(chunk)
        self._after_cr = chunk.endswith(b"\r")
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
