"""The commands that people give the bot, by the same names on every platform."""

from enum import StrEnum


class CommandName(StrEnum):
    """Name of a command, as people type it after ``/``."""

    START = "start"
    HELP = "help"
    NEW = "new"
    STOP = "stop"
    RETRY = "retry"
    MODEL = "model"
    THINK = "think"
    SYSTEM = "system"
    CONTEXT = "context"
    FILES = "files"
    LEARN = "learn"
    CANNED = "canned"
    SEARCH = "search"
    TOOLS = "tools"
    SETTINGS = "settings"
    LANGUAGE = "language"
    USAGE = "usage"
    FORGET = "forget"
    HUMAN = "human"
    TAKE = "take"
    ASSIGN = "assign"
    BACK = "back"
    CLOSE = "close"
    BLOCK = "block"
    UNBLOCK = "unblock"
    CONSOLE = "console"
