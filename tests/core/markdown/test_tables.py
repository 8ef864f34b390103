"""Tables as columns and as lists."""

import pytest
from rich.cells import cell_len

from core.markdown.tables import alignment, format_table, split_cells, table_to_list, table_width


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("| a | b |", ["a", "b"]),
        ("a | b", ["a", "b"]),
        ("| a | |", ["a", ""]),
        ("| `a | b` | c |", ["`a | b`", "c"]),
        ("| `` a`|b `` | c |", ["`` a`|b ``", "c"]),
        ("| a \\| b | c |", ["a | b", "c"]),
        ("| ` | c |", ["`", "c"]),
    ],
)
def test_a_row_is_split_at_its_pipes(row: str, expected: list[str]) -> None:
    """Escaped pipes and those inside code belong to the cell."""
    assert split_cells(row) == expected


def test_columns_stand_under_one_another() -> None:
    """Wide characters take two places and short rows are filled up."""
    text = format_table([["名", "n"], ["ab", "10"], ["c"]], ["left", "right"])
    assert text.split("\n") == ["名 |  n", "---+---", "ab | 10", "c  |"]


def test_the_delimiter_row_tells_the_side() -> None:
    """Colons mean left, right or centre."""
    assert [alignment(cell) for cell in ("---", ":--", "--:", ":-:")] == ["left", "left", "right", "center"]


def test_a_table_becomes_a_list_of_its_rows() -> None:
    """A row is a head and a line for each cell that has text; the columns' names come first."""
    rows = [["Model", "Context", ""], ["k3", "1M", "new"], ["", "2", ""], ["k2"], ["", "", ""]]
    assert table_to_list(rows) == [
        ("", ["Model · Context"]),
        ("k3", ["• Context: 1M", "• new"]),
        ("", ["• Context: 2"]),
        ("k2", []),
    ]


def test_the_width_of_a_table_counts_wide_characters_twice() -> None:
    """It is the width of the laid-out table."""
    rows = [["模型", "n"], ["kimi", "22"]]
    assert table_width(rows) == max(map(cell_len, format_table(rows, ["left", "left"]).split("\n"))) == 9
