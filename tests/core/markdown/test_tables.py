"""Tables as columns."""

import pytest

from core.markdown.tables import alignment, format_table, split_cells


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
