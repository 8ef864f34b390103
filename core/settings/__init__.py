"""Settings: read once at start from the environment and ``.env``, then passed on as values."""

from core.settings.load import Need, load, near_misses
from core.settings.model import Settings
from core.settings.spec import Spec, names, specs

__all__ = ["Need", "Settings", "Spec", "load", "names", "near_misses", "specs"]
