"""Parses ``mcp.json``, which names the MCP servers of a deployment in the shape that other clients use.

::

    {"mcpServers": {
      "files": {"command": "npx", "args": ["-y", "some-server"], "env": {"TOKEN": "${FILES_TOKEN}"}},
      "shop": {"url": "https://mcp.example.com/mcp", "headers": {"Authorization": "Bearer ${SHOP_TOKEN}"},
               "trusted": true, "approval": {"cancel_order": "never"}}
    }}
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    Field,
    StrictBool,
    StrictStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails

from core.domain.errors import SettingsError
from core.kimi.json_decoding import decode_json
from core.ports.tools import Approval
from core.tools.selection import RESERVED_NAMES

CONFIG_FILE: Final = "mcp.json"  #: in the data folder
_NAME: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9-]{0,23}")
_VARIABLE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


class _ServerShape(BaseModel):
    """A server in the file, once its variables are replaced; members of other clients are ignored."""

    type: Literal["stdio", "http", "streamable-http", "streamableHttp"] = "http"
    command: StrictStr = ""
    args: list[StrictStr] = []
    env: dict[str, StrictStr] = {}
    cwd: StrictStr = ""
    url: StrictStr = ""
    headers: dict[str, StrictStr] = {}
    private_address: StrictBool = Field(default=False, alias="privateAddress")
    trusted: StrictBool = False
    approval: dict[str, Approval] = {}

    @field_validator("url")
    @classmethod
    def _is_address(cls, url: str) -> str:
        address = urlsplit(url)
        is_incomplete = _VARIABLE.search(url) is not None  # its variable is a fault of its own
        if url and not is_incomplete and (address.scheme not in ("http", "https") or not address.hostname):
            raise ValueError("it is no http or https address")
        return url

    @model_validator(mode="after")
    def _has_one_transport(self) -> Self:
        if bool(self.command) == bool(self.url):
            raise ValueError('it needs either "command" or "url"')
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class McpServerConfig:
    """One server of ``mcp.json``."""

    name: str
    command: str = ""  #: program of a server that is a child process; "" if it is reached by HTTP
    args: Sequence[str] = ()
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    cwd: str = ""
    url: str = ""  #: of a server that is reached by streamable HTTP; "" if it is a child process
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    private_address: bool = False  #: whether the URL may lead to a private address
    trusted: bool = False  #: whether the server's word that a tool only reads is believed
    approval: Mapping[str, Approval] = field(default_factory=dict)  #: by the server's own name of a tool

    def approval_of(self, tool: str, *, read_only: bool) -> Approval:
        """Return whether a tool of the server may be called freely.

        Args:
            tool: the server's own name of it.
            read_only: the server declares that it only reads.
        """
        chosen = self.approval.get(tool, self.approval.get("*"))
        if chosen is not None:
            return chosen
        return Approval.FREE if self.trusted and read_only else Approval.ASK


def load_mcp_servers(data_dir: Path, environ: Mapping[str, str]) -> tuple[McpServerConfig, ...]:
    """Return the servers of the data folder's ``mcp.json``; () if there is no such file.

    Raises:
        SettingsError: lists every fault of the file.
    """
    content = _read(data_dir)
    return () if content is None else parse_mcp_servers(content, environ)


def server_names(data_dir: Path) -> tuple[str, ...]:
    """Return the names of the servers in the data folder's ``mcp.json``, whatever else is wrong with them.

    Raises:
        SettingsError: the file cannot be read, or names no servers.
    """
    content = _read(data_dir)
    return () if content is None else tuple(_listed(content))


def parse_mcp_servers(content: bytes, environ: Mapping[str, str]) -> tuple[McpServerConfig, ...]:
    """Return the servers that a file names, without the disabled ones.

    Args:
        content: the file.
        environ: values for ``${NAME}`` and ``${NAME:-default}``.

    Raises:
        SettingsError: lists every fault of the file.
    """
    faults: list[str] = []
    servers = []
    for name, values in _listed(content).items():
        server, found = _parse_server(name, values, environ)
        faults += [f"{CONFIG_FILE}: {name}: {fault}" for fault in found]
        servers.append(server)
    if faults:
        raise SettingsError(faults)
    return tuple(server for server in servers if server is not None)


def _read(data_dir: Path) -> bytes | None:
    """Return the file's content; None if there is no such file."""
    try:
        return (data_dir / CONFIG_FILE).read_bytes()
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise SettingsError([f"{CONFIG_FILE} cannot be read: {exc.strerror}"]) from exc


def _listed(content: bytes) -> Mapping[str, object]:
    """Return what a file says about each server that is not disabled, by name."""
    try:
        document = decode_json(content)
    except ValueError as exc:
        raise SettingsError([f"{CONFIG_FILE} is no JSON"]) from exc
    servers = document.get("mcpServers") if isinstance(document, dict) else None
    if not isinstance(servers, dict):
        raise SettingsError([f'{CONFIG_FILE} has no object "mcpServers"'])
    return {
        name: values
        for name, values in servers.items()
        if not (isinstance(values, dict) and values.get("disabled") is True)
    }


def _parse_server(
    name: str, values: object, environ: Mapping[str, str]
) -> tuple[McpServerConfig | None, Sequence[str]]:
    """Return a server, or None and its faults."""
    faults = []
    if not _NAME.fullmatch(name) or name in RESERVED_NAMES:
        reserved = ", ".join(sorted(RESERVED_NAMES))
        faults.append(
            f'the name must be a letter and at most 23 more letters, digits or "-", and none of {reserved}'
        )
    if not isinstance(values, dict):
        return None, [*faults, "it is no object"]
    missing: dict[str, None] = {}
    expanded = _expand(values, environ, missing)
    faults += [f"the variable {variable} is not set" for variable in missing]
    try:
        given = _ServerShape.model_validate(expanded)
    except ValidationError as exc:
        return None, [*faults, *map(_fault_text, exc.errors())]
    return (None if faults else McpServerConfig(name=name, **given.model_dump(exclude={"type"}))), faults


def _fault_text(error: ErrorDetails) -> str:
    where = ".".join(map(str, error["loc"]))
    words = error["msg"].removeprefix("Value error, ")
    return f"{where}: {words}" if where else words


def _expand(value: Any, environ: Mapping[str, str], missing: dict[str, None]) -> Any:
    """Return a part of the file with its variables replaced; names of unknown ones go into ``missing``."""
    match value:
        case str():

            def replacement(found: re.Match[str]) -> str:
                known: str | None = environ[found[1]] if found[1] in environ else found[2]
                if known is None:
                    missing[found[1]] = None
                return found[0] if known is None else known

            return _VARIABLE.sub(replacement, value)
        case dict():
            return {key: _expand(part, environ, missing) for key, part in value.items()}
        case list():
            return [_expand(part, environ, missing) for part in value]
        case _:
            return value
