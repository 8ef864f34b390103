"""README and the other documents: what they say about settings, commands, files and code is true.

Every document is under the same tests, so that a chapter that moves stays true.
"""

import asyncio
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from bots.cli import app
from bots.readme_tables import TABLES, render_settings
from bots.simulator.kimi import KimiSimulator, answer_with
from core.access.price_list import PriceList
from core.domain.command_names import CommandName
from core.settings import load, setting_specs
from core.settings.secret_files import secret_file_variables
from core.settings.spec import RENAMED
from tests.bots.observability.test_log_events import AREAS, logged_events

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted(
    str(path.relative_to(ROOT))
    for path in (
        *ROOT.glob("*.md"),
        *(ROOT / "bots").rglob("README*.md"),
        *(ROOT / "core").rglob("README*.md"),
    )
)
FRONT = [name for name in DOCUMENTS if "/" not in name and name.startswith("README")]
_PATH = re.compile(r"`((?:core|bots|tests|migrations|\.github)/[\w./*<>-]+)`")
_SETTING = re.compile(r"\b((?:MOONTHREAD|KIMI|SLACK|TELEGRAM|DATABASE|MOONSHOT)_[A-Z0-9_]*[A-Z0-9])\b")
_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```", re.DOTALL | re.MULTILINE)

each_document = pytest.mark.parametrize("document", DOCUMENTS)


def read(document: str) -> str:
    """Return a document of the repository."""
    return (ROOT / document).read_text(encoding="utf-8")


def headings(document: str) -> set[str]:
    """Return the anchors of a document's headings, as GitHub makes them."""
    return {
        re.sub(r"[^\w -]", "", line.lstrip("#")).strip().lower().replace(" ", "-")
        for line in _FENCE.sub("", read(document)).splitlines()
        if line.startswith("#")
    }


def blocks(document: str, *languages: str) -> list[str]:
    """Return the contents of a document's code blocks in the given languages."""
    return [re.sub(rf"^{found[1]}", "", found[3], flags=re.MULTILINE)
            for found in _FENCE.finditer(read(document)) if found[2] in languages]  # fmt: skip


# -- settings -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_the_generated_tables_are_up_to_date(table: Any) -> None:
    """Each table is the one that make readme-tables writes."""
    assert table.insert(read(table.document)) == read(table.document)


def test_every_setting_is_in_the_table() -> None:
    """The table has a row for each setting: variable, default and meaning."""
    for spec in setting_specs():
        assert f"| `{spec.name}` | {spec.default or '–'} | {spec.description} |" in render_settings()


def test_a_file_without_markers_is_refused() -> None:
    """A missing marker is an error, so that no table is silently left out."""
    with pytest.raises(ValueError, match="are missing"):
        TABLES[0].insert("nothing")


@each_document
def test_settings_that_are_named_exist(document: str) -> None:
    """A variable with a prefix of ours is a setting, a former name of one, or the file of a secret."""
    known = (
        {spec.name for spec in setting_specs()}
        | secret_file_variables()
        | RENAMED.keys()
        | {"MOONSHOT_API_KEY"}
    )

    assert set(_SETTING.findall(read(document))) <= known


def test_the_example_file_is_valid() -> None:
    """.env.example holds only settings that exist, also those it comments out, and one of Compose's."""
    example = ROOT / ".env.example"
    named = set(re.findall(r"^#?([A-Z_]+)=", example.read_text(encoding="utf-8"), re.MULTILINE))

    assert named <= {spec.name for spec in setting_specs()} | secret_file_variables() | {"COMPOSE_PROFILES"}
    assert load({}, example) == load({}, None)


# -- files and links ----------------------------------------------------------------------------------


@each_document
def test_pictures_and_files_that_are_linked_exist(document: str) -> None:
    """No link leads nowhere within the repository; a link is relative to its document."""
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", read(document))

    assert [link for link in links if not ((ROOT / document).parent / link).exists()] == []


@each_document
def test_paths_that_are_named_exist(document: str) -> None:
    """A file or folder of ours in code style exists; ``*`` and ``<name>`` stand for some name."""
    paths = _PATH.findall(read(document))

    assert [path for path in paths if not any(ROOT.glob(re.sub(r"<\w+>", "*", path)))] == []


@each_document
def test_sections_that_are_linked_exist(document: str) -> None:
    """Every #section, of this document or another one, is a heading."""
    links = re.findall(r"\]\(([^)#:]*)#([^)]+)\)", read(document))
    folder = (ROOT / document).parent
    targets = [(str((folder / path).resolve().relative_to(ROOT)) if path else document, section)
               for path, section in links]  # fmt: skip

    assert [(path, section) for path, section in targets if section not in headings(path)] == []


def test_every_document_is_linked_from_the_front() -> None:
    """Nobody has to search the folders for a chapter."""
    for front in FRONT:
        linked = {str((ROOT / link).resolve().relative_to(ROOT))
                  for link in re.findall(r"\]\(([^)#:]+\.md)(?:#[^)]*)?\)", read(front))}  # fmt: skip
        assert set(DOCUMENTS) - linked - set(FRONT) == set()


@pytest.mark.parametrize("front", FRONT)
def test_the_front_page_is_short(front: str) -> None:
    """A newcomer reads at most 250 lines before the first answer."""
    assert len(read(front).splitlines()) <= 250


@pytest.mark.parametrize("model", ["kimi-k2.6", "kimi-k3", "kimi-k3.1-pro"])
def test_the_costs_follow_from_the_price_list(model: str) -> None:
    """A thousand questions of the three sizes cost what bots/README.md says."""
    sizes = ((1_500, 500, 600), (6_000, 4_000, 1_200), (3_500, 1_000, 500))
    costs = [
        PriceList().cost_usd(model, prompt_tokens=prompt, cached_tokens=cached, completion_tokens=out)
        for prompt, cached, out in sizes
    ]

    assert f"| `{model}` | " + " | ".join(f"{1_000 * (cost or 0):.1f}" for cost in costs) in read(
        "bots/README.md"
    )


def test_the_front_pages_in_both_languages_have_the_same_content() -> None:
    """Neither lags behind: the same headings by level, links, settings and commands."""

    def content(front: str) -> tuple[object, ...]:
        text = read(front)
        levels = re.findall(r"^(#+) ", _FENCE.sub("", text), re.MULTILINE)
        links = {link for link in re.findall(r"\]\(([^)]+)\)", text) if link not in FRONT}
        shell = [
            re.sub(r'#.*|".*"', "", line).strip()
            for block in blocks(front, "sh")
            for line in block.splitlines()
        ]
        return (
            levels,
            links,
            set(_SETTING.findall(text)),
            re.findall(r"^\| `(/\w+)", text, re.MULTILINE),
            shell,
        )

    assert content("README.zh.md") == content("README.md")


# -- commands -----------------------------------------------------------------------------------------


@each_document
def test_make_targets_that_are_named_exist(document: str) -> None:
    """Nobody is sent to a word that make does not know."""
    makefile = read("Makefile")

    for target in re.findall(r"(?:^|`)make ([a-z-]+)", read(document), re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def command_lines(document: str) -> Iterator[str]:
    """Yield what follows ``moonthread`` in code blocks and in code style, one call each."""
    for block in blocks(document, "sh", "ini"):
        for line in block.replace("\\\n", " ").splitlines():
            yield from re.findall(r"(?:^|[ /=])moonthread ((?:[a-z-]).*)", line)
    yield from re.findall(
        r"`(?!kubectl)(?:[\w./$=:-]* )*(?:\.venv/bin/)?moonthread ([a-z-][^`]*)`",
        _FENCE.sub("", read(document)),
    )


def wrong_words(line: str) -> list[str]:
    """Return the commands and options of a call that the command line does not know."""
    command: Any = get_command(app)
    unknown: list[str] = []
    for word in shlex.split(line, comments=True):
        if word in ("|", "<", ">", "&&"):
            break
        options = {
            option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)
        }
        if word.startswith("-") and word.partition("=")[0] not in options | {"-h", "--help"}:
            unknown.append(word)
        elif not word.startswith("-") and hasattr(command, "get_command"):
            found = command.get_command(None, word)
            if found is None and word.isupper():  # a placeholder, such as COMMAND
                break
            if found is None:
                unknown.append(word)
                break
            command = found
    return unknown


@each_document
def test_calls_of_moonthread_exist(document: str) -> None:
    """Every command and option that a document shows is one of the command line."""
    assert {line: wrong for line in command_lines(document) if (wrong := wrong_words(line))} == {}


def test_the_check_would_notice() -> None:
    """An unknown command, subcommand and option are found; a known call is not."""
    assert wrong_words("poetry") == ["poetry"]
    assert wrong_words("db upgrad") == ["upgrad"]
    assert wrong_words("usage --by person --forever") == ["--forever"]
    assert wrong_words("usage --by person --csv > usage.csv") == []


@pytest.mark.parametrize("front", FRONT)
def test_the_front_page_has_every_command_of_the_chat(front: str) -> None:
    """What people can write to the bot stands in one table; /start is what Telegram sends by itself."""
    rows = "\n".join(line.partition(" | ")[0] for line in read(front).splitlines() if line.startswith("| `/"))

    assert {name for name in CommandName if f"`/{name}`" not in rows} == {CommandName.START}


# -- log events and code ------------------------------------------------------------------------------


@each_document
def test_log_events_that_are_named_exist(document: str) -> None:
    """``area.what_happened`` in code style is an event that some module logs."""
    named = re.findall(rf"`((?:{'|'.join(sorted(AREAS))})\.[a-z]+(?:_[a-z]+)*)`", read(document))
    known = {event for _, event in logged_events()}

    assert [event for event in named if event not in known and event not in ("core.kimi", "mcp.json")] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "code",
    [pytest.param(code, id=f"{name}-{index}")
     for name in DOCUMENTS for index, code in enumerate(blocks(name, "python"))],
)  # fmt: skip
async def test_the_examples_run(code: str) -> None:
    """Each one runs with nothing changed but the address; those that ask Kimi print its answer."""
    async with KimiSimulator(script=answer_with("Because of Rayleigh.", chunks_per_s=1000)) as kimi:
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-W", "error", "-c", code.replace("https://api.moonshot.cn/v1", kimi.base_url)],
            env={**os.environ, "KIMI_API_KEY": "sk-test"},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    assert done.stderr == ""
    assert ("Because of Rayleigh." in done.stdout) == ("api.moonshot.cn" in code)
    assert done.stdout
