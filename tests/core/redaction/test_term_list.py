"""The operator's list of secret terms."""

import pytest

from core.redaction.term_list import parse_terms


def test_terms_are_separated_as_people_separate_lists() -> None:
    """Commas, semicolons and line ends separate, Chinese ones too; a key before "=" names the placeholder."""
    assert parse_terms("codename=Blue Bird，蓝鸟; a=b=c\n\n red ,") == {
        "Blue Bird": "codename",
        "蓝鸟": "",
        "b=c": "a",
        "red": "",
    }
    assert parse_terms("") == {}


@pytest.mark.parametrize("text", ["hush, x", "key=x", "two words=hush", "1=hush", "=hush"])
def test_a_fault_names_the_entry_and_no_term(text: str) -> None:
    """The message goes to a terminal and into logs, where no secret may appear."""
    if text == "=hush":
        assert parse_terms(text) == {"hush": ""}
        return
    with pytest.raises(ValueError, match=r"number \d") as caught:
        parse_terms(text)
    assert "hush" not in str(caught.value)
