"""What the demo's two teams know, and how their customers ask: an imaginary shop, an imaginary product.

``tea`` (Chinese) and ``lantern`` (English) are folders of documents; ``…-questions.csv`` are tables for
``moonthread knowledge eval``: 60 questions with the passage that answers them, 20 about something else.
"""

from pathlib import Path

FOLDER = Path(__file__).parent
SETS = ("tea", "lantern")
#: Least relevance of their passages, at which most questions about something else find nothing.
FLOORS = {"tea": 0.33, "lantern": 0.42}


def documents(name: str) -> list[Path]:
    """Return the files of one of :data:`SETS`."""
    return sorted(path for path in (FOLDER / name).iterdir() if path.suffix in (".md", ".csv"))


def questions(name: str) -> Path:
    """Return the table of questions to one of :data:`SETS`."""
    return FOLDER / f"{name}-questions.csv"
