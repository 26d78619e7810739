"""Points and windows as they are written on a command line: ``x=0,y=pi/2`` and ``-3:3``."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar

import jax

from osculate._errors import WrongInput

from .grammar import Parser
from .steps import evaluate
from .tokens import Token, complaint

Window = tuple[float, float]
T = TypeVar("T")


def parse_point(text: str) -> tuple[float, ...] | dict[str, float]:
    """Read a point: ``"1"`` → (1.0,), ``"0, pi/2"`` → (0.0, 1.57…), ``"x=0, y=1"`` → {"x": 0.0, "y": 1.0}.

    Each coordinate is a constant formula.

    Raises
    ------
    WrongInput
        With a caret under the place: for a variable, a value that is not finite, a name twice, names for a part only.

    Examples
    --------
    >>> parse_point("x=0, y=-1/4")
    {'x': 0.0, 'y': -0.25}
    """
    return _listed(text, _value)


def parse_window(text: str) -> Window | tuple[Window, ...] | dict[str, Window]:
    """Read a window: ``"-3:3"`` → (-3.0, 3.0); for several variables ``"-3:3, 0:1"`` or ``"x=-3:3, y=0:1"``.

    Raises
    ------
    WrongInput
        With a caret under the place; also for a window that does not run upwards.

    Examples
    --------
    >>> parse_window("-pi:pi") == (-math.pi, math.pi)
    True
    """
    found = _listed(text, _interval)
    return found[0] if isinstance(found, tuple) and len(found) == 1 else found


def _listed(text: str, item: Callable[[Parser], T]) -> tuple[T, ...] | dict[str, T]:
    parser = Parser(text)
    unnamed: list[T] = []
    named: dict[str, T] = {}
    while True:
        first = parser.token
        name = _assigned(parser)
        if name in named:
            raise complaint(text, first.start, f"`{name}` is given twice.", remedy="give each variable once.")
        value = item(parser)
        if name is None:
            unnamed.append(value)
        else:
            named[name] = value
        if named and unnamed:
            remedy = "name all of them (x=0, y=1) or none (0, 1)."
            raise complaint(text, first.start, "some coordinates have a name and some have none.", remedy=remedy)
        if not parser.takes(","):
            break
    parser.end()
    return named or tuple(unnamed)


def _assigned(parser: Parser) -> str | None:
    """Name before an equals sign, if there is one; the parser then stands after the sign."""
    token, after = parser.token, parser.tokens[min(parser.place + 1, len(parser.tokens) - 1)]
    if token.kind != "name" or after.text != "=":
        return None
    parser.place += 2
    return token.text


def _value(parser: Parser) -> float:
    first, begun = parser.token, len(parser.steps)
    parser.sum()
    steps = parser.steps[begun:]
    variables = [step.value for step in steps if step.action == "variable"]
    if variables:
        raise _not_a_number(parser, first, f"`{variables[0]}` has no value here.")
    with jax.enable_x64(True):
        value = float(evaluate(steps, {}))
    if not math.isfinite(value):
        raise _not_a_number(parser, first, f"this coordinate is {value}, not a finite number.")
    return value + 0.0


def _interval(parser: Parser) -> Window:
    first = parser.token
    low = _value(parser)
    if not parser.takes(":"):
        raise complaint(parser.text, parser.token.start, "a window has two ends.", remedy="write it as -3:3.")
    high = _value(parser)
    if not low < high:
        raise complaint(
            parser.text,
            first.start,
            f"this window runs from {low:g} to {high:g}.",
            remedy="write the smaller end first.",
        )
    return low, high


def _not_a_number(parser: Parser, token: Token, problem: str) -> WrongInput:
    return complaint(parser.text, token.start, problem, remedy="write numbers: 0.5, -1/3, pi/2, sqrt(2).")
