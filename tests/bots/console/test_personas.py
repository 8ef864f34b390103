"""Personas on the console: read by all who see chats, changed by admins."""

from pathlib import Path
from typing import Any

from bots.console.site import ConsoleSite
from core.chat_policy import ChatRules
from core.store import rules
from tests.bots.console.test_pages import HOSTILE


async def post(browser: Any, path: str, **fields: str) -> Any:
    """Send a form of the page."""
    return await browser.post(path, csrf=await browser.session_token(), **fields)


async def test_a_persona_is_written_changed_and_removed(
    browser: Any, site: ConsoleSite, tmp_path: Path
) -> None:
    """It is a file that the next question uses; the page names the chats whose rules choose it."""
    async with site.database.begin() as tx:
        made = ChatRules(persona="@teacher")
        await rules.save(tx, made, platform="slack", tenant="", channel="C9", changed_by="")

    await post(browser, "/personas/save", name="teacher", text=f"Teach.\r\n{HOSTILE}")
    page = (await browser.get("/personas")).text
    file = tmp_path / "personas" / "teacher.md"

    assert "slack:C9" in page
    assert "<script>alert" not in page
    assert file.read_text(encoding="utf-8").startswith("Teach.")
    assert (await post(browser, "/personas/remove", name="teacher")).status_code == 303
    assert list(file.parent.iterdir()) == []
    assert [entry[1:] for entry in await browser.audit()] == [
        ("persona.save", "teacher"),
        ("persona.remove", "teacher"),
    ]


async def test_what_cannot_be_a_persona_is_refused(browser: Any, tmp_path: Path) -> None:
    """A name that is a path, a text that is empty or too long: nothing is written, and the page says why."""
    for name, text in (("../x", "Hello"), ("a b", "Hello"), ("", "Hello"), ("x", " "), ("x", "y" * 8_001)):
        answer = await post(browser, "/personas/save", name=name, text=text)
        assert answer.status_code == 422
        assert "at most 8,000 characters" in answer.text
    assert (await post(browser, "/personas/remove", name="../.env")).status_code == 404
    assert not (tmp_path / "personas").exists()
