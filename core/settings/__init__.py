"""Settings: read once at the start from the environment and ``.env``, then passed on as values."""

from core.settings.load import Requirement, likely_typos, load, outdated_names
from core.settings.model import Settings
from core.settings.spec import SettingSpec, setting_names, setting_specs

__all__ = [
    "Requirement",
    "SettingSpec",
    "Settings",
    "likely_typos",
    "load",
    "outdated_names",
    "setting_names",
    "setting_specs",
]
