"""A program without calls: bodies written in place, short loops unrolled, convolutions as products of patches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import jax.numpy as jnp
from jax import lax

from osculate._dependence import dependence
from osculate._trace import (
    Call,
    Cond,
    CustomJVP,
    CustomVJP,
    Literal,
    Node,
    Scan,
    Trace,
    Variable,
    program,
)

from .known import Known
from .patches import patches_of

UNROLLED = 600
"""Nodes that a loop may have when it is written out."""

STANDING = frozenset({"stop_gradient", "sign", "floor", "ceil", "round", "argmax", "argmin", "nextafter"})
"""Primitives whose result has derivative zero wherever it has one."""

_THROUGH = frozenset({"jax._softmax"})
"""Functions of JAX's own with a rule that is the derivative of their body, which mixes entries."""


@dataclass
class Flat:
    """The nodes that the outputs need, in order; ``active`` are the variables that move with the inputs.

    ``output`` is the first of ``outputs``.
    """

    inputs: tuple[Variable, ...]
    constants: dict[Variable, Any]
    nodes: list[Node] = field(default_factory=list)
    output: Variable | None = None
    outputs: tuple[Variable, ...] = ()
    active: set[Variable] = field(default_factory=set)
    known: Known = field(default_factory=lambda: Known({}))
    decided_by: list[Variable] = field(default_factory=list[Variable])

    def moves(self, variable: Variable) -> bool:
        """Whether the variable depends on the inputs."""
        return variable in self.active


def flattened(trace: Trace, given: Mapping[Variable, Any] | None = None, outputs: int = 1) -> Flat:
    """The program of a trace's first outputs; ``given`` are values of constants that are tracers there."""
    constants = dict(trace.constants)
    flat = Flat(trace.inputs, dict(constants), active={v for v in trace.inputs if v.inexact})
    flat.known = Known(constants | dict(given or {}))
    flat.outputs = tuple(_walk(flat, trace, trace.inputs)[:outputs])
    flat.output = next(iter(flat.outputs), None)
    wanted = set(flat.outputs)
    kept: list[Node] = []
    for node in reversed(flat.nodes):
        if wanted.intersection(node.outputs):
            kept.append(node)
            wanted.update(node.inputs)
    flat.nodes = kept[::-1]
    return flat


def _walk(flat: Flat, body: Trace, inputs: Sequence[Variable], call: Node | None = None) -> list[Variable]:
    """Write a body's nodes into ``flat`` at these inputs; what its outputs are there.

    A node of a program that stands for another node, ``call``, has its place.
    """
    here: dict[Variable, Variable] = dict(zip(body.inputs, inputs, strict=True))
    for variable, value in body.constants:
        here[variable] = variable
        if variable not in flat.constants:
            flat.constants[variable] = value
            flat.known.give(variable, value)

    def read(variable: Variable) -> Variable:
        return variable if isinstance(variable, Literal) else here[variable]

    for node in body.nodes:
        if call is not None and node.where is None:
            node = replace(node, tracebacks=call.tracebacks)
        results = _placed(flat, node, [read(v) for v in node.inputs])
        here.update(zip(node.outputs, results, strict=True))
    return [read(v) for v in body.outputs]


def _placed(flat: Flat, node: Node, inputs: list[Variable]) -> Sequence[Variable]:
    """Write one node at these inputs, or the program that it stands for."""
    if isinstance(node, Call):
        return _walk(flat, node.body, inputs)
    moving = any(map(flat.moves, inputs))
    if isinstance(node, CustomJVP) and node.function in _THROUGH:
        return _walk(flat, node.body, inputs, node)
    if isinstance(node, Cond) and (index := flat.known.value(inputs[0])) is not None:
        flat.decided_by.append(inputs[0])
        branch = min(max(int(index), 0), len(node.branches) - 1)
        return _walk(flat, node.branches[branch], inputs[1:], node)
    if isinstance(node, Scan) and moving and node.length * _length(node.body) <= UNROLLED:
        return _unrolled(flat, node, inputs)
    if node.name == "conv_general_dilated" and moving and (rewritten := patches_of(node)) is not None:
        return _walk(flat, program(rewritten, *inputs), inputs, node)
    if node.name == "reshape" and node.params.get("dimensions") is not None:
        turned = _turned(tuple(node.params["dimensions"]), node.outputs[0].shape)
        return _walk(flat, program(turned, *inputs), inputs, node)
    outputs = tuple(Variable(v.shape, v.dtype, v.weak) for v in node.outputs)
    placed = replace(node, inputs=tuple(inputs), outputs=outputs)
    flat.nodes.append(placed)
    if not moving:
        flat.known.record(placed)
    elif node.name not in STANDING:
        flat.active.update(v for v in outputs if v.inexact)
    return outputs


def _length(body: Trace) -> int:
    return sum(1 + sum(map(_length, node.bodies)) for node in body.nodes)


def _unrolled(flat: Flat, node: Scan, inputs: Sequence[Variable]) -> list[Variable]:
    """The steps of a scan one after the other; rows of what is scanned are split off, rows of results stacked."""
    still, carry = list(inputs[: node.constants]), list(inputs[node.constants : node.constants + node.carries])
    scanned = [_walk(flat, program(_rows(node.length), v), [v]) for v in inputs[node.constants + node.carries :]]
    made: list[list[Variable]] = []
    steps = range(node.length)
    for k in reversed(steps) if node.reverse else steps:
        results = _walk(flat, node.body, [*still, *carry, *(rows[k] for rows in scanned)])
        carry, rows = results[: node.carries], results[node.carries :]
        made.append(rows)
    if node.reverse:
        made.reverse()
    if node.length == 0:
        return [
            *carry,
            *(_walk(flat, program(_empty(v.shape, str(v.dtype))), [])[0] for v in node.outputs[len(carry) :]),
        ]
    columns = [list(column) for column in zip(*made, strict=True)]
    return [*carry, *(_walk(flat, program(_stacked, *column), column)[0] for column in columns)]


@cache
def _rows(length: int) -> Any:
    def rows(array: Any) -> list[Any]:
        return [lax.squeeze(part, [0]) for part in lax.split(array, [1] * length)]

    return rows


@cache
def _turned(order: tuple[int, ...], shape: tuple[int, ...]) -> Any:
    """A reshape that reads the axes in another order."""
    return lambda array: lax.reshape(lax.transpose(array, order), shape)


@cache
def _empty(shape: tuple[int, ...], dtype: str) -> Any:
    return lambda: jnp.zeros(shape, dtype)


def _stacked(*rows: Any) -> Any:
    return lax.concatenate([lax.expand_dims(row, [0]) for row in rows], 0)


def entrywise(node: Node, names: frozenset[str]) -> bool:
    """Whether each entry of the one result depends on the same entry of the inputs, or on scalars, alone."""
    if len(node.outputs) != 1 or not node.outputs[0].inexact:
        return False
    shape = node.outputs[0].shape
    if not all(repeats(v.shape, shape) for v in node.inputs):
        return False
    if isinstance(node, (CustomJVP, CustomVJP)):
        if isinstance(node, CustomVJP) and any(v.shape != shape for v in node.inputs):
            return False
        alone = Trace(node.inputs, (), (node,), node.outputs, node.evaluate)
        links = dependence(alone)[0]
        return all(link.elementwise or node.inputs[i].shape == () for i, link in links.items())
    return node.name in names


def repeats(narrow: tuple[int, ...], wide: tuple[int, ...]) -> bool:
    """Whether an operand of the first shape serves as one of the second: a scalar, or length one where they differ."""
    if narrow == ():
        return True
    return len(narrow) == len(wide) and all(a in (1, b) for a, b in zip(narrow, wide, strict=True))
