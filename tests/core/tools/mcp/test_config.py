"""``mcp.json``: the servers that it names, and its faults."""

import json
from pathlib import Path
from typing import Any

import pytest

from core.domain.errors import SettingsError
from core.ports.tools import Approval
from core.tools.mcp.config import load_mcp_servers, parse_mcp_servers


def servers(**values: Any) -> bytes:
    """A file with these servers."""
    return json.dumps({"mcpServers": values}).encode()


def test_the_usual_shape_is_read(tmp_path: Path) -> None:
    """Commands, addresses and variables as other clients write them; disabled servers are left out."""
    content = servers(
        files={"command": "npx", "args": ["-y", "${PACKAGE:-files}"], "env": {"TOKEN": "${TOKEN}"}},
        shop={"type": "http", "url": "https://mcp.example.com/mcp", "autoApprove": [], "trusted": True},
        old={"command": "x", "disabled": True},
    )
    (tmp_path / "mcp.json").write_bytes(content)
    files, shop = load_mcp_servers(tmp_path, {"TOKEN": "secret"})
    assert (files.command, files.args, dict(files.env)) == ("npx", ["-y", "files"], {"TOKEN": "secret"})
    assert (shop.name, shop.url, shop.trusted) == ("shop", "https://mcp.example.com/mcp", True)
    assert "secret" not in repr(files)


def test_no_file_means_no_servers(tmp_path: Path) -> None:
    """We chose: MCP is off until the operator writes the file."""
    assert load_mcp_servers(tmp_path, {}) == ()


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"{", "is no JSON"),
        (b'{"servers": {}}', 'no object "mcpServers"'),
        (servers(a={}), 'either "command" or "url"'),
        (servers(a={"command": "x", "url": "https://a.test"}), 'either "command" or "url"'),
        (servers(a={"url": "ftp://a.test"}), "no http or https address"),
        (servers(a={"url": "https://a.test", "type": "sse"}), "type"),
        (servers(a={"command": "x", "args": "y"}), "args"),
        (servers(a={"command": "x", "env": {"A": 1}}), "env.A"),
        (servers(a={"command": "x", "trusted": "yes"}), "trusted"),
        (servers(a={"command": "x", "approval": {"t": "always"}}), "approval.t"),
        (servers(a={"command": "${NOPE}"}), "NOPE is not set"),
        (servers(a__b={"command": "x"}), "the name must be"),
        (servers(a=[]), "it is no object"),
        (servers(all={"command": "x"}), "none of all, none, own"),
        (servers(a={"url": "${ADDRESS:-shop}"}), "no http or https address"),
    ],
)
def test_a_fault_is_named(content: bytes, fault: str) -> None:
    """The start and ``check`` say what is wrong with which server."""
    with pytest.raises(SettingsError) as refused:
        parse_mcp_servers(content, {})
    assert fault in refused.value.faults[0]


def test_all_faults_are_named_at_once() -> None:
    """Of every server, and each once: an address in a variable that is not set is one fault."""
    content = servers(
        a={"url": "${NOPE}", "args": "x", "headers": {"A": "${NOPE}"}},
        b={"command": "x"},
        c={"command": "${GONE}", "env": {"A": 1}},
    )
    with pytest.raises(SettingsError) as refused:
        parse_mcp_servers(content, {})
    assert [fault.removeprefix("mcp.json: ").split(" should")[0] for fault in refused.value.faults] == [
        "a: the variable NOPE is not set",
        "a: args: Input",
        "c: the variable GONE is not set",
        "c: env.A: Input",
    ]


def test_an_address_may_be_a_variable() -> None:
    """It is looked at as it is after the replacement."""
    (shop,) = parse_mcp_servers(servers(a={"url": "${SHOP}/mcp"}), {"SHOP": "https://a.test"})
    assert shop.url == "https://a.test/mcp"


def test_only_what_a_trusted_server_declares_read_only_is_free() -> None:
    """We chose: everything else asks a person, unless the operator decided about the tool."""
    (plain,) = parse_mcp_servers(servers(a={"command": "x"}), {})
    (trusted,) = parse_mcp_servers(
        servers(a={"command": "x", "trusted": True, "approval": {"b": "never"}}), {}
    )
    assert plain.approval_of("t", read_only=True) is Approval.ASK
    assert trusted.approval_of("t", read_only=True) is Approval.FREE
    assert trusted.approval_of("t", read_only=False) is Approval.ASK
    assert trusted.approval_of("b", read_only=True) is Approval.NEVER
