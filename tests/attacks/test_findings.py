"""Every finding of the attack on the service names tests that exist."""

import re
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest

ROOT: Final = Path(__file__).parents[2]
FINDINGS: Final[dict[str, dict[str, Any]]] = tomllib.loads(
    Path(__file__).with_name("findings.toml").read_text(encoding="utf-8")
)
IDS: Final = [*(f"S{number}" for number in range(1, 13)), *(f"L{number}" for number in range(1, 9))]


def test_every_finding_is_in_the_table() -> None:
    """The attack found twelve faults of the service and eight low ones."""
    assert set(IDS) <= set(FINDINGS)


@pytest.mark.parametrize("finding", FINDINGS)
def test_the_tests_of_a_finding_exist(finding: str) -> None:
    """A test that is renamed or removed is missed here (we chose to point to tests, not to repeat them)."""
    assert FINDINGS[finding]["attack"]
    assert FINDINGS[finding]["tests"]
    for named in FINDINGS[finding]["tests"]:
        path, _, function = named.partition("::")
        source = (ROOT / path).read_text(encoding="utf-8")
        assert not function or re.search(rf"^(?:async )?def {function}\(", source, re.MULTILINE), named


def test_base_images_are_pinned_by_digest() -> None:
    """A tag that is moved to another image changes nothing (we chose that)."""
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    bases = re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)
    compose = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    images = [
        image
        for image in re.findall(r"^\s+image: *(\S+)", compose, re.MULTILINE)
        if "moonthread" not in image
    ]
    assert bases
    assert all(
        "@sha256:" in image or image in re.findall(r" AS (\S+)", dockerfile) for image in [*bases, *images]
    )
