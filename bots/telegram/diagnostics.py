"""The checks of ``moonthread check`` for Telegram."""

from telegram import Bot, ChatMember, ChatMemberAdministrator, User, WebhookInfo
from telegram.error import InvalidToken, TelegramError

from bots.check_result import CheckResult
from bots.telegram.credentials import TOKEN_REFUSED, TelegramConfig, build_bot
from core.domain.errors import SettingsError

#: Number of updates waiting at Telegram from which on their delivery is suspect.
MAX_PENDING_UPDATES = 100


async def run_checks(config: TelegramConfig, *, desk_channel: str = "") -> list[CheckResult]:
    """Check the token and the delivery of updates at Telegram; changes nothing there.

    Every error of Telegram becomes a result.

    Args:
        config: the credentials to check.
        desk_channel: chat of the team's desk; "" if it is not on Telegram.
    """
    try:
        bot = build_bot(config)
    except SettingsError as exc:
        return [CheckResult("fault", "Telegram: the token cannot be one", "; ".join(exc.faults))]
    try:
        await bot.initialize()
        webhook = await bot.get_webhook_info()
        room = await _check_desk(bot, desk_channel) if desk_channel else []
    except InvalidToken:
        return [CheckResult("fault", "Telegram: the token was refused", TOKEN_REFUSED)]
    except TelegramError as exc:
        return [
            CheckResult(
                "fault",
                f"Telegram: no answer from {config.api_url} ({exc.message})",
                "check the network, a proxy (HTTPS_PROXY), or TELEGRAM_API_URL",
            )
        ]
    finally:
        await bot.shutdown()
    return [*_check_bot(bot.bot), *_check_event_delivery(config, webhook), *room]


def _check_bot(user: User) -> list[CheckResult]:
    found = [CheckResult("ok", f"Telegram: @{user.username} ({user.full_name}, id {user.id})")]
    if not user.can_join_groups:
        found.append(
            CheckResult(
                "warning",
                "Telegram: the bot cannot be added to groups",
                "allow it with @BotFather: /setjoingroups",
            )
        )
    if user.can_read_all_group_messages:
        found.append(CheckResult("ok", "Telegram: privacy mode is off, all messages of its groups are read"))
    else:
        found.append(
            CheckResult(
                "ok",
                "Telegram: privacy mode is on; in groups it sees mentions, replies to it and commands",
                "to let it read what was said before a question, turn it off with @BotFather (/setprivacy), "
                "then remove the bot from its groups and add it again",
            )
        )
    return found


async def _check_desk(bot: Bot, desk_channel: str) -> list[CheckResult]:
    """Check that the desk's chat has topics which the bot may manage."""
    try:
        chat = await bot.get_chat(desk_channel)
        own = await bot.get_chat_member(desk_channel, bot.id)
    except TelegramError as exc:
        what = f"Telegram: the bot cannot see the desk {desk_channel} ({exc.message})"
        return [CheckResult("fault", what, "add the bot to that group; a group's id begins with -100")]
    if not chat.is_forum:
        advice = "turn Topics on in the group's settings: each conversation becomes one"
        return [CheckResult("fault", f'Telegram: the desk "{chat.title}" has no topics', advice)]
    manages = own.status == ChatMember.OWNER or (
        isinstance(own, ChatMemberAdministrator) and own.can_manage_topics
    )
    if not manages:
        advice = 'make it an administrator with "Manage topics"'
        return [
            CheckResult("fault", f'Telegram: the bot may not open topics in the desk "{chat.title}"', advice)
        ]
    return [CheckResult("ok", f'Telegram: the desk is "{chat.title}"')]


def _check_event_delivery(config: TelegramConfig, webhook: WebhookInfo) -> list[CheckResult]:
    found: list[CheckResult] = []
    if webhook.url and not config.public_url:
        found.append(
            CheckResult(
                "warning",
                "Telegram: a webhook is set; starting takes it away, for updates are polled here",
                "if another service uses this token, give this one a bot of its own; "
                "to use a webhook here, set MOONTHREAD_PUBLIC_URL",
            )
        )
    if config.public_url and webhook.url and webhook.url != config.webhook_url:
        found.append(
            CheckResult(
                "warning",
                "Telegram: the webhook leads to another address; starting changes it",
                "if another service uses this token, give this one a bot of its own",
            )
        )
    if config.public_url and webhook.last_error_message:
        found.append(
            CheckResult(
                "warning",
                f"Telegram: the webhook's last call failed: {webhook.last_error_message}",
                f"Telegram must reach {config.webhook_url} on port 443, 80, 88 or 8443",
            )
        )
    if webhook.pending_update_count >= MAX_PENDING_UPDATES:
        found.append(
            CheckResult("warning", f"Telegram: {webhook.pending_update_count} updates wait to be taken")
        )
    return found
