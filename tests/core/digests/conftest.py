"""The inbound side of a service, on virtual time, for digests."""

from tests.core.inbound.conftest import inbound

__all__ = ["inbound"]
