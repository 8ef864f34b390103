"""What one chunk of a stream costs us, compared with httpx's line iterator and the json module.

Run it with ``python tests/bench/sse.py``; ``--json`` prints one JSON object instead of a table.
Both sides read the same bytes in the same network reads and end with the text of each chunk; no
socket is involved.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from core.kimi.reply import TextDelta
from core.kimi.reply_decoder import StreamDecoder

CHUNKS = 20_000
ROUNDS = 5


def stream_bytes() -> bytes:
    """Return a stream of ``CHUNKS`` chunks like Moonshot's, with its end."""
    words = ["Kimi", " 答", "案", " grows", "。", " `code`", "\n\n", "月"]
    chunk = {
        "id": "chatcmpl-6a1f2c3d4e5f",
        "object": "chat.completion.chunk",
        "created": 1763683200,
        "model": "kimi-k2.6",
        "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": None}],
        "system_fingerprint": "fpv0_ff52a3ef",
    }
    parts = []
    for number in range(CHUNKS):
        chunk["choices"] = [
            {"index": 0, "delta": {"content": words[number % len(words)]}, "finish_reason": None}
        ]
        parts.append(f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n".encode())
    return b"".join([*parts, b"data: [DONE]\n\n"])


def reads_of(stream: bytes, size_bytes: int) -> list[bytes]:
    """Cut the stream into network reads."""
    return [stream[start : start + size_bytes] for start in range(0, len(stream), size_bytes)]


class _Body(httpx.AsyncByteStream):
    def __init__(self, reads: list[bytes]) -> None:
        self._reads = reads

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for read in self._reads:
            yield read


async def ours(reads: list[bytes]) -> int:
    """Read with our reader behind httpx's raw bytes."""
    reading = StreamDecoder(request_id="", secrets=())
    response = httpx.Response(200, stream=_Body(reads))
    count = 0
    async for chunk in response.aiter_raw():
        for event in reading.feed(chunk):
            if isinstance(event, TextDelta):
                count += 1
    return count


async def lines_and_json(reads: list[bytes]) -> int:
    """Read as most clients do: ``aiter_lines`` and ``json.loads``."""
    response = httpx.Response(200, stream=_Body(reads))
    count = 0
    async for line in response.aiter_lines():
        if not line.startswith("data: ") or line == "data: [DONE]":
            continue
        chunk = json.loads(line[6:])
        if chunk["choices"] and chunk["choices"][0]["delta"].get("content"):
            count += 1
    return count


def us_per_chunk(read: Callable[[list[bytes]], Awaitable[int]], reads: list[bytes]) -> float:
    """Return the best of ``ROUNDS`` in microseconds per chunk."""
    best_s = float("inf")
    for _ in range(ROUNDS):
        began = time.perf_counter()
        count = asyncio.run(_awaited(read, reads))
        best_s = min(best_s, time.perf_counter() - began)
        if count != CHUNKS:
            raise AssertionError(f"{count} of {CHUNKS} chunks were read")
    return best_s / CHUNKS * 1e6


async def _awaited(read: Callable[[list[bytes]], Awaitable[int]], reads: list[bytes]) -> int:
    return await read(reads)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    as_json = parser.parse_args().json
    stream = stream_bytes()
    one_chunk = len(stream) // CHUNKS + 1
    rows = []
    for name, size_bytes in (("1 chunk", one_chunk), ("4 KiB", 4096), ("64 KiB", 65536)):
        reads = reads_of(stream, size_bytes)
        mine, theirs = us_per_chunk(ours, reads), us_per_chunk(lines_and_json, reads)
        rows.append({"read": name, "ours_us": round(mine, 2), "aiter_lines_json_us": round(theirs, 2)})
    if as_json:
        lines = [json.dumps({"bench": "sse", "unit": "us_per_chunk", "rows": rows})]
    else:
        lines = [f"{'per network read':>18} {'ours':>10} {'aiter_lines + json':>20}   (µs per chunk)"]
        lines += [f"{row['read']:>18} {row['ours_us']:>10} {row['aiter_lines_json_us']:>20}" for row in rows]
    sys.stdout.write("\n".join([*lines, ""]))


if __name__ == "__main__":
    main()
