"""What is shipped: image recipe, requirements and the built package. The compose file has its own tests."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
SHIPPED = ("core", "bots", "migrations", "pyproject.toml", "README.md", "LICENSE")


def test_the_image_has_no_root_and_copies_what_exists() -> None:
    """Every source of a COPY is in the repository and not kept from the builder."""
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    sources = [
        source
        for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
        for source in line.split()[:-1]
    ]

    assert set(sources) == {*SHIPPED, "requirements.txt", "requirements-dev.txt"}
    assert all((ROOT / source).exists() and f"!{source}" in ignored for source in sources)
    assert re.findall(r"^USER (.+)$", DOCKERFILE, re.MULTILINE) == ["moonthread"]
    assert "!.env" not in ignored


def test_the_build_tool_is_cut_out_of_the_requirements() -> None:
    """The image's sed takes one pinned requirement with its hashes."""
    expression = re.search(r"sed -n '([^']+)' (\S+)", DOCKERFILE)
    assert expression
    cut = subprocess.run(
        ["sed", "-n", expression[1], ROOT / expression[2]], capture_output=True, text=True, check=True
    ).stdout

    assert re.match(r"setuptools==[\d.]+ \\\n(    --hash=sha256:[0-9a-f]{64}( \\)?\n)+\Z", cut)


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_requirements_are_pinned_hashed_and_name_no_index(name: str) -> None:
    """Every line is a pin or a hash; where packages come from is each machine's own matter."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if not line.startswith(" ")]

    assert all(re.match(r"[a-z0-9-]+(\[[a-z,-]+\])?==\S+( ; .+)? \\$", pin) for pin in pins)
    assert all(
        re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}( \\)?", line) for line in lines if line not in pins
    )


def test_every_dependency_is_pinned() -> None:
    """A name in pyproject.toml that make lock has not seen would break make setup."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pinned = {
        name: set(re.findall(r"^([a-z0-9-]+)", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE))
        for name in ("requirements.txt", "requirements-dev.txt")
    }
    extras = [item for group in project["optional-dependencies"].values() for item in group]

    assert _names(project["dependencies"]) <= pinned["requirements.txt"] <= pinned["requirements-dev.txt"]
    assert _names(extras) <= pinned["requirements-dev.txt"]


def _names(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[<>=; ]", requirement)[0].lower() for requirement in requirements}


def test_the_built_package_works_alone(tmp_path: Path) -> None:
    """The wheel holds every module, migration and page, and makes a database without the sources."""
    source, unpacked = tmp_path / "source", tmp_path / "unpacked"
    source.mkdir()
    for name in SHIPPED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, source / name)
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*build, "--wheel-dir", tmp_path, source], check=True, timeout=100)
    (wheel,) = tmp_path.glob("moonthread-*.whl")
    zipfile.ZipFile(wheel).extractall(unpacked)

    wanted = {
        path.relative_to(ROOT)
        for name in ("core", "bots", "migrations")
        for path in (ROOT / name).rglob("*")
        if path.suffix in {".py", ".html", ".css", ".js", ".svg", ".typed"}
    }
    assert sorted(str(path) for path in wanted if not (unpacked / path).exists()) == []

    first = f"import sys; sys.path.insert(0, {str(unpacked)!r})"
    program = f"{first}; import bots.cli as cli; print(cli.__file__); cli.main()"
    done = subprocess.run(
        [sys.executable, "-P", "-c", program, "db", "upgrade"],
        env={"HOME": str(tmp_path), "PATH": os.environ["PATH"]},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout.splitlines()[0].startswith(str(unpacked))
    assert done.stdout.splitlines()[1].startswith("at ")
