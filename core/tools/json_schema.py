"""Converts a Python function's type hints to a JSON schema in Kimi's dialect.

The dialect (MFJS) demands a ``type`` in every property and forbids ``$ref``
(https://github.com/MoonshotAI/walle; the official clients rewrite schemas the same way).
"""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, get_type_hints

from pydantic import BaseModel, Field, create_model

_TYPES = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}


def arguments_model(function: Callable[..., Awaitable[Any]]) -> type[BaseModel]:
    """Return a pydantic model of a function's arguments.

    Raises:
        TypeError: an argument has no type hint, or is positional only or variadic.
    """
    hints = get_type_hints(function, include_extras=True)
    fields: dict[str, Any] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise TypeError(f"{function.__name__}: {name} must be an ordinary or keyword argument")
        if name not in hints:
            raise TypeError(f"{function.__name__}: {name} has no type hint")
        default = ... if parameter.default is parameter.empty else parameter.default
        fields[name] = (hints[name], Field(default=default))
    return create_model(function.__name__, __config__={"extra": "forbid"}, **fields)


def parameters_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Return the model's JSON schema in Kimi's dialect."""
    schema = model.model_json_schema()
    definitions = schema.pop("$defs", {})
    return {
        "type": "object",
        "properties": {
            name: to_kimi_schema(value, definitions) for name, value in schema.get("properties", {}).items()
        },
        "required": schema.get("required", []),
    }


def to_kimi_schema(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``schema`` without references and with a type in every property.

    Raises:
        TypeError: the type refers to itself, which Kimi's dialect cannot express.
    """
    return _to_kimi_schema(schema, definitions, frozenset())


def _to_kimi_schema(
    schema: Mapping[str, Any], definitions: Mapping[str, Any], seen_refs: frozenset[str]
) -> dict[str, Any]:
    if "$ref" in schema:
        name = str(schema["$ref"]).rsplit("/", 1)[-1]
        if name in seen_refs:
            raise TypeError(f"{name} refers to itself; Kimi's schema dialect has no recursion")
        rest = {key: value for key, value in schema.items() if key != "$ref"}
        return _to_kimi_schema({**definitions[name], **rest}, definitions, seen_refs | {name})
    shown: dict[str, Any] = {key: value for key, value in schema.items() if key != "title"}
    for key in ("anyOf", "oneOf", "allOf"):
        if key in shown:
            shown[key] = [_to_kimi_schema(part, definitions, seen_refs) for part in shown[key]]
    if "items" in shown:
        shown["items"] = _to_kimi_schema(shown["items"], definitions, seen_refs)
    if "properties" in shown:
        shown["properties"] = {
            name: _to_kimi_schema(value, definitions, seen_refs)
            for name, value in shown["properties"].items()
        }
    if "type" not in shown and not {"anyOf", "oneOf", "allOf"} & shown.keys():
        shown["type"] = _type_of(shown)
    return shown


def _type_of(schema: Mapping[str, Any]) -> str:
    values = schema.get("enum") or [schema["const"]] if "enum" in schema or "const" in schema else []
    if values:
        return _TYPES.get(type(values[0]), "string")
    return "object" if "properties" in schema else "string"
