"""Settings of the web console and of alerts."""

from pydantic import BaseModel

from core.settings.declare import OnOff, setting
from core.settings.shapes import PersonIds, WebAddress


class ConsoleFields(BaseModel):
    """Settings of the web console and of alerts; part of :class:`core.settings.Settings`."""

    console: OnOff = setting(
        "MOONTHREAD_CONSOLE",
        "Console",
        "`on` serves the web console on an address of its own; `moonthread console` prints a link to it.",
        default="off",
    )
    console_host: str = setting(
        "MOONTHREAD_CONSOLE_HOST",
        "Console",
        "Address on which the console listens. It shows people's messages: never expose it without TLS.",
        default="127.0.0.1",
    )
    console_port: int = setting(
        "MOONTHREAD_CONSOLE_PORT",
        "Console",
        "The console's port; 0 takes any free one.",
        default=8081,
        ge=0,
        le=65_535,
    )
    alerts: OnOff = setting(
        "MOONTHREAD_ALERTS",
        "Service",
        "`on` tells the admins (`MOONTHREAD_ADMINS`) in a direct message what they must act on, once, and "
        "once when it is over: Kimi does not answer, an empty balance, a refused key or token, a used-up "
        "budget, a full disk.",
        default="on",
    )
    console_viewers: PersonIds = setting(
        "MOONTHREAD_CONSOLE_VIEWERS",
        "Console",
        "Who may read the console without changing anything: `telegram:123, slack:U123`. Admins may do "
        "everything, staff of a chat and the people of the desk see their conversations.",
        default=(),
        default_text="nobody",
    )
    console_url: WebAddress | None = setting(
        "MOONTHREAD_CONSOLE_URL",
        "Console",
        "The console's address for browsers if a proxy is in front of it, with the proxy's path if it has "
        "one: `https://bot.example.com/console`.",
    )

    @property
    def console_address(self) -> str:
        """The console's address for browsers, without a trailing slash."""
        if self.console_url:
            return self.console_url
        host = f"[{self.console_host}]" if ":" in self.console_host else self.console_host
        return f"http://{host}:{self.console_port}"
