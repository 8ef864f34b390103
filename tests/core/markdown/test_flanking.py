"""What may open and what may close emphasis."""

import pytest

from core.markdown.flanking import can_open_and_close


@pytest.mark.parametrize(
    ("run", "before", "after", "second", "expected"),
    [
        ("**", " ", "b", "o", (True, False)),
        ("**", "d", " ", "", (False, True)),
        ("**", "は", "重", "要", (True, True)),
        ("**", "は", "「", "引", (True, True)),
        ("**", "」", "で", "す", (True, True)),
        ("*", "2", "3", "*", (False, False)),
        ("**", "x", "2", " ", (False, True)),
        ("*", " ", ".", "p", (False, False)),
        ("**", "/", "/", "*", (False, False)),
        ("_", "e", "c", "a", (False, False)),
        ("_", " ", "i", "t", (True, False)),
        ("~~", " ", "g", "o", (True, False)),
        ("~", " ", "5", "0", (False, False)),
        ("||", "a", "b", "|", (False, False)),
        ("||", "是", "管", "家", (True, True)),
    ],
)
def test_the_characters_around_decide(
    run: str, before: str, after: str, second: str, expected: tuple[bool, bool]
) -> None:
    """Scripts without spaces count as borders; words, numbers and file patterns do not."""
    assert can_open_and_close(run, before, after, second) == expected
