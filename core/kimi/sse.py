"""Decodes server-sent events from bytes, without I/O.

https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream: lines end
with LF, CRLF or CR, a blank line ends an event, several ``data`` lines are joined, lines that
begin with a colon are comments. Tolerances, each seen at a host:

- a last event without its blank line counts;
- a line of data that is a whole JSON object or ``[DONE]`` ends its event when the next data line comes
  (events parted by one line end: rexxars/eventsource-parser#31);
- a line that is a JSON object without ``data:`` is data (Moonshot's own parser; stacklok/toolhive#6037).

Of the other fields only ``event: error`` counts: its data is returned as :class:`ErrorEventData`.
"""

_BOM = b"\xef\xbb\xbf"
MAX_EVENT_BYTES = 16 * 1024 * 1024


class ErrorEventData(bytes):
    """The data of an event named ``error``."""


class SseDecoder:
    """Collects network reads of any size and returns the data of each complete event.

    Bytes are not decoded to text here, so a character that is cut by a read stays whole.
    """

    __slots__ = ("_after_cr", "_at_start", "_data", "_held_bytes", "_is_error", "_pieces")

    def __init__(self) -> None:
        self._pieces: list[bytes] = []  # the line that has not ended yet, one piece per read
        self._data: list[bytes] = []  # data lines of the event that has not ended yet
        self._held_bytes = 0
        self._after_cr = False
        self._at_start = True
        self._is_error = False  # the event that has not ended yet is named "error"

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
                self._add_data(line[6:], events)
            elif line.startswith(b"data:"):
                self._add_data(line[5:], events)
            elif line == b"data":
                data.append(b"")
            elif not line and data:
                self._end_event(events)
            elif line:
                self._add_other(line, events)
        return events

    def _add_data(self, line: bytes, events: list[bytes]) -> None:
        if self._data and _is_whole(self._data):
            self._end_event(events)
        self._data.append(line)

    def _add_other(self, line: bytes, events: list[bytes]) -> None:
        name, _, value = line.partition(b":")
        if name == b"event":
            if self._data and _is_whole(self._data):
                self._end_event(events)
            self._is_error = b"error" in value.lower()
        elif line.startswith(b"{"):
            self._add_data(line, events)

    def _end_event(self, events: list[bytes]) -> None:
        event = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
        self._data.clear()
        if event:
            events.append(ErrorEventData(event) if self._is_error else event)
        self._is_error = False

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


def _is_whole(data: list[bytes]) -> bool:
    """Return whether the data so far are one JSON object or ``[DONE]``, to which nothing can be joined."""
    if len(data) != 1:
        return False
    return data[0] == b"[DONE]" or (data[0].startswith(b"{") and data[0].rstrip().endswith(b"}"))
