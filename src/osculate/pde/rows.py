"""Batches of independent rows: the function of one row, if the program says that it is the same for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from osculate._arguments import Point, point
from osculate._dependence import ELEMENTWISE
from osculate._rows import Rows, row_axes, rows_stand_alone
from osculate._trace import (
    Call,
    Cond,
    CustomJVP,
    CustomVJP,
    LinearSolve,
    Literal,
    Node,
    Scan,
    Trace,
    Variable,
    While,
    is_traced,
    pushforward,
)


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
    same = _same(here.trace, alone.trace, here.trace.inputs[0].shape[0], [True])
    return alone if same else None


def _same(many: Trace, one: Trace, count: int, moving: Sequence[bool], rules: bool = True) -> bool:
    """Whether two programs differ in their number of rows alone, and treat every row alike.

    ``moving`` says which inputs depend on the rows. What does not depend on them must be the same for every row: a
    count of the rows, or random numbers, one for each, look alike in both programs and are not.
    """
    names: dict[Variable, Variable] = {}
    moved = {v for v, moves in zip(many.inputs, moving, strict=True) if moves}

    def pair(a: Variable, b: Variable) -> bool:
        if isinstance(a, Literal) or isinstance(b, Literal):
            return isinstance(a, Literal) and isinstance(b, Literal) and _same_value(a.value, b.value)
        return names.setdefault(a, b) is b and a.dtype == b.dtype and _same_shape(a.shape, b.shape, count)

    def pairs(left: Sequence[Variable], right: Sequence[Variable]) -> bool:
        return len(left) == len(right) and all(map(pair, left, right))

    def step(a: Node, b: Node) -> bool:
        moves = [v in moved for v in a.inputs]
        if any(moves):
            moved.update(a.outputs)
        elif not _uniform(a, b):
            return False
        return _same_node(a, b, count, moves, rules) and pairs(a.inputs, b.inputs) and pairs(a.outputs, b.outputs)

    constants = len(many.constants) == len(one.constants) and all(
        pair(a, b) and _same_value(x, y) for (a, x), (b, y) in zip(many.constants, one.constants, strict=False)
    )
    return (
        constants
        and pairs(many.inputs, one.inputs)
        and len(many.nodes) == len(one.nodes)
        and all(map(step, many.nodes, one.nodes))
        and pairs(many.outputs, one.outputs)
    )


def _same_shape(a: Sequence[int], b: Sequence[int], count: int) -> bool:
    """Whether shapes differ in the number of rows along one axis at most: along two, rows would meet rows."""
    unlike = [(x, y) for x, y in zip(a, b, strict=False) if x != y]
    return len(a) == len(b) and len(unlike) <= 1 and all(x == y * count for x, y in unlike)


def _uniform(a: Node, b: Node) -> bool:
    """Whether a step that does not depend on the rows gives the same for each of them."""
    unlike = [v for v, w in zip((*a.inputs, *a.outputs), (*b.inputs, *b.outputs), strict=False) if v.shape != w.shape]
    if not unlike:
        return not any(_lengths(a, b))
    if a.name == "iota":
        axis = int(a.params["dimension"])
        return a.outputs[0].shape[axis] == b.outputs[0].shape[axis]
    return isinstance(a, Call) or a.name in ELEMENTWISE or a.name in ("broadcast_in_dim", "reshape", "squeeze")


def _lengths(a: Node, b: Node) -> Iterator[str]:
    """Parameters that are lengths and differ."""
    return (name for name in _LENGTHS if name in a.params and a.params[name] != b.params.get(name))


def _same_node(a: Node, b: Node, count: int, moves: Sequence[bool], rules: bool) -> bool:
    if a.name != b.name or a.params.keys() != b.params.keys() or len(a.bodies) != len(b.bodies):
        return False
    if isinstance(a, Scan) and isinstance(b, Scan) and a.length != b.length and a.carries:  # a step knows its number
        return False
    custom = isinstance(a, (CustomJVP, CustomVJP))
    if custom and rules and not _same_rule(a, b, count, moves):
        return False
    settings = [k for k in a.params if not custom or isinstance(a.params[k], (bool, int, str, tuple))]
    return all(_same_setting(a.params[k], b.params[k], count, k) for k in settings) and all(
        _same(x, y, count, inside, rules) for x, y, inside in zip(a.bodies, b.bodies, _entering(a, moves), strict=True)
    )


def _entering(node: Node, moves: Sequence[bool]) -> list[Sequence[bool]]:
    """For each body of a node, which of its inputs depend on the rows."""
    if isinstance(node, Cond):
        return [moves[1:]] * len(node.branches)
    if isinstance(node, While):
        carry = moves[node.predicate_constants + node.body_constants :]
        return [[*moves[: node.predicate_constants], *carry], moves[node.predicate_constants :]]
    if isinstance(node, LinearSolve):
        return [[any(moves)] * len(body.inputs) for body in node.bodies]
    return [moves] * len(node.bodies)


def _same_rule(a: Node, b: Node, count: int, moves: Sequence[bool]) -> bool:
    """Whether two custom derivative rules are the same program; those that they call count by their values."""
    active = [i for i, v in enumerate(a.inputs) if v.inexact]
    try:
        many, one = pushforward(a, active), pushforward(b, active)
    except Exception:  # a rule that cannot be read may be any
        return False
    return _same(many, one, count, [*moves, *(moves[i] for i in active)], rules=False)


_LENGTHS = frozenset(
    {"shape", "new_sizes", "limit_indices", "slice_sizes", "sizes", "length", "lhs_shape", "rhs_shape"}
)
"""Parameters that are lengths of arrays or loops: a number of rows among any others is another function."""


def _same_setting(a: Any, b: Any, count: int, name: str) -> bool:
    if isinstance(a, (tuple, list)):
        return (
            isinstance(b, (tuple, list))
            and len(a) == len(b)
            and all(_same_setting(x, y, count, name) for x, y in zip(a, b, strict=True))
        )
    if isinstance(a, (int, np.integer)) and not isinstance(a, bool):
        return a == b or (a == b * count and name in _LENGTHS)
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
