"""Schemas of MCP tools in Kimi's dialect."""

from typing import Any

import pytest

from core.tools.mcp.schemas import (
    MAX_DEFINITION_BYTES,
    clean_parameters,
    definition_bytes,
    tool_definition,
    tool_name,
)

NODE = {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}}}


@pytest.mark.parametrize(
    ("given", "cleaned"),
    [
        ({"enum": ["a", "b"]}, {"enum": ["a", "b"], "type": "string"}),
        ({"const": 3}, {"enum": [3], "type": "integer"}),
        ({}, {"type": "string"}),
        (True, {"type": "string"}),
        ({"type": "string", "format": "uri", "pattern": "^x", "title": "X"}, {"type": "string"}),
        ({"type": ["string", "null"], "description": "d"},
         {"description": "d", "anyOf": [{"type": "string"}, {"type": "null"}]}),
        ({"type": "string", "anyOf": [{"const": "a"}, {"type": "integer"}]},
         {"anyOf": [{"enum": ["a"], "type": "string"}, {"type": "integer"}]}),
        ({"oneOf": [{"type": "integer"}], "default": 1}, {"type": "integer", "default": 1}),
        ({"allOf": [{"$ref": "#/$defs/Size"}], "description": "d"},
         {"description": "d", "enum": ["S"], "type": "string"}),
        ({"$ref": "#/$defs/Size"}, {"enum": ["S"], "type": "string"}),
        ({"$ref": "https://a.test/schema"}, {"type": "object", "properties": {}}),
        ({"type": "array"}, {"type": "array", "items": {"type": "string"}}),
    ],
)  # fmt: skip
def test_a_property_is_rewritten(given: Any, cleaned: Any) -> None:
    """Moonshot refuses a property without a type, a reference, and a type beside anyOf."""
    root = {"type": "object", "properties": {"p": given}, "$defs": {"Size": {"enum": ["S"]}}}
    assert clean_parameters(root)["properties"]["p"] == cleaned


def test_a_schema_that_refers_to_itself_ends() -> None:
    """The dialect has no recursion: behind the first round anything is allowed."""
    root = {"type": "object", "properties": {"n": {"$ref": "#/$defs/Node"}}, "$defs": {"Node": NODE}}
    inner = {"type": "object", "properties": {"next": {"type": "object", "properties": {}}}}
    assert clean_parameters(root)["properties"]["n"] == inner


def test_required_names_exist() -> None:
    """A name that is required and not described is left out, as is a schema that is no object."""
    assert clean_parameters({"required": ["a"]}) == {"type": "object", "properties": {}, "required": []}


def test_names_are_kimis() -> None:
    """Letters, digits, "_" and "-", 64 at most; two names that are cut to the same stay two."""
    assert tool_name("shop", "stock") == "shop__stock"
    long, other = tool_name("shop", "a" * 80), tool_name("shop", "a" * 81)
    assert len(long) == 64
    assert long != other
    assert tool_name("shop", "a.b") != tool_name("shop", "a_b")


def multiplied(levels: int) -> dict[str, Any]:
    """A schema of a few kilobytes whose references multiply it sixtyfold on each level."""
    names = [f"p{at}" for at in range(60)]
    definitions = {
        f"L{level}": {"properties": {name: {"$ref": f"#/$defs/L{level + 1}"} for name in names}}
        for level in range(levels)
    }
    return {"properties": {name: {"$ref": "#/$defs/L0"} for name in names}, "$defs": definitions}


@pytest.mark.parametrize(
    "schema",
    [
        pytest.param(multiplied(8), id="references that multiply"),
        pytest.param(
            {"properties": {"p": {"$ref": "#/$defs/0"}},
             "$defs": {str(at): {"$ref": f"#/$defs/{at + 1}"} for at in range(5_000)}},
            id="a chain of references",
        ),
        pytest.param({"properties": {"p": {"enum": ["x" * 100] * 10_000}}}, id="a long enum"),
        pytest.param({"properties": {"p": {"default": 10**30}}}, id="a number that is no JSON"),
        pytest.param({"properties": {"p": {"anyOf": [{"anyOf": [{}] * 500}] * 500}}}, id="alternatives"),
        pytest.param({"properties": {"x" * 100_000: {}}}, id="a long name"),
        pytest.param({"anyOf": [{"enum": 1}], "type": None, "properties": 7}, id="other types"),
    ],
)  # fmt: skip
def test_a_hostile_schema_becomes_a_small_one(schema: dict[str, Any]) -> None:
    """It stands in each request; one of 10 kB once grew beyond the memory (we chose the bounds)."""
    definition = tool_definition("t", "d", schema)
    assert definition_bytes(definition) <= MAX_DEFINITION_BYTES
    assert definition["function"]["parameters"]["type"] == "object"


def test_keywords_of_another_type_are_left_out() -> None:
    """Kimi refuses the whole request for one of them, and so every answer that could use a tool."""
    wrong = {"type": "string", "description": 5, "enum": "a", "required": 3, "minLength": "x", "maximum": []}
    cleaned = clean_parameters({"properties": {"p": wrong}, "required": [1, "p", None, "q"]})
    assert cleaned == {"type": "object", "properties": {"p": {"type": "string"}}, "required": ["p"]}
