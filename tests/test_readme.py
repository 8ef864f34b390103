"""README, CONTRIBUTING and CHANGELOG: what they say about settings, commands, files and code is true."""

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bots.readme_tables import insert_tables, render_settings
from bots.simulator.kimi import KimiSimulator, answer_with
from core.settings import load, setting_specs
from core.settings.secret_files import secret_file_variables

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")
_PATH = re.compile(r"`((?:core|bots|tests|migrations|\.github)/[\w./*<>-]+)`")

each_document = pytest.mark.parametrize("document", DOCUMENTS)


def read(document: str) -> str:
    """Return a document of the repository's root."""
    return (ROOT / document).read_text(encoding="utf-8")


def test_every_setting_is_in_the_readme() -> None:
    """The tables are those that make readme-tables generates."""
    assert insert_tables(README) == README
    for spec in setting_specs():
        assert f"| `{spec.name}` | {spec.default or '–'} | {spec.description} |" in render_settings()


def test_a_file_without_markers_is_refused() -> None:
    """A missing marker is an error, so that no table is silently left out."""
    with pytest.raises(ValueError, match="are missing"):
        insert_tables("nothing")


@each_document
def test_pictures_and_files_that_are_linked_exist(document: str) -> None:
    """No link leads nowhere within the repository."""
    links = re.findall(r"\]\(([^)#:]+)\)", read(document))

    assert [link for link in links if not (ROOT / link).exists()] == []


@each_document
def test_paths_that_are_named_exist(document: str) -> None:
    """A file or folder of ours in code style exists; ``*`` and ``<name>`` stand for some name."""
    paths = _PATH.findall(read(document))

    assert [path for path in paths if not any(ROOT.glob(re.sub(r"<\w+>", "*", path)))] == []


@each_document
def test_sections_that_are_linked_exist(document: str) -> None:
    """Every #link is a heading."""
    headings = {re.sub(r"[^\w -]", "", line).strip().lower().replace(" ", "-")
                for line in read(document).splitlines() if line.startswith("#")}  # fmt: skip

    assert set(re.findall(r"\]\(#([^)]+)\)", read(document))) <= headings


@each_document
def test_make_targets_that_are_named_exist(document: str) -> None:
    """Nobody is sent to a word that make does not know."""
    makefile = read("Makefile")

    for target in re.findall(r"(?:^|`)make ([a-z-]+)", read(document), re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_the_example_file_is_valid() -> None:
    """.env.example holds only settings that exist, also those it comments out, and one of Compose's."""
    example = ROOT / ".env.example"
    named = set(re.findall(r"^#?([A-Z_]+)=", example.read_text(encoding="utf-8"), re.MULTILINE))

    assert named <= {spec.name for spec in setting_specs()} | secret_file_variables() | {"COMPOSE_PROFILES"}
    assert load({}, example) == load({}, None)


@pytest.mark.parametrize("code", re.findall(r"```python\n(.*?)```", README, re.DOTALL))
async def test_the_examples_run(code: str) -> None:
    """Each one prints Kimi's answer, with nothing changed but the address."""
    async with KimiSimulator(script=answer_with("Because of Rayleigh.", chunks_per_s=1000)) as kimi:
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-W", "error", "-c", code.replace("https://api.moonshot.cn/v1", kimi.base_url)],
            env={**os.environ, "KIMI_API_KEY": "sk-test"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    assert done.stderr == ""
    assert "Because of Rayleigh." in done.stdout
