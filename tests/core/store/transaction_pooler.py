"""A connection pooler in front of PostgreSQL that behaves like PgBouncer's transaction mode.

Each transaction gets the server connection that was released last, whichever client it comes from
(https://www.pgbouncer.org/features.html). It speaks the wire protocol as far as the driver needs it here
(https://www.postgresql.org/docs/current/protocol-message-formats.html).
"""

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator

from psycopg.conninfo import conninfo_to_dict

ENCRYPTION_REQUESTS = (80877103, 80877104)  #: SSL and GSSAPI; both are declined

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class TransactionPooler:
    """Server connections that clients share."""

    def __init__(self, server_url: str) -> None:
        given = conninfo_to_dict(server_url)
        self._socket = f"{given['host']}/.s.PGSQL.{given.get('port', 5432)}"
        self._released: list[Stream] = []
        self._open: list[asyncio.StreamWriter] = []

    async def close(self) -> None:
        """Close every connection, to clients and to the server, and wait until they are."""
        for writer in self._open:
            writer.close()
        await asyncio.gather(*(writer.wait_closed() for writer in self._open), return_exceptions=True)

    async def serve_client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass a client's transactions on until it leaves."""
        self._open.append(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await self._begin(reader, writer)
            while await self._run_transaction(reader, writer):
                pass
        writer.close()

    async def _begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Open a server connection for the client's start, and release it."""
        while True:
            startup = await reader.readexactly(4)
            startup += await reader.readexactly(struct.unpack("!I", startup)[0] - 4)
            if struct.unpack("!I", startup[4:8])[0] not in ENCRYPTION_REQUESTS:
                break
            writer.write(b"N")
        server = await asyncio.open_unix_connection(self._socket)
        self._open.append(server[1])
        server[1].write(startup)
        await _relay_until_ready(server[0], writer)
        self._released.append(server)

    async def _run_transaction(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Pass one transaction on; return False if the client says good-bye."""
        message = await _read_message(reader)
        if message[:1] == b"X":
            return False
        server = self._released.pop()
        while True:
            server[1].write(message)
            if message[:1] in (b"Q", b"S") and await _relay_until_ready(server[0], writer) == b"I":
                self._released.append(server)
                return True
            message = await _read_message(reader)


async def _read_message(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readexactly(5)
    return head + await reader.readexactly(struct.unpack("!I", head[1:])[0] - 4)


async def _relay_until_ready(server: asyncio.StreamReader, client: asyncio.StreamWriter) -> bytes:
    """Pass a server's messages on up to ReadyForQuery; return its status: b"I" outside of a transaction."""
    while True:
        message = await _read_message(server)
        client.write(message)
        if message[:1] == b"Z":
            await client.drain()
            return message[5:]


@contextlib.asynccontextmanager
async def pooled(server_url: str) -> AsyncIterator[str]:
    """Run a pooler; yield the database's URL behind it."""
    pooler = TransactionPooler(server_url)
    server = await asyncio.start_server(pooler.serve_client, "127.0.0.1", 0)
    given = conninfo_to_dict(server_url)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"postgresql://{given.get('user', 'postgres')}@127.0.0.1:{port}/{given['dbname']}"
    finally:
        server.close()
        await pooler.close()
        await server.wait_closed()
