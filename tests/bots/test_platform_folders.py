"""The seven modules that every chat platform has, and independence of each platform's folder."""

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
TWINS = ("app", "ingress", "events", "surface", "limits", "errors", "credentials")
"""The contract: who knows one platform finds the same seven jobs on the other."""
NEEDS_PLATFORMS = ("composition", "cli", "simulator")
"""Folders of ``bots`` that may import a platform's folder."""


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("name", TWINS)
def test_each_platform_has_the_seven_twins(platform: str, name: str) -> None:
    """Events in, calls out, pure conversion, limits, errors and credentials have the same names on both."""
    assert (BOTS / platform / f"{name}.py").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_platform_may_be_deleted(platform: str) -> None:
    """Without the folder, every module outside the composition root can still be imported."""
    modules = [
        _module_name(path)
        for folder in (BOTS, CORE)
        for path in sorted(folder.rglob("*.py"))
        if path.name != "__main__.py" and not _may_need(path, platform)
    ]
    assert len(modules) > 50
    script = (
        "import importlib, sys\n"
        f"sys.modules['bots.{platform}'] = None\n"
        f"for name in {modules!r}:\n"
        "    importlib.import_module(name)\n"
    )
    done = _run(script)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("platform", PLATFORMS)
def test_the_check_would_notice(platform: str) -> None:
    """The composition root cannot be imported without the folder: the check above really blocks it."""
    assert importlib.util.find_spec(f"bots.{platform}") is not None
    script = f"import sys\nsys.modules['bots.{platform}'] = None\nimport bots.composition.settings_mapping\n"
    done = _run(script)
    assert "ModuleNotFoundError" in done.stderr


def test_a_service_imports_no_sdk_until_it_knows_which_it_needs() -> None:
    """SDKs of platforms and the driver of PostgreSQL are a third of a second of a start (we chose)."""
    done = _run("import sys, bots.composition.service\nprint(*sys.modules)")
    assert not {"telegram", "slack_sdk", "psycopg", "procrastinate"} & set(done.stdout.split())


def _may_need(path: Path, platform: str) -> bool:
    return path.is_relative_to(BOTS) and path.relative_to(BOTS).parts[0] in (*NEEDS_PLATFORMS, platform)


def _run(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )


def _module_name(path: Path) -> str:
    parts = path.relative_to(BOTS.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
