"""Schemas of MCP tools in Kimi's dialect."""

from typing import Any

import pytest

from core.tools.mcp.schemas import clean_parameters, tool_name

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
