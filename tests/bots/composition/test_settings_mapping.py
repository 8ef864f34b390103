"""Settings become what the adapters want to know."""

from bots.composition.settings_mapping import build_slack_config, build_telegram_config
from core.settings import load


def test_slack_in_socket_mode_and_over_http() -> None:
    """What is not set is "", and the address gets the slash that slack_sdk wants."""
    socket_mode = build_slack_config(
        load({"SLACK_BOT_TOKEN": "xoxb-test", "SLACK_APP_TOKEN": "xapp-test"}, None)
    )
    environ = {
        "SLACK_BOT_TOKEN": "xoxb-test",
        "SLACK_SIGNING_SECRET": "test",
        "SLACK_API_URL": "http://127.0.0.1:1/api/",
        "MOONTHREAD_SLACK_AGENT": "ON",
    }
    over_http = build_slack_config(load(environ, None))

    assert (socket_mode.bot_token, socket_mode.app_token, socket_mode.signing_secret) == (
        "xoxb-test",
        "xapp-test",
        "",
    )
    assert (socket_mode.api_url, socket_mode.agent_view) == ("https://slack.com/api/", None)
    assert (over_http.app_token, over_http.signing_secret) == ("", "test")
    assert (over_http.api_url, over_http.agent_view) == ("http://127.0.0.1:1/api/", True)


def test_telegram_by_polling_and_by_webhook() -> None:
    """A public address makes it a webhook."""
    polled = build_telegram_config(load({"TELEGRAM_BOT_TOKEN": "1:test"}, None))
    environ = {"TELEGRAM_BOT_TOKEN": "1:test", "MOONTHREAD_PUBLIC_URL": "https://bot.test/"}
    called = build_telegram_config(load(environ, None))

    assert (polled.token, polled.api_url, polled.public_url) == ("1:test", "https://api.telegram.org", "")
    assert called.webhook_url == "https://bot.test/telegram/webhook"


def test_tokens_are_not_in_the_representation() -> None:
    """A config may be logged."""
    settings = load({"SLACK_BOT_TOKEN": "xoxb-hush", "TELEGRAM_BOT_TOKEN": "1:hush"}, None)

    assert "hush" not in f"{build_slack_config(settings)} {build_telegram_config(settings)}"
