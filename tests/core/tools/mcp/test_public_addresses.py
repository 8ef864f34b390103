"""The addresses that an MCP server may have."""

from collections.abc import Sequence

import pytest

from core.tools.mcp.public_addresses import AddressRefused, is_public, public_address


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "192.168.0.1", "172.16.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.1"),
        *("::1", "fe80::1%eth0", "fd00::1", "::ffff:10.0.0.1", "2002:7f00:1::", "224.0.0.1", "64:ff9b:1::1"),
        *("64:ff9b::a00:1",),
    ],
)  # fmt: skip
def test_addresses_of_ones_own_network_are_not_public(address: str) -> None:
    """RFC 6890: loopback, private, link-local, shared and multicast, also inside of IPv6."""
    assert not is_public(address)


async def test_one_private_address_refuses_the_host() -> None:
    """A name with a public and a private address could lead to either."""

    async def resolve(host: str, port: int) -> Sequence[str]:
        return ["93.184.216.34"] if host == "fine.test" else ["93.184.216.34", "10.0.0.1"]

    assert await public_address("fine.test", 443, resolve) == "93.184.216.34"
    with pytest.raises(AddressRefused):
        await public_address("both.test", 443, resolve)
