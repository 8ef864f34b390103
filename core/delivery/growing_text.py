"""The Markdown of one answer while it arrives, and how much of it has been composed into updates."""

from math import inf


class GrowingText:
    """Text that is appended in pieces of any size; appending costs next to nothing."""

    def __init__(self) -> None:
        self.complete = False  #: nothing more will be appended
        self.pending_since: float | None = None  #: when the oldest text arrived that no update shows
        self.placeholder = ""  #: temporary text, shown until the first piece arrives
        self.shown_placeholder = ""
        self._value = ""
        self._chunks: list[str] = []
        self._length = 0
        self._composed_length = 0

    @property
    def value(self) -> str:
        """The whole text so far."""
        if self._chunks:
            self._value += "".join(self._chunks)
            self._chunks.clear()
        return self._value

    @property
    def is_empty(self) -> bool:
        """Whether nothing has been appended."""
        return self._length == 0

    @property
    def pending_chars(self) -> int:
        """Number of characters that arrived after the last composed update."""
        return self._length - self._composed_length

    def append(self, text: str, now: float) -> None:
        """Append the next piece."""
        self._chunks.append(text)
        self._length += len(text)
        if self.pending_since is None:
            self.pending_since = now

    def pending_s(self, now: float) -> float:
        """Return for how many seconds the oldest pending text has waited; 0 if none is pending."""
        return 0.0 if self.pending_since is None else now - self.pending_since

    def take(self) -> str:
        """Return the whole text to compose an update from it; from now on only later text is pending."""
        self._composed_length = self._length
        return self.value

    def take_pending_since(self) -> float | None:
        """Return when the oldest text arrived that a composed update shows first."""
        since, self.pending_since = self.pending_since, None
        return since

    def give_back(self, since: float | None) -> None:
        """Take note that an update was not shown; its text, pending since ``since``, is pending again."""
        self._composed_length = min(self._composed_length, max(0, self._length - 1))
        self.restore_pending_since(since)

    def restore_pending_since(self, since: float | None) -> None:
        """Take back a time that :meth:`take_pending_since` returned."""
        if since is not None:
            self.pending_since = min(since, inf if self.pending_since is None else self.pending_since)
