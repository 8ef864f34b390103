"""``moonthread config``: what is in effect, and from where."""

import json
from typing import Any


async def test_each_setting_has_its_origin(moonthread: Any) -> None:
    """The environment overrides .env; a secret is never printed; a former name is named."""
    (moonthread.folder / ".env").write_text(
        "KIMI_API_KEY=sk-secret\nMOONTHREAD_DESK=slack:C1\nMOONTHREAD_BUSY=merge\n"
    )
    moonthread.environ |= {"MOONTHREAD_DESK": "slack:C2"}

    done = await moonthread("config", "--json")

    assert json.loads(done.out) == [
        {"setting": "KIMI_API_KEY", "value": "set", "from": ".env"},
        {"setting": "MOONTHREAD_WHILE_ANSWERING", "value": "merge", "from": ".env (MOONTHREAD_BUSY)"},
        {"setting": "MOONTHREAD_DESK", "value": "slack:C2", "from": "environment"},
    ]
    assert "sk-secret" not in done.out + done.err


async def test_defaults_are_listed_on_request(moonthread: Any) -> None:
    """Without any setting nothing is listed; ``--all`` lists every one."""
    assert (await moonthread("config")).out == "every setting has its default; --all lists them\n"

    lines = (await moonthread("config", "--all")).out.splitlines()

    assert any(line.split() == ["MOONTHREAD_WHILE_ANSWERING", "queue", "default"] for line in lines)


async def test_a_secret_in_a_file_is_named_by_its_variable(moonthread: Any) -> None:
    """The origin is the variable that names the file."""
    (moonthread.folder / "key").write_text("sk-secret\n")
    moonthread.environ["KIMI_API_KEY_FILE"] = str(moonthread.folder / "key")

    (row,) = json.loads((await moonthread("config", "--json")).out)

    assert row == {"setting": "KIMI_API_KEY", "value": "set", "from": "environment (KIMI_API_KEY_FILE)"}
