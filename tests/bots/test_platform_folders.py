"""Who knows one platform's folder knows all: the same files, and nobody outside who needs them."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

import bots
import core

BOTS = Path(bots.__file__).parent
CORE = Path(core.__file__).parent
PLATFORMS = ("slack", "telegram")
ROOT = (
    "service.py",
    "configs.py",
    "parts.py",
    "cli",
    "simulator",
)  #: the composition root
MOST_LINES = 300


def files(platform: str) -> list[str]:
    """Return the names of a platform's files."""
    return sorted(path.name for path in (BOTS / platform).iterdir() if path.suffix == ".py")


def test_both_folders_hold_the_same_files() -> None:
    """A file of one platform has its like on the other."""
    assert files("slack") == files("telegram")


@pytest.mark.parametrize("platform", PLATFORMS)
def test_every_file_says_something(platform: str) -> None:
    """No file is an empty stub, and none is too long to be read at once."""
    for name in files(platform):
        lines = (BOTS / platform / name).read_text().splitlines()
        assert len(lines) <= MOST_LINES, name
        assert name == "__init__.py" or len(lines) >= 20, name


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_platform_may_be_deleted(platform: str) -> None:
    """Without the folder, everything outside the composition root can still be imported."""
    outside = [
        path
        for folder in (BOTS, CORE)
        for path in sorted(folder.rglob("*.py"))
        if path.name != "__main__.py"
        and not (path.is_relative_to(BOTS) and path.relative_to(BOTS).parts[0] in (*ROOT, platform))
    ]
    assert len(outside) > 50
    modules = [_module(path) for path in outside]
    script = (
        "import importlib, sys\n"
        f"sys.modules['bots.{platform}'] = None\n"
        f"for name in {modules!r}:\n"
        "    importlib.import_module(name)\n"
    )
    done = _run(script)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("platform", PLATFORMS)
def test_the_test_would_notice(platform: str) -> None:
    """The composition root does need the folder: what the test above blocks is really blocked."""
    assert importlib.util.find_spec(f"bots.{platform}") is not None
    script = f"import sys\nsys.modules['bots.{platform}'] = None\nimport bots.composition.settings_mapping\n"
    done = _run(script)
    assert "ModuleNotFoundError" in done.stderr


def _run(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )


def _module(path: Path) -> str:
    parts = path.relative_to(BOTS.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
