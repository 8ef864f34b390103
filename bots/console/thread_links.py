"""Links from the console into threads, as the platforms' clients open them."""

from core.domain.addresses import ONE_OFF_PREFIX


def thread_link(platform: str, channel: str, thread: str) -> str:
    """Return the address of a thread; "" if it has none that everybody of the team can open.

    Slack redirects ``slack.com/archives`` to the member's workspace. Telegram opens a supergroup's topic by
    the id without its prefix -100 (https://core.telegram.org/api/links#private-message-links).
    """
    if not (channel and thread) or thread.startswith(ONE_OFF_PREFIX):
        return ""
    if platform == "slack":
        return f"https://slack.com/archives/{channel}/p{thread.replace('.', '')}"
    if platform == "telegram" and channel.startswith("-100"):
        return f"https://t.me/c/{channel.removeprefix('-100')}/{thread}"
    return ""
