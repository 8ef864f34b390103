"""Rewrites the JSON schemas of MCP tools in Kimi's dialect. Pure.

A server may use any keyword of JSON Schema 2020-12. Kimi's dialect (MFJS,
https://github.com/MoonshotAI/walle) has no references, demands a ``type`` in every property, and refuses a
``type`` beside ``anyOf``. What it cannot express is left out: the server checks the arguments itself.
"""

import re
from collections.abc import Iterator, Mapping
from hashlib import sha256
from itertools import islice
from types import MappingProxyType
from typing import Any, Final

import orjson

MAX_NAME_CHARS: Final = 64
MAX_DESCRIPTION_CHARS: Final = 2_000
MAX_DEPTH: Final = 8
MAX_PROPERTIES: Final = 60  #: of one object, and alternatives of one value
MAX_PARTS: Final = 500  #: of one schema, once its references are followed: they can multiply
MAX_REF_CHARS: Final = 500
MAX_DEFINITION_BYTES: Final = 16_000  #: of one tool
_ANYTHING: Final[Mapping[str, Any]] = MappingProxyType({"type": "object", "properties": {}})
_KEPT: Final[Mapping[str, type | tuple[type, ...]]] = MappingProxyType(
    {
        "description": str,
        "enum": list,
        "default": object,
        "required": list,
        **dict.fromkeys(("minimum", "maximum"), (int, float)),
        **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems"), int),
    }
)
"""Keyword that Kimi reads → types of its value; another type would make Kimi refuse the whole request."""
_READ: Final[Mapping[str, type | tuple[type, ...]]] = MappingProxyType(
    {
        **_KEPT,
        "$ref": str,
        "type": (str, list),
        "properties": Mapping,
        "items": object,
        "const": object,
        **dict.fromkeys(("allOf", "anyOf", "oneOf"), list),
    }
)
"""Keyword that says something to us → types of its value."""
_JSON_TYPES: Final = ("string", "number", "integer", "boolean", "object", "array", "null")
_NO_NAME_CHARS: Final = re.compile(r"[^a-zA-Z0-9_-]")


def tool_name(server: str, tool: str) -> str:
    """Return the name by which the model calls a server's tool: ``server__tool``, 64 characters at most."""
    name = f"{server}__{_NO_NAME_CHARS.sub('_', tool)}"
    if name == f"{server}__{tool}" and len(name) <= MAX_NAME_CHARS:
        return name
    mark = sha256(tool.encode()).hexdigest()[:8]
    return f"{name[: MAX_NAME_CHARS - len(mark) - 1]}_{mark}"


def tool_definition(name: str, description: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the definition of a tool for a request to Kimi.

    A schema that is too large, or cannot be written as JSON, becomes one that allows any arguments.
    """
    about = {"name": name, "description": description[:MAX_DESCRIPTION_CHARS] or name}
    definition = {"type": "function", "function": {**about, "parameters": clean_parameters(schema)}}
    try:
        fits = definition_bytes(definition) <= MAX_DEFINITION_BYTES
    except orjson.JSONEncodeError:  # a number of more than 64 bits, or too deep
        fits = False
    return definition if fits else {"type": "function", "function": {**about, "parameters": dict(_ANYTHING)}}


def loses_arguments(definition: Mapping[str, Any], schema: Mapping[str, Any]) -> bool:
    """Return whether a definition cannot tell Kimi which arguments the tool's own schema has.

    Kimi then knows them from the tool's description alone.
    """
    if schema.get("type", "object") != "object":
        return True
    shown = definition["function"]["parameters"]["properties"]
    listed = schema.get("properties", {})
    is_read = set(listed) <= set(shown) if isinstance(listed, Mapping) else False
    return not is_read or (
        not shown and bool(_READ.keys() & (set(schema) - {"type", "properties", "description"}))
    )


def definition_bytes(definition: Mapping[str, Any]) -> int:
    """Return the size of a tool's definition in a request."""
    return len(orjson.dumps(definition))


def clean_parameters(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of a tool's arguments in Kimi's dialect; always an object."""
    cleaned = _Cleaner(schema).clean(schema, depth=0, refs=frozenset())
    return {
        "type": "object",
        "properties": cleaned.get("properties", {}),
        "required": cleaned.get("required", []),
    }


class _Cleaner:
    """Cleans the parts of one schema; references are looked up from its root."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._parts_left = MAX_PARTS

    def clean(self, schema: object, *, depth: int, refs: frozenset[str]) -> dict[str, Any]:
        """Return a part in Kimi's dialect.

        Args:
            schema: the part; JSON Schema allows true and false too.
            depth: of the part.
            refs: references that led to it.
        """
        if not isinstance(schema, Mapping):
            return {"type": "string"}
        self._parts_left -= 1
        if depth > MAX_DEPTH or self._parts_left < 0:
            return dict(_ANYTHING)
        schema = _readable(schema)
        if "$ref" in schema:
            return self._follow(schema, depth=depth, refs=refs)
        if "allOf" in schema:
            schema = self._merge(schema, depth=depth, refs=refs)
        shown = {key: schema[key] for key in _KEPT if key in schema}
        shown |= {"enum": [schema["const"]]} if "const" in schema else {}
        if "description" in shown:
            shown["description"] = shown["description"][:MAX_DESCRIPTION_CHARS]
        choices = [*_alternatives(schema)]
        if choices and not schema.get("properties"):
            parts = [self.clean(choice, depth=depth + 1, refs=refs) for choice in choices]
            kept = {key: shown[key] for key in ("description", "default") if key in shown}
            return kept | {"anyOf": parts} if len(parts) > 1 else parts[0] | kept
        shown["type"] = _type_of(schema)
        if shown["type"] == "object":
            properties = schema.get("properties", {}).items()
            shown["properties"] = {
                str(name): self.clean(part, depth=depth + 1, refs=refs)
                for name, part in islice(properties, MAX_PROPERTIES)
            }
        required = [name for name in shown.pop("required", ()) if str(name) in shown.get("properties", ())]
        shown |= {"required": required} if required else {}
        if shown["type"] == "array":
            shown["items"] = self.clean(schema.get("items", True), depth=depth + 1, refs=refs)
        return shown

    def _follow(self, schema: Mapping[str, Any], *, depth: int, refs: frozenset[str]) -> dict[str, Any]:
        """Return what a reference leads to; an object of any shape if it leads to itself or to nothing."""
        ref = str(schema["$ref"])[:MAX_REF_CHARS]
        target: Any = self._root
        for step in ref.removeprefix("#").strip("/").split("/"):
            key = step.replace("~1", "/").replace("~0", "~")
            target = target.get(key) if key and isinstance(target, Mapping) else target if not key else None
        if ref in refs or not isinstance(target, Mapping) or not ref.startswith("#"):
            return dict(_ANYTHING)
        rest = {key: value for key, value in schema.items() if key != "$ref"}
        return self.clean({**_readable(target), **rest}, depth=depth + 1, refs=refs | {ref})

    def _merge(self, schema: Mapping[str, Any], *, depth: int, refs: frozenset[str]) -> dict[str, Any]:
        """Return a schema with the parts of its ``allOf`` in it."""
        merged = {key: value for key, value in schema.items() if key != "allOf"}
        for part in schema["allOf"][:MAX_PROPERTIES]:
            cleaned = self.clean(part, depth=depth + 1, refs=refs)
            for key, value in cleaned.items():
                if key == "properties":
                    merged[key] = {**merged.get(key, {}), **value}
                elif key == "required":
                    merged[key] = [*merged.get(key, ()), *value]
                else:
                    merged.setdefault(key, value)
        return merged


def _readable(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keywords that are read, without those of another type."""
    return {
        key: schema[key] for key, kind in _READ.items() if key in schema and isinstance(schema[key], kind)
    }


def _alternatives(schema: Mapping[str, Any]) -> Iterator[object]:
    """Yield the schemas of which a value has to match one."""
    for key in ("anyOf", "oneOf"):
        if isinstance(schema.get(key), list):
            yield from schema[key][:MAX_PROPERTIES]
            return
    if isinstance(schema.get("type"), list):
        rest = {key: value for key, value in schema.items() if key not in ("description", "default", "enum")}
        yield from ({**rest, "type": kind} for kind in schema["type"][: len(_JSON_TYPES)])


def _type_of(schema: Mapping[str, Any]) -> str:
    if schema.get("type") in _JSON_TYPES:
        return str(schema["type"])
    values = schema.get("enum") or ([schema["const"]] if "const" in schema else [])
    match values[0] if values else None:
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
    if "properties" in schema:
        return "object"
    return "array" if "items" in schema else "string"
