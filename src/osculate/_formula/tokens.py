"""A formula's text, cut into tokens that remember where they stood."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from osculate._errors import WrongInput

LONGEST = 2000
ASKED = "osculate.explain"
_MARGIN = 50

_NUMBER = re.compile(r"(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
# A Greek letter stands for itself (πx is a product); Latin letters run together into one word.
_NAME = re.compile(r"[α-ωΑ-Ω](?:\d+|_[A-Za-z0-9]+)?|[A-Za-z](?:[A-Za-z0-9]|_(?=[A-Za-z0-9]))*", re.ASCII)
_SUPERSCRIPT = re.compile("[⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+")
_PLAIN_DIGITS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-")
_SPELLINGS = {"·": "*", "⋅": "*", "×": "*", "∙": "*", "−": "-", "–": "-", "÷": "/", "∕": "/", "**": "^"}
_OPERATORS = frozenset("+-*/^(),√∛=:")

# What people write and what to write instead, by the first character that cannot be read.
_REMEDIES = {
    "[": "use round brackets: (x + 1).",
    "]": "use round brackets: (x + 1).",
    "{": "use round brackets: (x + 1).",
    "}": "use round brackets: (x + 1).",
    "|": "write abs(x) for |x|.",
    "!": "write gamma(n + 1) for n!.",
    "%": "write x - a*floor(x/a) for the remainder of x/a.",
    "'": "a formula holds numbers, variables, operators and functions only, no quoted text.",
    '"': "a formula holds numbers, variables, operators and functions only, no quoted text.",
    ".": "a dot stands in numbers only, as in 0.5; a product is written with *.",
    "_": "a name begins with a letter, as in x_1.",
    ";": "write one formula; arguments of a function are separated by commas.",
}
_PLAIN_REMEDY = "use numbers, variables such as x or x1, + - * / ^, round brackets, and functions such as sin(x)."

Kind = Literal["number", "name", "operator", "superscript", "end"]


@dataclass(frozen=True)
class Token:
    """A piece of a formula: what it is, how it reads, and the place ``start:stop`` where it stands."""

    kind: Kind
    text: str
    start: int
    stop: int


def tokens(text: str) -> tuple[Token, ...]:
    """Cut ``text`` into tokens, the last one of kind ``end``.

    Spellings are unified on the way: ``**`` becomes ``^``, ``·`` and ``×`` become ``*``, ``−`` becomes ``-``.

    Raises
    ------
    WrongInput
        For a text of more than 2,000 characters and for a character that no formula has, with a caret under it.
    """
    if len(text) > LONGEST:
        raise WrongInput(
            ASKED,
            f"the formula has {len(text):,} characters; at most {LONGEST:,} are read.",
            remedy="give the function as Python code: osculate.explain(f, at=…).",
        )
    found: list[Token] = []
    place = 0
    while place < len(text):
        if text[place].isspace():
            place += 1
            continue
        token = _token(text, place)
        found.append(token)
        place = token.stop
    return (*found, Token("end", "", len(text), len(text)))


def _token(text: str, start: int) -> Token:
    if match := _NUMBER.match(text, start):
        return Token("number", match.group(), start, match.end())
    if match := _SUPERSCRIPT.match(text, start):
        return Token("superscript", match.group().translate(_PLAIN_DIGITS), start, match.end())
    if match := _NAME.match(text, start):
        return Token("name", match.group(), start, match.end())
    piece = "**" if text.startswith("**", start) else text[start]
    plain = _SPELLINGS.get(piece, piece)
    if plain in _OPERATORS:
        return Token("operator", plain, start, start + len(piece))
    raise complaint(
        text, start, f"{_shown(piece)!r} cannot stand in a formula.", remedy=_REMEDIES.get(piece, _PLAIN_REMEDY)
    )


def complaint(text: str, place: int, problem: str, *, remedy: str) -> WrongInput:
    """Error that shows ``text`` and a caret under ``place``."""
    begin, end = max(0, place - _MARGIN), place + _MARGIN
    before = ("…" if begin else "") + "".join(_shown(character) for character in text[begin:place])
    after = "".join(_shown(character) for character in text[place:end]) + ("…" if end < len(text) else "")
    indent = " " * sum(_columns(character) for character in before)
    return WrongInput(ASKED, f"{problem}\n    {before}{after}\n    {indent}^", remedy=remedy)


def nearest(word: str, known: list[str]) -> str | None:
    """Find the one of ``known`` that ``word`` was probably meant to be."""
    close = get_close_matches(word.lower(), known, n=1, cutoff=0.6)
    return close[0] if close else None


def _shown(character: str) -> str:
    """Itself, or a stand-in of one column for what a terminal would not print."""
    if character.isspace():
        return " "
    return (
        character if character.isprintable() and not unicodedata.combining(character) else "\N{REPLACEMENT CHARACTER}"
    )


def _columns(character: str) -> int:
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
