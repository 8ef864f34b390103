"""Two plain bots, paced as many are: for comparison on the same stand-ins.

``every_20`` edits inside the loop that reads the stream, once for 20 chunks, and sleeps there when
it is refused. ``every_second`` edits once a second beside that loop. Neither knows of budgets that
messages share. Both repeat the last edit until it is accepted, which many bots do not.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx

from tests.bench.stage import Room, Stage

CHUNKS = 20
INTERVAL_S = 1.0
GIVEN_UP_S = 130.0  #: from the questions on; what is not whole by then is told as such


class Refused(Exception):
    """A 429 with its wait."""

    def __init__(self, retry_after_s: float) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(f"wait {retry_after_s} s")


class Message:
    """The growing message of one room, by plain HTTP."""

    def __init__(self, stage: Stage, room: Room, http: httpx.AsyncClient) -> None:
        self._stage, self._room, self._http = stage, room, http
        self._id = ""
        self._shown = ""

    async def show(self, text: str, *, last: bool = False) -> None:
        """Show ``text`` as the whole message.

        Raises:
            Refused: nothing was shown.
        """
        if not text or (text == self._shown and not (last and self._stage.place == "stream")):
            return
        if self._stage.platform == "telegram":
            await self._telegram(text)
        elif self._stage.place == "stream":
            await self._stream(text, last=last)
        else:
            await self._edit(text)
        self._shown = text

    async def _telegram(self, text: str) -> None:
        fields: dict[str, Any] = {"chat_id": int(self._room.channel), "text": text}
        if self._id:
            await self._call("editMessageText", fields | {"message_id": int(self._id)})
        else:
            self._id = str((await self._call("sendMessage", fields))["result"]["message_id"])

    async def _edit(self, text: str) -> None:
        fields = {"channel": self._room.channel, "markdown_text": text}
        if self._id:
            await self._call("chat.update", fields | {"ts": self._id})
        else:
            posted = await self._call("chat.postMessage", fields | {"thread_ts": self._room.thread})
            self._id = posted["ts"]

    async def _stream(self, text: str, *, last: bool) -> None:
        more = text[len(self._shown) :]
        fields = {"channel": self._room.channel, **({"markdown_text": more} if more else {})}
        if not self._id:
            who = {"recipient_user_id": self._room.person, "recipient_team_id": self._stage.sim.team}
            where = {"thread_ts": self._room.thread}
            self._id = (await self._call("chat.startStream", fields | where | who))["ts"]
            if last:
                await self._call("chat.stopStream", {"channel": self._room.channel, "ts": self._id})
        else:
            await self._call("chat.stopStream" if last else "chat.appendStream", fields | {"ts": self._id})

    async def _call(self, method: str, fields: dict[str, Any]) -> Any:
        if self._stage.platform == "telegram":
            url, headers = f"{self._stage.sim.api_url}/bot1:test/{method}", {}
        else:
            url = f"{self._stage.sim.api_url}{method}"
            headers = {"authorization": f"Bearer {self._stage.sim.bot_token}"}
        response = await self._http.post(url, json=fields, headers=headers)
        body = response.json()
        if response.status_code == 429:
            told = body.get("parameters", {}).get("retry_after") or response.headers["retry-after"]
            raise Refused(float(told))
        if not body["ok"]:
            raise RuntimeError(f"{method}: {body}")
        return body


async def every_20(stage: Stage, message: Message, chunks: AsyncIterator[str]) -> None:
    """An edit per 20 chunks."""
    text, count = "", 0
    async for chunk in chunks:
        text += chunk
        count += 1
        if count % CHUNKS == 0:
            try:
                await message.show(text)
            except Refused as refused:
                await asyncio.sleep(refused.retry_after_s)
    await _until_shown(message, text)


async def every_second(stage: Stage, message: Message, chunks: AsyncIterator[str]) -> None:
    """An edit a second."""
    text, done = "", False

    async def edit() -> None:
        while not done:
            try:
                await message.show(text)
            except Refused as refused:
                await asyncio.sleep(refused.retry_after_s)
            await asyncio.sleep(INTERVAL_S)

    editor = asyncio.create_task(edit())
    async for chunk in chunks:
        text += chunk
    done = True
    await editor
    await _until_shown(message, text)


Bot = Callable[[Stage, Message, AsyncIterator[str]], Awaitable[None]]
BOTS: dict[str, Bot] = {"edit per 20 chunks": every_20, "1 s loop": every_second}


async def answer_all(stage: Stage, bot: Bot) -> None:
    """Answer every room's question at once, as ``bot`` does."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx.AsyncClient(timeout=GIVEN_UP_S, limits=limits) as http:
        tasks = [asyncio.create_task(_answer(stage, room, http, bot)) for room in stage.rooms]
        _, late = await asyncio.wait(tasks, timeout=GIVEN_UP_S)
        for task in late:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception):
            raise result


async def _answer(stage: Stage, room: Room, http: httpx.AsyncClient, bot: Bot) -> None:
    question = {"role": "user", "content": f"Please tell me about number {room.number}."}
    body = {"model": "kimi-k2.6", "messages": [question], "stream": True}
    headers = {"authorization": "Bearer sk-test"}
    url = f"{stage.kimi.base_url}/chat/completions"
    async with http.stream("POST", url, json=body, headers=headers) as response:
        response.raise_for_status()
        await bot(stage, Message(stage, room, http), _chunks(response))


async def _chunks(response: httpx.Response) -> AsyncIterator[str]:
    async for line in response.aiter_lines():
        if line.startswith("data: {"):
            choices = json.loads(line[6:])["choices"]
            if choices and (text := choices[0]["delta"].get("content")):
                yield text


async def _until_shown(message: Message, text: str) -> None:
    while True:
        try:
            await message.show(text, last=True)
        except Refused as refused:
            await asyncio.sleep(refused.retry_after_s)
        else:
            return
