"""Writes simple LaTeX formulas in Unicode. Pure.

A formula of which something has no form in a line of text (matrices, unknown commands) is not converted at
all: half a formula would be wrong, and the source can at least be read.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from core.markdown.formula_symbols import (
    ACCENTS,
    DOUBLE_STRUCK,
    FRACTIONS,
    LINE_ENVIRONMENTS,
    OPERATORS,
    SCRIPT,
    SPACES,
    SUBSCRIPTS,
    SUPERSCRIPTS,
    SYMBOLS,
    TEXT_COMMANDS,
    VULGAR_FRACTIONS,
)

MAX_FORMULA_CHARS: Final = 2_000
MAX_DEPTH: Final = 20

_TOKEN: Final = re.compile(r"\\[A-Za-z]+\*?[ \t\n]*|\\.|[{}^_&~]|[ \t\n]+|[0-9]+(?:\.[0-9]+)?|.", re.DOTALL)
_WRAPPERS: Final = (("$$", "$$"), ("\\[", "\\]"), ("\\(", "\\)"), ("$", "$"))
_LINE_BREAK: Final = "\\\\"
_SPECIAL_CHARACTERS: Final = {"{", "}", "%", "$", "#", "&", "_", " "}
_ATOM: Final = re.compile(r"√?[^\W_]+[′'⁰-⁹₀-₉²³¹]*|\(.*\)|.")
_TEXT_ARGUMENT: Final = re.compile(r"\s*\{([^{}\\$]*)\}")
_DEGREE: Final = re.compile(r"\s*\[([^\]]*)\]")
_COMMAND: Final = re.compile(r"\\[A-Za-z{}|,;!]")
_SHELL_NAME: Final = re.compile(r"[A-Za-z]{2,}_[A-Za-z]{2,}")
_SHORT_FORMULA: Final = re.compile(
    r"[A-Za-z]{1,2}'*|[0-9]+(?:\.[0-9]+)?[a-z]?|[A-Za-z]\([A-Za-z0-9, ]{1,8}\)|\([^()]{1,12}\)"
    r"|[a-z](?:, ?[a-z]){1,3}"
)
_UNICODE_OF: Final = {"-": "−", "'": "′", "*": "∗"}


class _NoTextFormError(Exception):
    """Something in a formula cannot be written in a line of text."""


@lru_cache(maxsize=512)
def formula_to_text(formula: str) -> str | None:
    """Return a formula, with its delimiters, in Unicode; None if it cannot be written so.

    Several lines come only of environments that have them.
    """
    body = strip_delimiters(formula)
    if not body.strip() or len(body) > MAX_FORMULA_CHARS:
        return None
    try:
        lines = _Reader(body).read()
    except (_NoTextFormError, RecursionError):
        return None
    text = "\n".join(line for line in (" ".join(line.split()) for line in lines) if line)
    return text if text and len(text) <= len(formula) else None


def strip_delimiters(formula: str) -> str:
    """Return a formula without its dollars or brackets."""
    formula = formula.strip()
    for start, end in _WRAPPERS:
        if formula.startswith(start) and formula.endswith(end) and len(formula) >= len(start) + len(end):
            return formula[len(start) : -len(end)]
    return formula


def is_formula(formula: str) -> bool:
    """Return whether a text between delimiters is a formula and no shell variable or escaped bracket.

    Single dollars and square brackets leave a doubt: between them is a command, an index, a relation, or
    one short name.
    """
    if formula.startswith(("$$", "\\(")):
        return True
    body = strip_delimiters(formula).strip()
    if _COMMAND.search(body):
        return True
    if _SHELL_NAME.search(body):
        return False
    return re.search(r"[\^_=<>+]", body) is not None or _SHORT_FORMULA.fullmatch(body) is not None


@dataclass(slots=True)
class _Reader:
    """Reads one formula from left to right."""

    source: str
    at: int = 0
    depth: int = 0

    def read(self) -> list[str]:
        """Return the formula's lines.

        Raises:
            _NoTextFormError: it has no form in text.
        """
        text = self._sequence(closer="")
        return text.split("\n")

    def _next(self) -> str:
        """Return the next piece, "" at the end."""
        found = _TOKEN.match(self.source, self.at)
        if found is None:
            return ""
        self.at = found.end()
        return found.group()

    def _sequence(self, closer: str) -> str:
        """Return everything up to ``closer``, which is read too."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise _NoTextFormError("too deeply nested")
        out = ""
        while piece := self._next():
            if piece == closer:
                self.depth -= 1
                return out
            if piece == "}":
                raise _NoTextFormError("a brace without its partner")
            out = self._add(out, piece)
        if closer:
            raise _NoTextFormError("an open brace")
        self.depth -= 1
        return out

    def _add(self, out: str, piece: str) -> str:
        """Return ``out`` with one more piece."""
        if piece in ("^", "_"):
            return out.rstrip(" ") + self._shifted(self._argument(), raised=piece == "^")
        if piece == "&":
            return out + " " if out and not out.endswith((" ", "\n")) else out
        if piece == "~" or piece.isspace():
            return out if out.endswith((" ", "\n")) or not out else out + " "
        if piece == _LINE_BREAK:
            return out.rstrip(" ") + "\n"
        if piece == "{":
            return out + self._sequence("}")
        if piece.startswith("\\"):
            return self._command(out, piece)
        if piece == "%":
            raise _NoTextFormError("a comment")
        return out + _UNICODE_OF.get(piece, piece)

    def _command(self, out: str, piece: str) -> str:
        name = piece[1:].rstrip(" \t\n")
        space = " " if piece[-1:].isspace() and name.isalpha() else ""
        if name in SPACES:
            return out + SPACES[name]
        if not name.isalpha() and name in _SPECIAL_CHARACTERS:
            return out + name
        if name in SYMBOLS:
            return out + SYMBOLS[name] + space
        if name in OPERATORS:
            return _with_gap(out) + name + self._gap_after(space)
        return _join(out, self._with_argument(name), self._upcoming())

    def _with_argument(self, name: str) -> str:
        if name in FRACTIONS:
            return _fraction(self._argument(), self._argument())
        if name == "sqrt":
            return self._root()
        if name in ACCENTS:
            return "".join(char + ACCENTS[name] for char in self._argument())
        if name in TEXT_COMMANDS:
            return self._text_argument()
        if name in ("mathbb", "mathcal", "mathscr"):
            letters = self._argument()
            return letters.translate(DOUBLE_STRUCK if name == "mathbb" else SCRIPT)
        if name == "pmod":
            return f" (mod {self._argument()})"
        if name == "tag":
            return f" ({self._argument()})"
        if name in ("begin", "end") and self._argument().rstrip("*") in LINE_ENVIRONMENTS:
            return "\n"
        raise _NoTextFormError(name)

    def _argument(self) -> str:
        """Return the next group or piece, converted."""
        piece = self._next()
        while piece.isspace():
            piece = self._next()
        if not piece or piece in ("}", "^", "_", "&"):
            raise _NoTextFormError("an argument is missing")
        if piece == "{":
            return self._sequence("}").strip()
        if piece[0].isdigit() and len(piece) > 1:
            self.at -= len(piece) - 1  # a command without braces takes one digit
            piece = piece[0]
        return self._add("", piece).strip()

    def _text_argument(self) -> str:
        """Return the argument of a command that sets text; its spaces stay."""
        found = _TEXT_ARGUMENT.match(self.source, self.at)
        if found is None:
            return self._argument()
        self.at = found.end()
        return found[1]

    def _root(self) -> str:
        found = _DEGREE.match(self.source, self.at)
        degree = ""
        if found is not None:
            self.at = found.end()
            degree = found[1].strip()
            if degree not in ("2", "3", "4"):
                degree = _Reader(degree, depth=self.depth).read()[0].translate(SUPERSCRIPTS)
        sign = {"": "√", "2": "√", "3": "∛", "4": "∜"}.get(degree, f"{degree}√")
        return sign + _grouped(self._argument())

    def _shifted(self, text: str, *, raised: bool) -> str:
        """Return an index or a power: in small characters if all of it has some."""
        small = text.replace(" ", "").translate(SUPERSCRIPTS if raised else SUBSCRIPTS)
        table = SUPERSCRIPTS if raised else SUBSCRIPTS
        if all(ord(char) in table for char in text if char != " "):
            return small
        return ("^" if raised else "_") + (text if len(text) == 1 else f"({text})")

    def _upcoming(self) -> str:
        return self.source[self.at : self.at + 1]

    def _gap_after(self, space: str) -> str:
        upcoming = self._upcoming()
        return space or (" " if upcoming.isalnum() or upcoming == "\\" else "")


def _fraction(above: str, below: str) -> str:
    if vulgar := VULGAR_FRACTIONS.get(f"{above}/{below}"):
        return vulgar
    below = below if _ATOM.fullmatch(below) and (len(below) == 1 or below.isdigit()) else f"({below})"
    return f"{_grouped(above)}/{below}"


def _grouped(text: str) -> str:
    """Return a part of a formula in brackets, unless it is one number, name or root."""
    is_one = _ATOM.fullmatch(text) is not None and not (text.startswith("(") and text.count("(") > 1)
    return text if is_one else f"({text})"


def _with_gap(out: str) -> str:
    return out + " " if out and (out[-1].isalnum() or unicodedata.category(out[-1]) == "No") else out


def _join(out: str, piece: str, upcoming: str) -> str:
    """Return ``out`` and a piece, with a space where a fraction would run into its neighbour."""
    if "/" not in piece:
        return out + piece
    return _with_gap(out) + piece + (" " if upcoming.isalnum() or upcoming == "\\" else "")
