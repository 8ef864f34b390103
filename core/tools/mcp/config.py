"""Parses ``mcp.json``, which names the MCP servers of a deployment in the shape that other clients use.

::

    {"mcpServers": {
      "files": {"command": "npx", "args": ["-y", "some-server"], "env": {"TOKEN": "${FILES_TOKEN}"}},
      "shop": {"url": "https://mcp.example.com/mcp", "headers": {"Authorization": "Bearer ${SHOP_TOKEN}"},
               "trusted": true, "approval": {"cancel_order": "never"}}
    }}
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, StrictBool, StrictStr, ValidationError

from core.domain.errors import SettingsError
from core.kimi.json_decoding import decode_json
from core.ports.tools import Approval

CONFIG_FILE: Final = "mcp.json"  #: in the data folder
_NAME: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9-]{0,23}")
_VARIABLE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


class _ServerShape(BaseModel):
    """A server in the file; members of other clients are ignored."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class McpServerConfig:
    """One server of ``mcp.json``."""

    name: str
    command: str = ""  #: program of a server that is a child process; "" if it is reached by HTTP
    args: tuple[str, ...] = ()
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
    path = data_dir / CONFIG_FILE
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return ()
    except OSError as exc:
        raise SettingsError([f"{CONFIG_FILE} cannot be read: {exc.strerror}"]) from exc
    return parse_mcp_servers(content, environ)


def parse_mcp_servers(content: bytes, environ: Mapping[str, str]) -> tuple[McpServerConfig, ...]:
    """Return the servers that a file names, without the disabled ones.

    Args:
        content: the file.
        environ: values for ``${NAME}`` and ``${NAME:-default}``.

    Raises:
        SettingsError: lists every fault of the file.
    """
    try:
        document = decode_json(content)
    except ValueError as exc:
        raise SettingsError([f"{CONFIG_FILE} is no JSON"]) from exc
    if not isinstance(document, dict) or not isinstance(document.get("mcpServers"), dict):
        raise SettingsError([f'{CONFIG_FILE} has no object "mcpServers"'])
    faults: list[str] = []
    servers = []
    for name, values in document["mcpServers"].items():
        if isinstance(values, dict) and values.get("disabled") is True:
            continue
        found = [f"{CONFIG_FILE}: {name}: {fault}" for fault in _faults(name, values, environ)]
        faults += found
        if not found:
            servers.append(_build(name, _ServerShape.model_validate(values), environ))
    if faults:
        raise SettingsError(faults)
    return tuple(servers)


def _faults(name: str, values: object, environ: Mapping[str, str]) -> Iterator[str]:
    if not _NAME.fullmatch(name):
        yield 'the name must be a letter and at most 23 more letters, digits or "-"'
    if not isinstance(values, dict):
        yield "it is no object"
        return
    try:
        given = _ServerShape.model_validate(values)
    except ValidationError as exc:
        yield from (f"{'.'.join(map(str, one['loc'])) or name}: {one['msg']}" for one in exc.errors())
        return
    if bool(given.command) == bool(given.url):
        yield 'it needs either "command" or "url"'
    address = urlsplit(given.url)
    if given.url and (address.scheme not in ("http", "https") or not address.hostname):
        yield '"url" is no http or https address'
    for variable in _missing_variables(values, environ):
        yield f"the variable {variable} is not set"


def _missing_variables(value: object, environ: Mapping[str, str]) -> Iterator[str]:
    match value:
        case str(text):
            for found in _VARIABLE.finditer(text):
                if found[1] not in environ and found[2] is None:
                    yield found[1]
        case dict():
            for part in value.values():
                yield from _missing_variables(part, environ)
        case list():
            for part in value:
                yield from _missing_variables(part, environ)


def _build(name: str, given: _ServerShape, environ: Mapping[str, str]) -> McpServerConfig:
    def expand(text: str) -> str:
        return _VARIABLE.sub(lambda found: environ.get(found[1], found[2] or ""), text)

    return McpServerConfig(
        name=name,
        command=expand(given.command),
        args=tuple(map(expand, given.args)),
        env={key: expand(value) for key, value in given.env.items()},
        cwd=expand(given.cwd),
        url=expand(given.url),
        headers={key: expand(value) for key, value in given.headers.items()},
        private_address=given.private_address,
        trusted=given.trusted,
        approval=given.approval,
    )
