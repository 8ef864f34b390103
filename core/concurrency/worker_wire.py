"""Messages between a worker process and its parent: eight bytes with the length, then the bytes.

:mod:`multiprocessing.connection` does the same, but a worker process starts faster without it.
"""

import socket
import struct
from typing import Final

_LENGTH = struct.Struct(">Q")
_CHUNK_BYTES: Final = 1024 * 1024


def send(connection: socket.socket, message: bytes) -> None:
    """Send a message whole.

    Raises:
        OSError: the other side is gone.
    """
    connection.sendall(_LENGTH.pack(len(message)))
    connection.sendall(message)


def receive(connection: socket.socket) -> bytes:
    """Return the next message.

    Raises:
        EOFError: the other side closed the connection or ended.
        TimeoutError: nothing came within the connection's time limit.
        OSError: the connection failed.
    """
    (length,) = _LENGTH.unpack(_receive_exactly(connection, _LENGTH.size))
    return _receive_exactly(connection, length)


def _receive_exactly(connection: socket.socket, size: int) -> bytes:
    received = bytearray()
    while len(received) < size:
        piece = connection.recv(min(size - len(received), _CHUNK_BYTES))
        if not piece:
            raise EOFError
        received += piece
    return bytes(received)
