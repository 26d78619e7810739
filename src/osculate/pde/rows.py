"""Batches of independent rows: the function of one row, if the program says that it is the same for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from osculate._arguments import Point, point
from osculate._rows import Rows, row_axes, rows_stand_alone
from osculate._trace import CustomJVP, CustomVJP, Literal, Node, Trace, Variable, is_traced, pushforward


def rows_of(here: Point) -> int | None:
    """How many rows the point has, if each row of every output is made of the same row of the one input alone."""
    inputs, outputs = here.trace.inputs, here.outputs
    if len(inputs) != 1 or not isinstance(here.argnums, int) or not inputs[0].shape or not outputs:
        return None
    count = inputs[0].shape[0]
    if any(v.shape[:1] != (count,) for v in outputs):
        return None
    carried = row_axes(here.trace, {0: 0})[: len(outputs)]
    return count if all(isinstance(c, Rows) and c.axis == 0 and c.inner == 1 for c in carried) else None


def one_row(here: Point, f: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Point | None:
    """``f`` at the first row alone, if its program there is the one for all rows: same steps, same constants.

    A function may use the number of its rows, or data that has as many; then there is no function of one row.
    """
    assert isinstance(here.argnums, int)
    if not rows_stand_alone(here.trace, {0: 0}, len(here.outputs)):
        return None
    place = here.argnums % len(args)
    first = [*args[:place], here.primals[0][:1], *args[place + 1 :]]
    try:
        alone = point(here.asked, f, tuple(first), dict(kwargs), argnums=here.argnums, has_aux=here.has_aux)
    except Exception:  # whatever the function does not like about one row
        return None
    if jax.tree.structure(alone.output) != jax.tree.structure(here.output):
        return None
    if not rows_stand_alone(alone.trace, {0: 0}, len(alone.outputs)):  # one row meets data for many
        return None
    return alone if _same(here.trace, alone.trace, here.trace.inputs[0].shape[0]) else None


def _same(many: Trace, one: Trace, count: int, rules: bool = True) -> bool:
    """Whether two programs differ in their number of rows alone."""
    names: dict[Variable, Variable] = {}

    def pair(a: Variable, b: Variable) -> bool:
        if isinstance(a, Literal) or isinstance(b, Literal):
            return isinstance(a, Literal) and isinstance(b, Literal) and _same_value(a.value, b.value)
        return names.setdefault(a, b) is b and a.dtype == b.dtype and _same_setting(a.shape, b.shape, count)

    def pairs(left: Sequence[Variable], right: Sequence[Variable]) -> bool:
        return len(left) == len(right) and all(map(pair, left, right))

    constants = len(many.constants) == len(one.constants) and all(
        pair(a, b) and _same_value(x, y) for (a, x), (b, y) in zip(many.constants, one.constants, strict=False)
    )
    return (
        constants
        and pairs(many.inputs, one.inputs)
        and len(many.nodes) == len(one.nodes)
        and all(
            _same_node(a, b, count, rules) and pairs(a.inputs, b.inputs) and pairs(a.outputs, b.outputs)
            for a, b in zip(many.nodes, one.nodes, strict=True)
        )
        and pairs(many.outputs, one.outputs)
    )


def _same_node(a: Node, b: Node, count: int, rules: bool) -> bool:
    if a.name != b.name or a.params.keys() != b.params.keys() or len(a.bodies) != len(b.bodies):
        return False
    custom = isinstance(a, (CustomJVP, CustomVJP))
    if custom and rules and not _same_rule(a, b, count):
        return False
    settings = [k for k in a.params if not custom or isinstance(a.params[k], (bool, int, str, tuple))]
    return all(_same_setting(a.params[k], b.params[k], count, k) for k in settings) and all(
        _same(x, y, count, rules) for x, y in zip(a.bodies, b.bodies, strict=True)
    )


def _same_rule(a: Node, b: Node, count: int) -> bool:
    """Whether two custom derivative rules are the same program; those that they call count by their values."""
    active = [i for i, v in enumerate(a.inputs) if v.inexact]
    try:
        many, one = pushforward(a, active), pushforward(b, active)
    except Exception:  # a rule that cannot be read may be any
        return False
    return _same(many, one, count, rules=False)


_NUMBERS = frozenset({"y", "axis", "axes", "dimension", "index", "num_consts", "num_carry", "value"})
"""Parameters that are no lengths: a number of rows among them is another function."""


def _same_setting(a: Any, b: Any, count: int, name: str = "shape") -> bool:
    if isinstance(a, (tuple, list)):
        return (
            isinstance(b, (tuple, list))
            and len(a) == len(b)
            and all(_same_setting(x, y, count, name) for x, y in zip(a, b, strict=True))
        )
    if isinstance(a, (int, np.integer)) and not isinstance(a, bool):
        return a == b or (a == count and b == 1 and name not in _NUMBERS)
    if callable(a) or hasattr(a, "eqns") or hasattr(a, "jaxpr"):
        return True  # programs are compared as bodies
    try:
        return bool(a == b)
    except Exception:  # a parameter that cannot be compared
        return str(a) == str(b)


def _same_value(a: Any, b: Any) -> bool:
    if a is b:
        return True
    if is_traced(a, b):
        return False
    x, y = np.asarray(a), np.asarray(b)
    return x.shape == y.shape and x.dtype == y.dtype and x.tobytes() == y.tobytes()
