"""What an array carries of the rows of a batch, and the table of rules that say what a primitive does to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from osculate._errors import Location
from osculate._interpret import table
from osculate._trace import Node


@dataclass(frozen=True)
class Rows:
    """``axis`` carries the ``count`` rows, and each row takes ``inner`` entries in a stretch.

    Entry k of that axis belongs to row (k // inner) % count: ``inner`` is 1 until a reshape merges axes.
    """

    axis: int
    count: int
    inner: int = 1


@dataclass(frozen=True)
class Mixed:
    """``node`` mixed the rows, or cannot be seen not to; ``where`` is the user's line."""

    node: Node
    reason: str
    where: Location | None = None


Carried = Rows | Mixed | None
"""What an array carries; None where no derivative with respect to the rows passes."""

Rule = Callable[[Node, Sequence[Rows | None]], "Rows | str | None"]
"""What the outputs of a node carry, or why the rows are mixed."""

RULES: dict[str, Rule] = table("rows")


def agreed(inputs: Sequence[Rows | None]) -> Rows | str | None:
    """The rows that all inputs with rows share, or that they do not."""
    found = {rows for rows in inputs if rows is not None}
    if len(found) > 1:
        axes = " and ".join(str(rows.axis) for rows in sorted(found, key=lambda rows: (rows.axis, rows.inner)))
        return f"its inputs carry the rows along different axes ({axes})"
    return found.pop() if found else None


def at(rows: Rows, axis: int) -> Rows:
    """The same rows along another axis."""
    return Rows(axis, rows.count, rows.inner)
