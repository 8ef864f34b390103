"""The console's live view on a replica that does not answer the question itself."""

import itertools
import time
from typing import Any

import pytest
from playwright.async_api import expect

from bots.simulator.kimi import ScriptedReply
from core.store import Database, console_access
from tests import browser

pytestmark = [pytest.mark.slow, pytest.mark.browser]

WORDS = 120
PER_S = 10.0
WATCH = """() => {
  const view = document.querySelector("[data-live]");
  window.seen = [];
  const note = () => {
    const numbers = [...view.textContent.matchAll(/word(\\d+)/g)];
    window.seen.push([Date.now() / 1000, numbers.length ? Number(numbers.at(-1)[1]) : -1]);
  };
  new MutationObserver(note).observe(view, { childList: true, subtree: true });
  note();
}"""
"""Notes the last word on the page whenever the page changes."""


async def test_the_live_view_of_another_replica_is_at_most_two_seconds_behind(cluster: Any) -> None:
    """We promise it: the age of the oldest word that Kimi has sent and the open page does not show yet."""
    text = " ".join(f"word{number}" for number in range(WORDS))
    cluster.kimi.script = lambda request: ScriptedReply(text, chunks_per_s=PER_S)
    replicas = await cluster.start(2, MOONTHREAD_CONSOLE="on", MOONTHREAD_CONSOLE_PORT="0")
    database = Database(cluster.url)
    async with database.begin() as tx:
        tokens = [await console_access.create_link(tx, "shell:ann") for _ in replicas]
    await database.close()
    async with browser.started() as chromium:
        page = await chromium.new_page()
        [(chat, person)] = cluster.people(1)
        await cluster.sim.say(chat, person, "Count, please.")
        await cluster.posted(1)
        answering = (await cluster.owners())[chat]
        other = next(one for one in replicas if one is not answering)
        url = f"http://127.0.0.1:{other.said('console.listening')[0]['port']}"
        await page.goto(f"{url}/sign-in/{tokens[0]}")
        await page.get_by_role("button").press("Enter")
        await page.goto(f"{url}/conversations/1")
        async with page.expect_response("**/live/conversations/1"):  # the page is loaded and has asked once
            pass
        await page.evaluate(WATCH)
        await expect(page.locator("article.bot")).to_contain_text(f"word{WORDS - 1}", timeout=40_000)
        seen = await page.evaluate("window.seen")

    (request,) = cluster.kimi.requests
    wall = time.time() - cluster.sim.clock.time()
    sent = {
        int(piece.text.strip().removeprefix("word")): at + wall
        for piece, at in zip(request.pieces, request.chunk_times, strict=False)
    }
    behind = [at - sent[shown + 1] for (_, shown), (at, _) in itertools.pairwise(seen) if shown + 1 in sent]
    assert len(behind) >= 5

    assert max(behind) <= 2.0, behind
