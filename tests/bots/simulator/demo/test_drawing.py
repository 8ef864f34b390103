"""Texts of both platforms become elements, in a real Chromium."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from bots.simulator.demo import opened

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

MARKDOWN = """async (text) => {
  const { markdown } = await import("/static/drawing/markdown.js");
  const { h } = await import("/static/drawing/dom.js");
  return h("div", {}, ...markdown(text)).innerHTML;
}"""
TELEGRAM = """async ([text, entities]) => {
  const { formatted } = await import("/static/entities.js");
  const { h } = await import("/static/drawing/dom.js");
  return h("div", {}, ...formatted(text, entities)).innerHTML;
}"""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def page(chromium: Browser) -> AsyncIterator[Page]:
    """The demo's page; the tests here say nothing in it."""
    async with opened() as url:
        tab = await chromium.new_page()
        await tab.goto(url)
        yield tab
        await tab.close()


async def test_slack_markdown_becomes_elements(page: Page) -> None:
    """Each construct that Slack shows is drawn; what is none stays as it was written."""
    cases = {
        "a **b** *c* _d_ ~~e~~ `f*g*`": (
            "<p>a <strong>b</strong> <em>c</em> <em>d</em> <s>e</s> <code>f*g*</code></p>"
        ),
        "***both*** **a *b* c**": ("<p><em><strong>both</strong></em> <strong>a <em>b</em> c</strong></p>"),
        "2 * 3 * 4, snake_case_name, **open": "<p>2 * 3 * 4, snake_case_name, **open</p>",
        "**\u201c重要\u201d**\u200bです": "<p><strong>\u201c重要\u201d</strong>\u200bです</p>",
        "## Title #\ntext": '<p class="heading h2" role="heading" aria-level="4">Title</p><p>text</p>',
        "one\ntwo\n\nthree": "<p>one<br>two</p><p>three</p>",
        "---": "<hr>",
        "> a\n> **b**\n\nc": "<blockquote><p>a<br><strong>b</strong></p></blockquote><p>c</p>",
        "- a\n  - b\n- c": "<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>",
        "3. a\n4. b": '<ol start="3"><li>a</li><li>b</li></ol>',
        "\\*a\\* &lt;b&gt; &amp;amp; &#x41;": "<p>*a* &lt;b&gt; &amp;amp; A</p>",
        "```js\nlet a = '<b>';\n```": (
            '<figure class="code"><figcaption>js</figcaption><pre tabindex="0">'
            "<code>let a = '&lt;b&gt;';</code></pre></figure>"
        ),
        "```\nstill growing": (
            '<figure class="code"><pre tabindex="0"><code>still growing</code></pre></figure>'
        ),
        "| a | b |\n|---|--:|\n| `x\\|y` | **z** |": (
            '<div class="table" tabindex="0"><table><thead><tr><th class="left">a</th>'
            '<th class="right">b</th></tr></thead><tbody><tr><td class="left"><code>x|y</code></td>'
            '<td class="right"><strong>z</strong></td></tr></tbody></table></div>'
        ),
    }
    drawn = {text: await page.evaluate(MARKDOWN, text) for text in cases}

    assert drawn == cases


async def test_only_harmless_addresses_become_links(page: Page) -> None:
    """Web and mail addresses are links that tell nothing of this page; scripts are only words."""
    html = await page.evaluate(
        MARKDOWN,
        "[a](https://a.example/x_(y)) https://b.example. [c](javascript:alert(1)) <mailto:d@e.example> "
        "![f](data:text/html,x) <script>alert(2)</script>",
    )
    links = await page.evaluate(
        "(html) => [...new DOMParser().parseFromString(html, 'text/html').links]"
        ".map((a) => [a.getAttribute('href'), a.textContent, a.rel])",
        html,
    )

    assert links == [
        ["https://a.example/x_(y)", "a", "noopener noreferrer"],
        ["https://b.example", "https://b.example", "noopener noreferrer"],
        ["mailto:d@e.example", "d@e.example", "noopener noreferrer"],
    ]
    assert "&lt;script&gt;alert(2)&lt;/script&gt;" in html


async def test_telegram_entities_become_elements(page: Page) -> None:
    """Entities count UTF-16 units, nest, and blocks end their own line."""

    def entity(kind: str, offset: int, length: int, **more: str) -> dict[str, Any]:
        return {"type": kind, "offset": offset, "length": length, **more}

    cases: list[tuple[str, list[dict[str, Any]], str]] = [
        ("😀 bold", [entity("bold", 3, 4)], "😀 <strong>bold</strong>"),
        (
            "abc",
            [entity("italic", 1, 1), entity("bold", 0, 3)],
            "<strong>a<em>b</em>c</strong>",
        ),
        (
            "x\nlet a\ny",
            [entity("pre", 2, 5, language="js")],
            (
                'x\n<figure class="code"><figcaption>js</figcaption><pre tabindex="0">'
                "<code>let a</code></pre></figure>y"
            ),
        ),
        ("a\nb\nc", [entity("blockquote", 2, 1)], "a\n<blockquote>b</blockquote>c"),
        ("<b>", [entity("strikethrough", 0, 3)], "<s>&lt;b&gt;</s>"),
        ("@bot /new", [entity("mention", 0, 4)], '<span class="mention">@bot</span> /new'),
        ("click", [entity("text_link", 0, 5, url="javascript:alert(1)")], "<span>click</span>"),
    ]
    drawn = [(text, marks, await page.evaluate(TELEGRAM, [text, marks])) for text, marks, _ in cases]

    assert drawn == cases


async def test_a_spoiler_shows_its_words_when_it_is_pressed(page: Page) -> None:
    """A spoiler is a button until it is opened, by mouse or by key."""
    states = await page.evaluate(
        """async () => {
          const { formatted } = await import("/static/entities.js");
          const [spoiler] = formatted("secret", [{ type: "spoiler", offset: 0, length: 6 }]);
          const states = [[spoiler.className, spoiler.getAttribute("role")]];
          spoiler.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter" }));
          states.push([spoiler.className, spoiler.getAttribute("role")]);
          return states;
        }"""
    )

    assert states == [["spoiler", "button"], ["spoiler shown", None]]
