"""Answers whose every word can be found again in what stands on a screen."""

import re
from dataclasses import dataclass

FIRST_CHARACTER = 0x4E00
PARAGRAPH = 80  #: words
LETTERS = 3
_WORD = re.compile(rf"[a-z]{{{LETTERS}}}(?=[^a-z]*$)")


@dataclass(frozen=True, slots=True)
class Chinese:
    """One character is one word; a minute of it fits one message on every platform."""

    def text(self, words: int) -> str:
        """Return an answer of so many words."""
        marks = (("\n\n" if at and at % PARAGRAPH == 0 else "") for at in range(words))
        return "".join(f"{mark}{chr(FIRST_CHARACTER + at)}" for at, mark in enumerate(marks))

    def shown(self, text: str) -> int:
        """Return how many words of the answer a screen's text has come to."""
        for char in reversed(text[-40:]):
            if FIRST_CHARACTER <= ord(char) < FIRST_CHARACTER + 20_000:
                return ord(char) - FIRST_CHARACTER + 1
        return 0


@dataclass(frozen=True, slots=True)
class English:
    """Words of three letters, sentences and paragraphs: a minute of it takes several messages."""

    def text(self, words: int) -> str:
        """Return an answer of so many words."""
        parts = []
        for at in range(words):
            end = ".\n\n" if at % PARAGRAPH == PARAGRAPH - 1 else ". " if at % 12 == 11 else " "
            parts.append(_letters(at) + end)
        return "".join(parts).rstrip()

    def shown(self, text: str) -> int:
        """Return how many words of the answer a screen's text has come to."""
        found = _WORD.search(text[-40:])
        return 0 if found is None else _number(found[0]) + 1


Language = Chinese | English


def _letters(number: int) -> str:
    letters = ""
    for _ in range(LETTERS):
        number, digit = divmod(number, 26)
        letters = chr(ord("a") + digit) + letters
    return letters


def _number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("a")
    return number
