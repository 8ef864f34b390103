"""Telegram: private chats, groups and forum topics, through python-telegram-bot."""

import os

# Without this, python-telegram-bot 22.8 warns (or raises, under strict filters) whenever it reads its own
# RetryAfter.retry_after, which its constructor does. An operator's value is kept.
os.environ.setdefault("PTB_TIMEDELTA", "1")
