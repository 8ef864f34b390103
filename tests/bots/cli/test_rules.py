"""The rules of chats on the command line."""

from typing import Any


async def test_rules_are_set_shown_listed_and_dropped(moonthread: Any) -> None:
    """What is set is shown as it can be set again, and a change keeps what it does not name."""
    await moonthread("db", "upgrade")

    assert (await moonthread("rules", "list")).out == "no chat has rules of its own\n"
    first = await moonthread(
        "rules", "set", "telegram:-1001", "trigger=question", "hours=mon-fri 09:00-18:00 Asia/Shanghai"
    )
    assert (first.status, first.out.splitlines()[0]) == (0, "telegram:-1001: version 1, in effect")
    second = await moonthread("rules", "set", "telegram:-1001", "trigger=", "strict=on")
    assert second.out.splitlines() == [
        "telegram:-1001: version 2, in effect",
        "hours=mon-fri 09:00-18:00 Asia/Shanghai",
        "strict=on",
    ]
    shown = (await moonthread("rules", "show", "telegram:-1001")).out.splitlines()
    assert shown[0].startswith("telegram:-1001: version 2, ")
    assert shown[1:] == second.out.splitlines()[1:]
    assert "telegram:-1001" in (await moonthread("rules", "list")).out
    assert (await moonthread("rules", "drop", "telegram:-1001")).status == 0
    again = await moonthread("rules", "drop", "telegram:-1001")
    assert (again.status, again.err) == (1, "moonthread: telegram:-1001 has no rules of its own\n")


async def test_every_fault_is_named_and_nothing_is_set(moonthread: Any) -> None:
    """A wrong chat and each wrong value are one line each."""
    await moonthread("db", "upgrade")
    wrong = await moonthread("rules", "set", "somewhere", "trigger=loud", "gather_s=soon")
    assert wrong.status == 1
    assert [line.split(":")[1].strip() for line in wrong.err.splitlines()] == [
        "'somewhere' is no chat; write one such as telegram",
        "trigger",
        "gather_s",
    ]
    assert (await moonthread("rules", "set", "slack:C1", "strict=on", "mood=1")).status == 1
    assert (await moonthread("rules", "show", "slack:C1")).out == "slack:C1 has no rules of its own\n"


async def test_a_knowledge_set_that_does_not_exist_is_refused(moonthread: Any) -> None:
    """We chose that a misspelt set is a fault that names those that exist; nothing is set."""
    (moonthread.folder / "shop.md").write_text("# Shop\n\nClosed on Mondays.\n")
    await moonthread("knowledge", "add", "shop", "shop.md")
    wrong = await moonthread("rules", "set", "telegram:-1001", "knowledge=shop, shopp", "strict=on")
    right = await moonthread("rules", "set", "telegram:-1001", "knowledge=shop")

    assert (wrong.status, wrong.err) == (
        1,
        "moonthread: there is no knowledge set 'shopp'; the sets are shop\n",
    )
    assert right.out.splitlines() == ["telegram:-1001: version 1, in effect", "knowledge=shop"]


async def test_a_server_that_mcp_json_does_not_name_is_told(moonthread: Any) -> None:
    """The rule is set all the same: the file may follow. Single tools are no servers."""
    data = moonthread.folder / "data"
    data.mkdir()
    moonthread.environ["MOONTHREAD_DATA_DIR"] = str(data)
    named = '{"mcpServers": {"shop": {"command": "${NOT_SET_HERE}"}}}'
    (data / "mcp.json").write_text(named, encoding="utf-8")
    await moonthread("db", "upgrade")
    told = await moonthread("rules", "set", "telegram:-1001", "tools=shop, shoop, all, -files, wiki__pages")
    assert told.status == 0
    assert told.err == "moonthread: mcp.json names no server shoop\n"
    assert (await moonthread("rules", "set", "telegram:-1001", "tools=shop")).err == ""
