"""Descriptions of settings and their groups in the language of the page."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from core.text.language import Language

CHINESE: Final[Mapping[str, Mapping[str, str]]] = tomllib.loads(
    Path(__file__).with_name("settings.zh.toml").read_text(encoding="utf-8")
)
"""Chinese by name: "groups" and "settings"."""

_LINK: Final = re.compile(r"\[([^]]+)]\([^)]*\)")


def describe(kind: str, name: str, english: str, language: Language) -> str:
    """Return the description of a group or setting as plain text; English if there is no Chinese.

    ``kind`` is "groups" or "settings", ``english`` is Markdown.
    """
    plain = _LINK.sub(r"\1", english).replace("`", "")
    return CHINESE[kind].get(name, plain) if language == "zh" else plain
