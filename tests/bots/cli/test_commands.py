"""The small commands, and what all of them share."""

import json
import subprocess
import sys
from typing import Any

import pytest

from bots.cli.lazy_group import COMMANDS


async def test_the_version_is_the_packages(moonthread: Any) -> None:
    """The console script prints name and number."""
    assert (await moonthread.in_own_process("--version")).out == "moonthread 0.1.0\n"


def test_the_version_imports_no_command_and_no_sdk() -> None:
    """``--version`` imports only typer and the standard library (we chose that it answers within 0.3 s)."""
    program = (
        "import sys; from bots.cli import main; sys.argv[1:] = ['--version']\n"
        "try: main()\n"
        "finally: print(*{name.partition('.')[0] for name in sys.modules} - set(sys.stdlib_module_names))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    _, modules = done.stdout.splitlines()
    ours = {"bots", "core", "typer", "annotated_doc", "typing_extensions", "shellingham", "__main__"}
    assert {name for name in modules.split() if not name.startswith("_")} <= ours


async def test_every_command_can_be_imported(moonthread: Any) -> None:
    """Each name of the table is a command with a help text of its own."""
    for name in COMMANDS:
        done = await moonthread(name, "--help")
        assert (done.status, done.out.split()[:3]) == (0, ["Usage:", "moonthread", name])


async def test_help_lists_every_command(moonthread: Any) -> None:
    """Without a command the list is shown."""
    done = await moonthread("--help")

    for command in ("run", "check", "db", "ask", "chat", "slack-manifest", "demo", "usage", "export"):
        assert command in done.out


async def test_the_manifest_is_ready_to_paste(moonthread: Any) -> None:
    """Plain JSON for Socket Mode, or with the service's address for HTTP."""
    socket_mode = json.loads((await moonthread("slack-manifest")).out)
    plain = json.loads((await moonthread("slack-manifest", "--no-agent", "--http", "https://bot.test")).out)

    assert socket_mode["settings"]["socket_mode_enabled"] is True
    assert "agent_view" in socket_mode["features"]
    assert plain["settings"]["event_subscriptions"]["request_url"].startswith("https://bot.test/")
    assert "agent_view" not in plain["features"]


async def test_the_database_goes_up_and_down(moonthread: Any) -> None:
    """The command makes the file in a folder only its owner may open, tells where it is, and goes back."""
    moonthread.environ["MOONTHREAD_DATA_DIR"] = "~/deep/data"

    assert (await moonthread("db", "current")).out == "no tables yet\n"
    up = await moonthread("db", "upgrade")
    assert up.out.startswith("at ")
    assert (await moonthread("db", "current")).out == up.out.removeprefix("at ")
    assert (await moonthread("db", "downgrade", "base")).out == "at no tables\n"
    assert (moonthread.folder / "deep" / "data").stat().st_mode & 0o077 == 0


async def test_other_users_of_the_machine_read_nothing(moonthread: Any) -> None:
    """Database, journals and folder are for their owner only, also if they exist already (we chose)."""
    data = moonthread.folder / "data"
    moonthread.environ["MOONTHREAD_DATA_DIR"] = str(data)
    data.mkdir(mode=0o755)
    data.chmod(0o755)
    await moonthread("db", "upgrade")
    file = data / "moonthread.db"
    assert (data.stat().st_mode & 0o777, file.stat().st_mode & 0o777) == (0o700, 0o600)

    data.chmod(0o755)
    file.chmod(0o644)
    (data / "moonthread.db-wal").touch(mode=0o644)
    await moonthread("db", "current")

    assert (data.stat().st_mode & 0o777, file.stat().st_mode & 0o777) == (0o700, 0o600)
    assert all(path.stat().st_mode & 0o077 == 0 for path in data.iterdir())


async def test_a_folder_for_everybody_stays_one(moonthread: Any) -> None:
    """A data folder that everybody may write to, such as /tmp, keeps its mode; the database is private."""
    data = moonthread.folder / "data"
    moonthread.environ["MOONTHREAD_DATA_DIR"] = str(data)
    data.mkdir()
    data.chmod(0o1777)

    await moonthread("db", "upgrade")

    assert data.stat().st_mode & 0o7777 == 0o1777
    assert (data / "moonthread.db").stat().st_mode & 0o777 == 0o600


async def test_an_unknown_revision_is_one_line(moonthread: Any) -> None:
    """A slip on the command line is no traceback."""
    await moonthread("db", "upgrade")

    done = await moonthread("db", "downgrade", "no-such")

    assert done.status == 1
    assert "Traceback" not in done.err
    assert done.err.count("\n") == 1


async def test_running_with_nothing_set_names_everything(moonthread: Any) -> None:
    """All faults come at once, one line each, exit status 1."""
    moonthread.environ |= {"MOONTHREAD_HTTP_PORT": "x", "SLACK_APP_TOKEN": "xapp-test"}

    done = await moonthread("run", "--platform", "telegram")

    assert done.status == 1
    names = [line.split(": ")[1] for line in done.err.splitlines()]
    assert names == ["MOONTHREAD_HTTP_PORT", "KIMI_API_KEY", "TELEGRAM_BOT_TOKEN"]


async def test_an_unknown_platform_is_wrong_usage(moonthread: Any) -> None:
    """Status 2, with the names there are."""
    done = await moonthread("run", "--platform", "irc")

    assert done.status == 2
    assert "telegram" in done.err


async def test_a_misspelt_command_gets_a_suggestion(moonthread: Any) -> None:
    """Status 2, and the nearest name; ``-h`` is help everywhere."""
    assert "Did you mean 'config'" in (await moonthread("confg")).err
    assert "Did you mean 'list'" in (await moonthread("conversations", "lst")).err
    assert (await moonthread("usage", "-h")).out.split()[:3] == ["Usage:", "moonthread", "usage"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
async def test_each_shell_gets_a_completion_script(moonthread: Any, shell: str) -> None:
    """The script asks the program itself what could come next."""
    done = await moonthread("completion", shell)

    assert done.status == 0
    assert "_MOONTHREAD_COMPLETE" in done.out


@pytest.mark.parametrize(
    ("typed", "expected"),
    [("moonthread con", {"console", "conversations", "config"}), ("moonthread db sta", {"status"})],
)
async def test_commands_are_completed(moonthread: Any, typed: str, expected: set[str]) -> None:
    """What the shell asks in its own process is answered with the commands that begin so."""
    moonthread.environ |= {
        "_MOONTHREAD_COMPLETE": "complete_bash",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(len(typed.split()) - 1),
    }

    done = await moonthread("")

    assert set(done.out.split()) == expected
