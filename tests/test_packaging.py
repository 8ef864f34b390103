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
REQUIREMENTS = [
    f"requirements{extra}.txt"
    for extra in ("", "-demo", "-otel", "-embeddings", "-mcp", "-speech", "-build", "-dev")
]  #: what make lock writes for the service and its developers
APART = ["requirements-gateways.txt", "requirements-speech-test.txt"]  #: for venvs of their own, of tests
SPEECH = "requirements-speech.txt"  #: 240 MB that developers are spared
SHIPPED = ("core", "bots", "migrations", "pyproject.toml", "README.md", "LICENSE")


def test_the_image_has_no_root_and_copies_what_exists() -> None:
    """Every source of a COPY is in the repository and reaches the builder; stand-ins and secrets do not."""
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    sources = [
        source
        for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
        for source in line.split()[:-1]
    ]

    files = {
        f"requirements{extra}.txt" for extra in ("", "-otel", "-embeddings", "-mcp", "-speech", "-build")
    }
    assert set(sources) == {*SHIPPED, *files}
    assert all((ROOT / source).exists() and f"!{source}" in ignored for source in sources)
    assert re.findall(r"^USER (.+)$", DOCKERFILE, re.MULTILINE) == ["moonthread"]
    assert ignored[1] == "*"
    assert "bots/simulator" in ignored
    assert "!.env" not in ignored


def test_the_image_installs_what_the_service_needs_and_one_extra_on_request() -> None:
    """``--build-arg EXTRA=otel`` chooses the file with that extra; without it the plain one is taken."""
    (chosen,) = re.findall(r"/pip install --require-hashes -r (\S+)", DOCKERFILE)

    extras = {"": "requirements.txt"} | {
        one: f"requirements-{one}.txt" for one in ("otel", "embeddings", "mcp", "speech")
    }
    for extra, file in extras.items():
        run = ["sh", "-c", f"echo {chosen}"]
        done = subprocess.run(run, env={"EXTRA": extra}, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == file


@pytest.mark.parametrize("name", [*REQUIREMENTS, *APART])
def test_requirements_are_pinned_hashed_and_name_no_index(name: str) -> None:
    """Every line is a pin or a hash; where packages come from is each machine's own matter."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if not line.startswith(" ")]

    assert all(re.match(r"[a-z0-9-]+(\[[a-z,-]+\])?==\S+( ; .+)? \\$", pin) for pin in pins)
    assert all(
        re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}( \\)?", line) for line in lines if line not in pins
    )


def test_every_dependency_is_pinned_and_only_where_it_is_needed() -> None:
    """Each file holds the service's pins and its extra's, at one version; the service's no tools."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    pinned = {
        name: set(
            re.findall(r"^([a-z0-9-]+)(?:\[.+\])?==(\S+)", (ROOT / name).read_text("utf-8"), re.MULTILINE)
        )
        for name in REQUIREMENTS
    }
    names = {file: {name for name, _ in pins} for file, pins in pinned.items()}

    assert set(extras) == {"otel", "embeddings", "mcp", "speech", "demo", "dev"}
    assert _names(project["dependencies"]) <= names["requirements.txt"]
    for file in REQUIREMENTS:
        alone = {pin for pin in pinned[file] if pin[0] not in names["requirements-dev.txt"]}
        assert not alone or file == SPEECH
        assert pinned[file] - alone <= pinned["requirements-dev.txt"]
    for extra in ("otel", "embeddings", "mcp", "speech", "demo", "dev"):
        file = f"requirements-{extra}.txt"
        assert pinned["requirements.txt"] <= pinned[file]
        assert _names(extras[extra]) <= names[file]
        assert not _names(extras[extra]) & names["requirements.txt"]
    assert names["requirements-build.txt"] == {"setuptools"}


def _names(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[<>=; ]", requirement)[0].lower() for requirement in requirements}


@pytest.mark.slow
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
