"""Which axis of each array carries the rows of a batch, read off the trace; or the step that mixes the rows.

Of a function of points X of shape (B, n), row i of the result must depend on row i of X alone: then one jet along a
direction that all rows share differentiates every row at once. What counts is dependence that a derivative can see: an
integer or a boolean has none, so decisions (a sort, a branch, the end of a loop) may look at all rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextvars import ContextVar

from osculate._arguments import Point
from osculate._dependence import ELEMENTWISE, dependence
from osculate._errors import WrongInput
from osculate._interpret import forward
from osculate._trace import (
    Call,
    Cond,
    CustomJVP,
    CustomVJP,
    LinearSolve,
    Node,
    Scan,
    Trace,
    While,
    function_location,
    pushforward,
)

from .rows import RULES, Carried, Mixed, Rows, agreed, at
from .rules import elementwise

_within_rule: ContextVar[bool] = ContextVar("within_rule", default=False)
_of_values: ContextVar[bool] = ContextVar("of_values", default=False)


def row_axes(trace: Trace, axes: Mapping[int, int]) -> list[Carried]:
    """What each output of a trace carries, where input i has its rows along ``axes[i]``.

    Examples
    --------
    >>> import numpy as np
    >>> from osculate._trace import trace
    >>> X = np.ones((4, 2), "float32")
    >>> program, _ = trace(lambda X: (X.sum(1), X - X.mean(0)), X, asked="doctest")
    >>> row_axes(program, {0: 0})[0]
    Rows(axis=0, count=4, inner=1)
    >>> row_axes(program, {0: 0})[1].reason
    'it sums over the rows'
    """
    start = [Rows(axes[i], v.shape[axes[i]]) if i in axes else None for i, v in enumerate(trace.inputs)]
    return _through(trace, start)


def rows_stand_alone(trace: Trace, axes: Mapping[int, int], outputs: int) -> bool:
    """Whether each of the first outputs has its rows along axis 0, and their values, too, need no other row.

    Stricter than ``row_axes``: a decision or an index that looks at all rows is refused, since a function of fewer
    rows would decide otherwise.
    """
    token = _of_values.set(True)
    try:
        carried = row_axes(trace, axes)[:outputs]
    except AssertionError:  # a rule met rows where only values, not derivatives, carry them
        return False
    finally:
        _of_values.reset(token)
    return all(
        isinstance(c, Rows) and c.axis == 0 and c.inner == 1 and v.shape[0] == c.count
        for c, v in zip(carried, trace.outputs, strict=False)
    )


def require_rows(here: Point, axes: Mapping[int, int]) -> list[int | None]:
    """Row axis of each output of a function (None: it does not depend on the rows), where its inputs have ``axes``.

    Raises
    ------
    WrongInput
        Where rows are mixed; it names the step and the user's line.
    """
    results: list[int | None] = []
    for variable, carried in zip(here.outputs, row_axes(here.trace, axes), strict=False):
        if isinstance(carried, Mixed):
            name, reason, where = carried.node.name, carried.reason, carried.where
        elif carried is None or (carried.inner == 1 and variable.shape[carried.axis] == carried.count):
            results.append(None if carried is None else carried.axis)
            continue
        else:
            name, where = here.trace.nodes[-1].name, here.trace.nodes[-1].where
            reason = f"the result has no axis for the rows: {variable}"
        raise WrongInput(
            here.asked,
            f"the point holds several rows, which must not influence one another, but `{name}` mixes them: {reason}",
            where=where or function_location(here.function),
            remedy=f"write f for one point and let JAX map it over the rows: jax.vmap({here.asked}(f, …))(X)",
        )
    return results


def _through(trace: Trace, inputs: Sequence[Carried]) -> list[Carried]:
    return forward(trace, list(inputs), _step, lambda variable, value: None)


def _step(node: Node, inputs: Sequence[Carried]) -> Sequence[Carried]:
    if not any(inputs):
        return [None] * len(node.outputs)
    return [
        _placed(node, r) if v.inexact or _of_values.get() else None
        for v, r in zip(node.outputs, _outputs(node, inputs), strict=True)
    ]


def _placed(node: Node, carried: Carried) -> Carried:
    """The user's line: the innermost that is theirs, since a step inside a library's own function has none."""
    if isinstance(carried, Mixed) and carried.where is None:
        return Mixed(carried.node, carried.reason, node.where)
    return carried


def _outputs(node: Node, inputs: Sequence[Carried]) -> Sequence[Carried]:
    if _of_values.get() and _decides(node, inputs):
        return [Mixed(node, "it decides for all rows by their values")] * len(node.outputs)
    if isinstance(node, Call):
        return _through(node.body, inputs)
    if isinstance(node, (CustomJVP, CustomVJP)):
        return _custom(node, inputs)
    if isinstance(node, Scan):
        return _scan(node, inputs)
    if isinstance(node, While):
        moving = inputs[node.predicate_constants + node.body_constants :]
        still = inputs[node.predicate_constants : len(inputs) - len(moving)]
        return _settled(node, node.body, still, moving, [])[0]
    if isinstance(node, Cond):
        branches = [_through(branch, inputs[1:]) for branch in node.branches]
        return [_joined(node, column) for column in zip(*branches, strict=True)]
    if isinstance(node, LinearSolve):
        return _linear_solve(node, inputs)
    if node.name == "stop_gradient" and not _of_values.get():
        return [None] * len(node.outputs)
    seen: list[Rows | None] = []
    for carried in inputs:
        if isinstance(carried, Mixed):
            return [carried] * len(node.outputs)
        seen.append(carried)
    result = _by_rule(node, seen)
    return [Mixed(node, result) if isinstance(result, str) else result] * len(node.outputs)


def _decides(node: Node, inputs: Sequence[Carried]) -> bool:
    """Whether an index, a branch or the end of a loop is made of values that carry rows."""
    if isinstance(node, Cond):
        return inputs[0] is not None
    if isinstance(node, While):
        before, after = node.predicate_constants, node.predicate_constants + node.body_constants
        return any(c is not None for c in _through(node.predicate, [*inputs[:before], *inputs[after:]]))
    if node.name == "gather" and isinstance(inputs[0], Rows) and isinstance(inputs[1], Rows):
        numbers = node.params["dimension_numbers"]
        pairs = zip(numbers.operand_batching_dims, numbers.start_indices_batching_dims, strict=True)
        return (inputs[0].axis, inputs[1].axis) not in list(pairs)  # indices of each row, into that row
    if node.name in ("gather", "dynamic_slice", "dynamic_update_slice") or node.name.startswith("scatter"):
        return any(c is not None and not v.inexact for c, v in zip(inputs, node.inputs, strict=True))
    return False


def _by_rule(node: Node, inputs: Sequence[Rows | None]) -> Rows | str | None:
    if (rule := RULES.get(node.name)) is not None:
        return rule(node, inputs)
    if node.name in ELEMENTWISE:
        return elementwise(node, inputs)
    return "it has no rule that says what it does to rows"


def _joined(node: Node, parts: Sequence[Carried]) -> Carried:
    """What an array carries that is one of several."""
    seen: list[Rows | None] = []
    for carried in parts:
        if isinstance(carried, Mixed):
            return carried
        seen.append(carried)
    result = agreed(seen)
    return Mixed(node, result) if isinstance(result, str) else result


def _custom(node: CustomJVP | CustomVJP, inputs: Sequence[Carried]) -> Sequence[Carried]:
    """By the value and by the user's own rule, which may mix what the value does not."""
    values = _through(node.body, inputs)
    active = [i for i, v in enumerate(node.inputs) if v.inexact]
    if _within_rule.get() or not active:  # a rule needs the values of what it calls (often the same), not their rules
        return values
    token = _within_rule.set(True)
    try:
        tangents = iter(_through(pushforward(node, active), [*inputs, *(inputs[i] for i in active)]))
    except Exception:  # a rule that cannot be read may do anything
        return [Mixed(node, "its own derivative rule cannot be read")] * len(values)
    finally:
        _within_rule.reset(token)
    return [
        _joined(node, [value, next(tangents)]) if variable.inexact else None
        for variable, value in zip(node.outputs, values, strict=True)
    ]


def _scan(node: Scan, inputs: Sequence[Carried]) -> Sequence[Carried]:
    still, carry = inputs[: node.constants], inputs[node.constants : node.constants + node.carries]
    scanned = inputs[node.constants + node.carries :]
    if any(isinstance(s, Rows) and s.axis == 0 for s in scanned):
        return _scan_over_rows(node, [*still, *carry], scanned)
    inside = [at(s, s.axis - 1) if isinstance(s, Rows) else s for s in scanned]
    carry, rows = _settled(node, node.body, still, carry, inside)
    return [*carry, *(at(r, r.axis + 1) if isinstance(r, Rows) else r for r in rows)]


def _scan_over_rows(node: Scan, others: Sequence[Carried], scanned: Sequence[Carried]) -> Sequence[Carried]:
    """One row a step, as in ``lax.map``: right if no step hands anything of its row to the next."""
    found = next(s for s in scanned if isinstance(s, Rows))
    alike = all(s is None or s == found for s in scanned) and found.inner == 1 and found.count == node.length
    links = dependence(node.body)
    moving = {len(others) + i for i, s in enumerate(scanned) if s is not None}
    reached = [bool(moving & set(d)) and v.inexact for d, v in zip(links, node.body.outputs, strict=True)]
    if any(others) or not alike or any(reached[: node.carries]):
        return [Mixed(node, "it runs over the rows and carries something from one to the next")] * len(node.outputs)
    return [found if reaches else None for reaches in reached]


def _settled(
    node: Node, body: Trace, still: Sequence[Carried], carry: Sequence[Carried], scanned: Sequence[Carried]
) -> tuple[list[Carried], list[Carried]]:
    """What the carry of a loop carries: a fixed point, since each step can only add to it."""
    now = list(carry)
    while True:
        outputs = _through(body, [*still, *now, *scanned])
        grown = [_joined(node, pair) for pair in zip(now, outputs, strict=False)]
        if [isinstance(g, Mixed) or g for g in grown] == [isinstance(c, Mixed) or c for c in now]:
            return now, outputs[len(now) :]
        now = grown


def _linear_solve(node: LinearSolve, inputs: Sequence[Carried]) -> Sequence[Carried]:
    right = inputs[node.right_sides]
    solution = _through(node.solve, [*inputs[node.solve_constants], *right])
    image = _through(node.matvec, [*inputs[: node.matvec_constants], *solution])  # its derivative is solved for, too
    return [_joined(node, parts) for parts in zip(solution, image, strict=True)]
