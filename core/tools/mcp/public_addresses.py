"""Check of the addresses that a connection to an MCP server may lead to."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final, TypeAlias

_NAT64: Final = IPv6Network("64:ff9b::/96")  #: the last 32 bits are an IPv4 address (RFC 6052)
_LOCAL_NAT64: Final = IPv6Network("64:ff9b:1::/48")  #: of one's own network (RFC 8215)

Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]
"""Returns the IP addresses of a host and port; raises OSError."""


class AddressRefused(OSError):
    """The host has an address that is not public, such as one of the machine's own network."""


async def resolve_host(host: str, port: int) -> Sequence[str]:
    """Return the IP addresses of a host.

    Raises:
        OSError: it is not known.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


async def public_address(host: str, port: int, resolve: Resolve = resolve_host) -> str:
    """Return the first IP address of a host that has public addresses only.

    The caller connects to this very address: a second look-up could lead elsewhere.

    Raises:
        AddressRefused: one of them is not.
        OSError: the host is not known.
    """
    addresses = await resolve(host, port)
    for address in addresses:
        if not is_public(address):
            raise AddressRefused(f"{host} has the private address {address}")
    if not addresses:
        raise AddressRefused(f"{host} has no address")
    return addresses[0]


def is_public(address: str) -> bool:
    """Return whether an IP address belongs to the public internet, also if IPv6 wraps an IPv4 address."""
    parsed = ip_address(address.partition("%")[0])
    if isinstance(parsed, IPv6Address):
        if parsed in _LOCAL_NAT64:
            return False
        wrapped = parsed.ipv4_mapped or parsed.sixtofour or (parsed.teredo or (None, None))[1]
        if parsed in _NAT64:
            wrapped = IPv4Address(int(parsed) & 0xFFFF_FFFF)
        parsed = wrapped or parsed
    return parsed.is_global and not parsed.is_multicast
