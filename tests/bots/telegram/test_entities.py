"""Text written with entities."""

from bots.telegram.entities import EntityTextBuilder, limit_entities, utf16_length


def test_units_are_utf_16() -> None:
    """An emoji outside the basic plane counts two, a Chinese character one."""
    assert [utf16_length(text) for text in ("abc", "重要", "🚀", "👨‍👩‍👧")] == [3, 2, 2, 8]


def test_outer_space_is_trimmed_and_entities_move() -> None:
    """The server would trim too, and the entities would then be off."""
    canvas = EntityTextBuilder()
    canvas.write("\n  ")
    start = canvas.length_units
    canvas.write("bold  ")
    canvas.add_entity("bold", start)
    assert canvas.build() == ("bold", [{"type": "bold", "offset": 0, "length": 4}])


def test_an_entity_of_nothing_is_not_noted() -> None:
    """Telegram refuses an entity without length."""
    canvas = EntityTextBuilder()
    canvas.write("a")
    canvas.add_entity("bold", canvas.length_units)
    assert canvas.build() == ("a", [])


def test_indentation_begins_every_line_but_those_of_code() -> None:
    """Words under a list marker are indented; code keeps its own columns."""
    canvas = EntityTextBuilder()
    canvas.write("• ")
    canvas.indent = "  "
    canvas.write("one\ntwo")
    canvas.write_code_block("x\ny", "py")
    text, entities = canvas.build()
    assert text == "• one\n  two\nx\ny"
    assert entities == [{"type": "pre", "offset": 12, "length": 3, "language": "py"}]


def test_the_least_needed_entities_go_first() -> None:
    """Blocks and links outlive styles, in the order of the text."""
    entities: list[dict[str, object]] = [
        {"type": "italic", "offset": 0, "length": 1},
        {"type": "text_link", "offset": 2, "length": 1, "url": "https://x.y"},
        {"type": "pre", "offset": 4, "length": 1},
    ]
    assert [entity["type"] for entity in limit_entities(entities, 2)] == ["text_link", "pre"]
