"""Hessians that are not symmetric: some custom rule is the derivative of no function, and a pair of entries shows it.

By Clairaut's theorem no twice differentiable function has such a Hessian; an algorithmic derivative of its own rules
can only be wrong in this way where the user gave a rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from osculate._arguments import Point
from osculate._errors import warn
from osculate._structure import asymmetric_rules
from osculate._trace import CustomJVP, CustomVJP, Node, Trace, at_top_level, is_traced

from .structured import joined


def worst_pair(matrix: Any) -> tuple[int, int] | None:
    """The entry that differs most from its mirror image; None where rounding may explain the difference."""
    matrix = np.asarray(matrix)
    if matrix.size == 0 or not np.isfinite(matrix).all():
        return None
    apart = np.abs(matrix - matrix.T)
    worst = int(apart.argmax())
    if apart.reshape(-1)[worst] <= float(np.finfo(matrix.dtype).eps) ** 0.5 * np.abs(matrix).max():
        return None
    row, column = divmod(worst, len(matrix))
    return row, column


def in_words(matrix: Any, pair: tuple[int, int]) -> str:
    """The two entries, for a message."""
    i, j = pair
    return f"entry ({i}, {j}) is {matrix[i, j]:.6g} and entry ({j}, {i}) is {matrix[j, i]:.6g}"


def warn_of_asymmetry(point: Point, second: Any, output: str) -> None:
    """Say that a computed Hessian is not symmetric; only programs with rules of the user's own are looked at."""
    if not at_top_level() or is_traced(second) or not any(map(_has_rule, point.trace.nodes)):
        return
    matrix = np.asarray(joined(second, point) if output == "tree" else second)
    if (pair := worst_pair(matrix)) is None:
        return
    blamed = asymmetric_rules(point.trace, jax.tree.leaves(point.primals), {})
    name = f": the custom rule of `{blamed[0].primitive}` is the derivative of no function" if blamed else ""
    warn(
        point.asked,
        f"the Hessian is not symmetric, {in_words(matrix, pair)}{name}",
        where=blamed[0].where if blamed else None,
        remedy="correct that rule: its tangent must be the derivative of the value in every argument",
    )


def _has_rule(node: Node) -> bool:
    if isinstance(node, CustomVJP) or (isinstance(node, CustomJVP) and not node.function.startswith("jax.")):
        return True
    bodies: Sequence[Trace] = node.bodies
    return any(_has_rule(inner) for body in bodies for inner in body.nodes)
