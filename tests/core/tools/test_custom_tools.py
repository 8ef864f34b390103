"""An operator's functions become tools that Kimi can call, and fail politely."""

import json
from enum import StrEnum
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from core.domain.errors import SettingsError
from core.tools import ToolError, tool
from core.tools.custom_tools import build_tool, load_tools


class Colour(StrEnum):
    """A closed set."""

    RED = "red"
    BLUE = "blue"


class Parcel(BaseModel):
    """A nested argument."""

    colour: Colour
    weight_g: int | None = None


@tool
async def stock(article: str, size: Literal["S", "M"] = "M", count: Annotated[int, Field(ge=1)] = 1) -> str:
    """Tell how many pieces of an article are in stock."""
    return f"{article} {size} {count}"


@tool
async def ship(parcels: list[Parcel], colour: Colour = Colour.RED) -> dict[str, Any]:
    """Ship parcels."""
    return {"shipped": len(parcels), "colour": colour}


async def undocumented(article: str) -> str:  # noqa: D103 (that is the point)
    return article


def types_everywhere(schema: Any) -> bool:
    """Return whether every property of a schema has a type and nothing refers."""
    if isinstance(schema, dict):
        if "$ref" in schema:
            return False
        for value in schema.get("properties", {}).values():
            if "type" not in value and not {"anyOf", "oneOf", "allOf"} & value.keys():
                return False
        return all(types_everywhere(value) for value in schema.values())
    return all(types_everywhere(value) for value in schema) if isinstance(schema, list) else True


async def test_a_function_becomes_a_tool() -> None:
    """Name, description and arguments come from the function; running it checks the arguments."""
    found = build_tool(stock)
    function = found.definition["function"]
    assert (function["name"], function["description"]) == (
        "stock",
        "Tell how many pieces of an article are in stock.",
    )
    assert function["parameters"]["required"] == ["article"]
    assert (await found.run('{"article": "tea", "count": 2}')).text == "tea M 2"


def test_the_schema_is_in_kimis_dialect() -> None:
    """Nested types are written out, and every property says its type."""
    parameters = build_tool(ship).definition["function"]["parameters"]
    assert types_everywhere(parameters)
    item = parameters["properties"]["parcels"]["items"]
    assert item["properties"]["colour"]["enum"] == ["red", "blue"]


async def test_nested_arguments_arrive_as_the_functions_types() -> None:
    """What the model wrote is turned into the types that the function asks for."""
    answer = await build_tool(ship).run('{"parcels": [{"colour": "blue"}]}')
    assert json.loads(answer.text) == {"shipped": 1, "colour": "red"}


@pytest.mark.parametrize(
    "arguments",
    ["not json", "[]", "{}", '{"article": 3}', '{"article": "a", "other": 1}', '{"article":"a","count":0}'],
)
async def test_arguments_that_do_not_fit_are_told_to_the_model(arguments: str) -> None:
    """A model that wrote nonsense learns what was wrong instead of breaking the turn."""
    with pytest.raises(ToolError, match="arguments"):
        await build_tool(stock).run(arguments)


async def test_an_error_inside_a_tool_is_a_fault_without_its_text() -> None:
    """Whatever an operator's code raises, the model learns only that it failed."""

    async def leaky(article: str) -> str:
        """Break."""
        raise RuntimeError("secret connection string")

    with pytest.raises(ToolError) as caught:
        await build_tool(leaky).run('{"article": "tea"}')
    assert "secret" not in str(caught.value)


def test_every_tool_that_cannot_be_loaded_is_named_at_once() -> None:
    """Bad names in the settings are told together, each with its reason."""
    with pytest.raises(SettingsError) as caught:
        load_tools(["no_such_module_of_ours", "json:dumps"])
    assert len(caught.value.faults) == 2


def test_a_function_without_a_docstring_is_refused() -> None:
    """The model would not know what such a tool is for."""
    with pytest.raises(TypeError, match="docstring"):
        build_tool(undocumented)
