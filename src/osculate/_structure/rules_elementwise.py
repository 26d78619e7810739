"""Fused elementwise regions: D and D² by nested ``jax.jvp`` on ones, so that custom rules are honoured."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp

from osculate._trace import Literal, Node, Variable

from .arrays import Array
from .factors import read
from .labels import POINT, Axes, fresh
from .stages import Stage
from .sweep import ELEMENTWISE, Local, Sweep, node_flops
from .term import End, Term, moved, new_term

_SUMS = frozenset({"add", "sub", "add_any", "neg", "copy", "convert_element_type", "reduce_precision"})
_PIECEWISE = frozenset({"max", "min", "abs", "select_n", "clamp"})

Pair = frozenset[Variable]
Slopes = dict[Variable, float | None]


def curved_pairs(stage: Stage) -> tuple[set[Pair], Slopes]:
    """Which pairs of inputs have a mixed second derivative, and the slope where it is a number known beforehand."""
    slopes: dict[Variable, Slopes] = {v: {v: 1.0} for v in stage.moving}
    pairs: dict[Variable, set[Pair]] = {v: set() for v in stage.moving}
    for node in stage.nodes:
        operands = [v for v in node.inputs if v in slopes]
        mixed = {pair for v in operands for pair in pairs[v]}
        over = {u for v in operands for u in slopes[v]}
        if node.name in _SUMS:
            found = _summed(node, slopes)
        elif node.name in ("mul", "div") and len(operands) == 1 and (factor := _factor(node, operands[0])) is not None:
            found = {u: None if s is None else s * factor for u, s in slopes[operands[0]].items()}
        else:
            found: Slopes = dict.fromkeys(over, None)
            mixed |= _mixed(node, operands, slopes, over)
        slopes[node.outputs[0]], pairs[node.outputs[0]] = found, mixed
    last = stage.node.outputs[0]
    return pairs[last], slopes[last]


def _summed(node: Node, slopes: dict[Variable, Slopes]) -> Slopes:
    total: Slopes = {}
    for k, variable in enumerate(node.inputs):
        sign = -1.0 if node.name == "neg" or (node.name == "sub" and k == 1) else 1.0
        for u, slope in slopes.get(variable, {}).items():
            before = total.get(u, 0.0)
            total[u] = None if slope is None or before is None else before + sign * slope
    return total


def _factor(node: Node, operand: Variable) -> float | None:
    """The number by which a product or quotient with a literal multiplies its other operand."""
    first, second = node.inputs
    if first is operand and isinstance(second, Literal):
        return float(second.value) if node.name == "mul" else 1.0 / float(second.value) if second.value else None
    if second is operand and isinstance(first, Literal) and node.name == "mul":
        return float(first.value)
    return None


def _mixed(node: Node, operands: list[Variable], slopes: dict[Variable, Slopes], over: set[Variable]) -> set[Pair]:
    if node.name in _PIECEWISE:
        return set()
    if node.name == "mul":
        if len(operands) < 2:
            return set()
        return {frozenset((p, q)) for p in slopes[operands[0]] for q in slopes[operands[1]]}
    if node.name == "div":  # linear in what is divided
        below = slopes.get(node.inputs[1], {})
        return {frozenset((p, q)) for p in over for q in below}
    return {frozenset((p, q)) for p in over for q in over}


def fitted(axes: Axes, variable: Variable) -> Axes:
    """The axes of a region's result as those of an input: where it has length one, its entry is repeated."""
    return tuple(axis if length != 1 else POINT for axis, length in zip(axes, variable.shape, strict=False))


def elementwise(sweep: Sweep, stage: Stage) -> Local:
    """A region moves an end with the factor D, and couples inputs with the factor adjoint × D²."""
    derivatives = Derivatives(sweep, stage)
    pairs, slopes = curved_pairs(stage)
    places = tuple(v for v in stage.moving if v in slopes)
    shape = stage.results[0].shape

    def pull(term: Term, side: int, result: int, place: int) -> Term | None:
        variable = places[place]
        axes, slope = term.ends[side].axes, slopes[variable]
        if slope == 0.0:
            return None
        if slope is not None:
            return moved(term, side, variable, fitted(axes, variable), scale=slope)
        return moved(term, side, variable, fitted(axes, variable), [read(derivatives.first(variable), axes)])

    def couple() -> Iterable[Term]:
        weight = sweep.adjoints[stage.results[0]]
        for i, u in enumerate(places):
            for v in places[i:]:
                if frozenset((u, v)) in pairs:
                    axes = fresh(shape)
                    second = derivatives.second(u, v)
                    weighted = Array(shape, (weight, second), jnp.multiply, second.size)
                    ends = End(u, fitted(axes, u)), End(v, fitted(axes, v))
                    term = new_term([read(weighted, axes)], *ends, symmetric=u is v)
                    yield replace(term, labels=frozenset(label for axis in axes for label in axis.labels))

    def push(weights: Any) -> list[Array | None]:
        (weight,) = weights
        return [_pushed(weight, v, slopes.get(v, 0.0), derivatives) for v in stage.moving]

    return Local(places, pull, couple, push)


def _pushed(weight: Array, variable: Variable, slope: float | None, derivatives: Derivatives) -> Array | None:
    if slope == 0.0:
        return None
    if slope is None:
        first = derivatives.first(variable)
        pushed = Array(weight.shape, (weight, first), jnp.multiply, weight.size)
    elif slope == 1.0:
        pushed = weight
    else:
        pushed = Array(weight.shape, (weight,), lambda value: value * slope, weight.size)
    if variable.shape == weight.shape:
        return pushed
    repeated = tuple(d for d, length in enumerate(weight.shape) if not variable.shape or variable.shape[d] != length)
    return Array(
        variable.shape, (pushed,), lambda value: jnp.sum(value, repeated, keepdims=variable.shape != ()), weight.size
    )


class Derivatives:
    """First and second derivatives of a region's result, entry by entry; each is one array, made when asked for."""

    def __init__(self, sweep: Sweep, stage: Stage) -> None:
        """The region is differentiated at the values of all of its inputs."""
        self._stage = stage
        self._values = tuple(map(sweep.value, stage.inputs))
        self._made: dict[tuple[Variable, ...], Array] = {}
        self._work = sum(map(node_flops, stage.nodes))

    def first(self, variable: Variable) -> Array:
        """∂result/∂variable."""
        return self._array((variable,))

    def second(self, one: Variable, two: Variable) -> Array:
        """∂²result/∂one ∂two."""
        return self._array((one, two))

    def _array(self, variables: tuple[Variable, ...]) -> Array:
        if variables not in self._made:
            shape = self._stage.results[0].shape

            def compute(*values: Any) -> Any:
                return jnp.broadcast_to(self._compute(variables, values), shape)

            self._made[variables] = Array(shape, self._values, compute, self._work * (1 + 2 * len(variables)))
        return self._made[variables]

    def _compute(self, variables: tuple[Variable, ...], values: tuple[Any, ...]) -> Any:
        stage = self._stage
        function = stage.of_moving(values)
        point = [values[stage.inputs.index(v)] for v in stage.moving]
        along = _reverse if stage.reverse_only else _forward
        derivative = _only(function)
        for variable in variables:
            derivative = along(derivative, stage.moving.index(variable))
        return derivative(*point)


def _only(function: Any) -> Any:
    return lambda *moving: function(*moving)[0]


def _forward(function: Any, index: int) -> Any:
    """The derivative along ones in one argument: of an elementwise function, its own derivative entry by entry."""

    def derivative(*moving: Any) -> Any:
        def along(value: Any) -> Any:
            return function(*moving[:index], value, *moving[index + 1 :])

        return jax.jvp(along, (moving[index],), (jnp.ones_like(moving[index]),))[1]

    return derivative


def _reverse(function: Any, index: int) -> Any:
    """The same by the pullback of ones, for custom backward rules."""

    def derivative(*moving: Any) -> Any:
        def along(value: Any) -> Any:
            return function(*moving[:index], value, *moving[index + 1 :])

        result, back = jax.vjp(along, moving[index])
        return back(jnp.ones_like(result))[0]

    return derivative


ELEMENTWISE.append(elementwise)
