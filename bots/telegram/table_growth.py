"""Bounds how much longer a table becomes when it is laid out. Pure."""

import re

from rich.cells import cell_len

from bots.telegram.at_names import FULLWIDTH_AT
from bots.telegram.entities import utf16_length
from core.markdown.lines import TABLE_KINDS, MarkdownLine
from core.markdown.tables import split_cells

_DELIMITER_ROW = re.compile(r"[\s|:-]*")
_LIST_LINE_CHARS = 5  #: bullet, colon, two spaces and line end


class TableGrowth:
    """Counts the characters that the layout adds to a table's source, row by row.

    The cells of the source are at least as wide as the shown ones, so a table that is shown in columns may
    count as a wide one here.
    """

    def __init__(self, max_columns: int) -> None:
        """Count for a layout in which tables wider than ``max_columns`` become lists."""
        self._max_columns = max_columns
        self._begin_table()

    def _begin_table(self) -> None:
        self._widths: list[int] = []
        self._rows = 0
        self._header_chars = 0
        self._source_chars = 0
        self._list_chars = 0
        self._narrow_chars = 0  # characters that take no column, such as joiners
        self._added_chars: int = 0

    def add_line(self, raw: str, line: MarkdownLine) -> int:
        """Return the characters that one more line adds beyond its own."""
        if line.kind not in TABLE_KINDS and not raw.lstrip().startswith("|"):
            self._begin_table()
            return 0
        cells = [] if _DELIMITER_ROW.fullmatch(raw) else split_cells(raw.replace("@", FULLWIDTH_AT))
        self._widths.extend([0] * (len(cells) - len(self._widths)))
        for column, cell in enumerate(cells):
            columns = cell_len(cell)
            self._widths[column] = max(self._widths[column], columns)
            self._narrow_chars += max(0, utf16_length(cell) - columns)
        self._rows += 1
        self._source_chars += len(raw)
        self._list_chars += self._list_row_chars(cells, line)
        added = max(self._added_chars, self._layout_chars() - self._source_chars)
        growth, self._added_chars = added - self._added_chars, added
        return growth

    def _list_row_chars(self, cells: list[str], line: MarkdownLine) -> int:
        own = sum(utf16_length(cell) + _LIST_LINE_CHARS for cell in cells) + 2
        indent = (line.list_indent + 2 * line.quote_prefix.count(">")) * (len(cells) + 1)
        if self._rows == 1:
            self._header_chars = own
        return own + indent + (self._header_chars if cells and self._rows > 1 else 0)

    def _layout_chars(self) -> int:
        columns = sum(self._widths) + 3 * len(self._widths)
        grid_chars = (self._rows + 1) * columns + self._narrow_chars
        if columns - 3 <= self._max_columns:
            return grid_chars
        widest_grid_chars = (self._rows + 1) * (self._max_columns + 3) + self._narrow_chars
        return max(self._list_chars, min(grid_chars, widest_grid_chars))
