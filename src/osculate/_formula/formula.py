"""A formula that has been read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .grammar import Parser
from .steps import Step, evaluate, reading


@dataclass(frozen=True)
class Formula:
    """A formula, as written and as understood.

    Attributes
    ----------
    text : str
        As it was written.
    names : tuple of str
        Its variables, in the order of their first appearance in the text: ``y^2 + x`` has the names ("y", "x").
    steps : tuple of Step
        What to compute.
    reading : str
        As it was understood, in Python's notation: ``x**4 - 3*x**2 + x``.
    notes : tuple of str
        Every choice that was made in reading it, in words.
    """

    text: str
    names: tuple[str, ...]
    steps: tuple[Step, ...]
    reading: str
    notes: tuple[str, ...]

    @property
    def function(self) -> Callable[..., Any]:
        """The formula as a function of its variables: one positional argument for each of ``names``, in that order.

        It is written with ``jax.numpy``, so it takes numbers, arrays and tracers, and keeps their dtype.
        """
        names, steps = self.names, self.steps

        def formula(*values: Any) -> Any:
            if len(values) != len(names):
                raise TypeError(f"this formula takes {len(names)} arguments ({', '.join(names)}), not {len(values)}")
            return evaluate(steps, dict(zip(names, values, strict=True)))

        return formula


def parse(text: str) -> Formula:
    """Read a formula: ``x^4 - 3x^2 + x``.

    ``^`` and ``**`` are power (from right to left, and tighter than a sign: ``-x^2`` is −(x²)). Factors side by side
    are multiplied, with the same precedence as ``*`` and ``/`` and from left to right: ``1/2x`` is (1/2)·x; the notes
    say so. A variable is one letter, with an index if need be (``x``, ``x1``, ``x_max``), or a Greek letter's name;
    ``pi``, ``e`` and ``tau`` are the constants.

    Raises
    ------
    WrongInput
        With the formula, a caret under the place, and what to write instead.

    Examples
    --------
    >>> formula = parse("x^4 - 3x^2 + x")
    >>> formula.reading
    'x**4 - 3*x**2 + x'
    >>> formula.notes
    ('`^` is read as power', '`3x^2` is read as 3*x**2')
    >>> float(formula.function(2.0))
    6.0
    """
    parser = Parser(text)
    parser.sum()
    parser.end()
    steps = tuple(parser.steps)
    names = tuple(dict.fromkeys(step.value for step in steps if step.action == "variable"))
    return Formula(text=text, names=names, steps=steps, reading=reading(steps), notes=tuple(parser.notes))
