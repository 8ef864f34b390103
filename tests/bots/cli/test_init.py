"""``moonthread init``: a dialogue that tries each token and writes ``.env``; answers are piped in."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bots.cli.env_file import set_variables
from bots.simulator.kimi import KimiSimulator
from bots.simulator.slack import SlackSimulator
from bots.simulator.telegram import TelegramSimulator


@pytest.fixture
async def newcomer(moonthread: Any, kimi: KimiSimulator) -> AsyncIterator[Any]:
    """The command line with nothing set but the addresses of the stand-ins."""
    async with SlackSimulator() as slack, TelegramSimulator() as telegram:
        moonthread.environ |= {
            "KIMI_BASE_URL": kimi.base_url,
            "SLACK_API_URL": slack.api_url,
            "TELEGRAM_API_URL": telegram.api_url,
        }
        moonthread.tokens = (slack.bot_token, slack.app_token, "1:test")
        yield moonthread


def written(moonthread: Any) -> Path:
    """Return the path of the file that the dialogue writes."""
    return Path(moonthread.folder, ".env")


async def test_a_newcomer_is_led_to_a_service_that_can_run(newcomer: Any) -> None:
    """Each token is tried as it comes, the manifest is printed, and the check at the end finds no fault."""
    bot, app, telegram = newcomer.tokens

    done = await newcomer("init", piped=f"sk-test\ny\n{bot}\n{app}\ny\n{telegram}\ny\nAnn\ntelegram:42\n")

    assert done.status == 0, done.out + done.err
    assert '"socket_mode_enabled": true' in done.out
    for line in (
        "Kimi: 127.0.0.1 takes the key",
        "Slack: Socket Mode, the app token is valid",
        "Telegram: @",
    ):
        assert done.out.count(line) == 2, "tried as it came, and in the check"
    assert "✓ Settings: complete" in done.out
    lines = written(newcomer).read_text(encoding="utf-8").splitlines()
    assert lines[1:] == [
        "KIMI_API_KEY=sk-test",
        f"SLACK_BOT_TOKEN={bot}",
        f"SLACK_APP_TOKEN={app}",
        f"TELEGRAM_BOT_TOKEN={telegram}",
        "MOONTHREAD_CONSOLE=on",
        "MOONTHREAD_ADMINS=telegram:42",
    ]
    assert "✗ MOONTHREAD_ADMINS" in done.out  # "Ann" is no id
    assert done.out.rstrip().endswith("prints a link that signs in to the console.")
    assert written(newcomer).stat().st_mode & 0o777 == 0o600


async def test_a_wrong_token_is_asked_for_again(newcomer: Any) -> None:
    """The platform's refusal is shown with its advice; spaces and quotes of a paste do not count."""
    _, _, telegram = newcomer.tokens

    done = await newcomer("init", piped=f"sk-wrong\nn\n 'sk-test' \nn\ny\n12:no\nn\n{telegram}\nn\n\n")

    assert "✗ Kimi: 127.0.0.1 refuses the key" in done.out
    assert "✗ Telegram: the token was refused" in done.out
    text = written(newcomer).read_text(encoding="utf-8")
    assert "KIMI_API_KEY=sk-test\n" in text
    assert f"TELEGRAM_BOT_TOKEN={telegram}\n" in text
    assert "SLACK" not in text
    assert "MOONTHREAD_CONSOLE" not in text


async def test_a_token_of_another_kind_is_noticed_before_it_is_sent(newcomer: Any) -> None:
    """The app token in the bot token's place is the commonest slip."""
    bot, app, _ = newcomer.tokens

    done = await newcomer("init", piped=f"sk-test\ny\n{app}\nn\n{bot}\n{app}\nn\nn\n\n")

    assert "That does not begin with xoxb-; it is something else." in done.out
    assert f"SLACK_BOT_TOKEN={bot}\n" in written(newcomer).read_text(encoding="utf-8")


async def test_leaving_in_the_middle_writes_nothing(newcomer: Any) -> None:
    """Ctrl-D, or no further line: an existing file stays as it is."""
    written(newcomer).write_text("# mine\n", encoding="utf-8")

    done = await newcomer("init", piped="sk-test\ny\n")

    assert done.status == 1
    assert done.err == "moonthread: nothing was written\n"
    assert written(newcomer).read_text(encoding="utf-8") == "# mine\n"


async def test_what_is_set_is_kept_by_enter(newcomer: Any) -> None:
    """A second run changes only what is typed; comments and other variables stay."""
    written(newcomer).write_text("# mine\nKIMI_API_KEY=sk-test\nKIMI_MODEL=kimi-k2.6\n", encoding="utf-8")

    await newcomer("init", piped="\nn\nn\nn\n\n")

    text = written(newcomer).read_text(encoding="utf-8")
    assert text == "# mine\nKIMI_API_KEY=sk-test\nKIMI_MODEL=kimi-k2.6\n"
    assert written(newcomer).stat().st_mode & 0o777 == 0o600


async def test_no_secret_is_printed(newcomer: Any) -> None:
    """Neither what was typed nor what was set appears on the screen."""
    bot, app, telegram = newcomer.tokens

    done = await newcomer("init", piped=f"sk-test\ny\n{bot}\n{app}\ny\n{telegram}\ny\n\n")

    assert not [secret for secret in ("sk-test", bot, app, telegram) if secret in done.out + done.err]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A=1\nB=2\n", "A=9\nB=2\n"),
        ("#A=\nB=2", "A=9\nB=2\n"),
        ("# A=old\nexport A=1\n", "# A=old\nA=9\n"),
        ("B=2\n", "B=2\nA=9\n"),
        ("# AA=1\nAA=2\n", "# AA=1\nAA=2\nA=9\n"),
        ("", "A=9\n"),
    ],
)
def test_a_variable_gets_its_value_in_its_place(text: str, expected: str) -> None:
    """We chose: the line that sets it, else its commented example, else a new line."""
    assert set_variables(text, {"A": "9"}) == expected


@pytest.mark.parametrize("value", ["a b", "a#b", "'a'", 'a"', "a\nB=2", "$HOME"])
def test_a_value_that_would_be_read_differently_is_refused(value: str) -> None:
    """Spaces, quotes and ``#`` have a meaning in the file; no token has them."""
    with pytest.raises(ValueError, match="needs quotes"):
        set_variables("", {"A": value})
