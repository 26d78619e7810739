"""How much work a program is, counted from its shapes: operations, bytes, and the time that an ordinary core needs.

Nothing is compiled: a plan is chosen among several by this count, and the ratio of two counts is all that matters.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp

from osculate._trace import Cond, Node, Scan, Trace, Variable, While

# Nanoseconds on one core: an operation of a matrix product, of an elementwise loop, an elementary function, an entry
# read or written by its index, a byte of an array that is written out.
PRODUCT, ELEMENT, FUNCTION, INDEXED, BYTE = 0.015, 0.15, 3.0, 1.5, 0.04

NODE = 1000.0
"""Nanoseconds to start one operation."""

STEPS_OF_WHILE = 10
"""Steps assumed of a loop whose length is not known."""

_FREE = frozenset(
    {"reshape", "squeeze", "expand_dims", "broadcast_in_dim", "stop_gradient", "copy", "slice", "iota", "pjit"}
)
_FUNCTIONS = frozenset(
    {
        "exp", "exp2", "expm1", "log", "log1p", "sin", "cos", "tan", "tanh", "sinh", "cosh", "asin", "acos", "atan",
        "atan2", "asinh", "acosh", "atanh", "logistic", "pow", "erf", "erfc", "erf_inv", "lgamma", "digamma", "cbrt",
        "igamma", "igammac", "bessel_i0e", "bessel_i1e", "regularized_incomplete_beta", "polygamma",
    }
)  # fmt: skip
_INDEXING = ("gather", "scatter", "dynamic_slice", "dynamic_update_slice", "select_and")
_CUBIC = {
    "cholesky": 0.33, "lu": 0.67, "eigh": 9.0, "eig": 25.0, "svd": 20.0, "qr": 2.0, "geqrf": 2.0, "schur": 25.0,
    "householder_product": 2.0, "triangular_solve": 1.0, "hessenberg": 3.0, "tridiagonal_solve": 0.0,
}  # fmt: skip


@dataclass(frozen=True)
class Work:
    """Operations, bytes written, and modelled seconds."""

    flops: float = 0.0
    bytes: float = 0.0
    seconds: float = 0.0

    def __add__(self, other: Work) -> Work:
        """Both, one after the other."""
        return Work(self.flops + other.flops, self.bytes + other.bytes, self.seconds + other.seconds)

    def times(self, count: float) -> Work:
        """The same several times."""
        return Work(self.flops * count, self.bytes * count, self.seconds * count)


NOTHING = Work()
"""No work."""


def program_work(program: Trace, moving_only: bool = False) -> Work:
    """The work of a whole program; with ``moving_only`` of the part that depends on its inputs."""
    moving: set[Variable] = set(program.inputs)
    total = NOTHING
    for node in program.nodes:
        if not moving_only or moving.intersection(node.inputs):
            moving.update(node.outputs)
            total += node_work(node)
    return total


def starts(program: Trace) -> int:
    """Operations that a program starts, loops included: what it costs however small its arrays are."""
    return sum(_starts(node) for node in program.nodes)


def _starts(node: Node) -> int:
    if not node.bodies:
        return int(node.name not in _FREE)
    return _times(node) * sum(map(starts, node.bodies))


def _times(node: Node) -> int:
    return node.length if isinstance(node, Scan) else STEPS_OF_WHILE if isinstance(node, While) else 1


def node_work(node: Node) -> Work:
    """The work of one node; loops count each step."""
    if isinstance(node, Cond):
        return max(map(program_work, node.branches), key=lambda work: work.seconds)
    if node.bodies:
        return _added(map(program_work, node.bodies)).times(_times(node))
    size = max([_size(v) for v in (*node.inputs, *node.outputs)], default=0)
    written = sum(map(size_in_bytes, node.outputs))
    if node.name in _FREE:
        return NOTHING
    if node.name in ("dot_general", "conv_general_dilated"):
        inner = _inner(node)
        return product_work(inner, 2.0 * inner * _size(node.outputs[0]), written)
    if node.name in _CUBIC:
        flops = _CUBIC[node.name] * size * _last(node)
        return Work(flops, written, (4 * PRODUCT * flops + BYTE * written) * 1e-9)
    if node.name in ("fft", "sort"):
        flops = 5.0 * size * math.log2(size + 2)
        return Work(flops, written, (ELEMENT * flops + BYTE * written) * 1e-9)
    if node.name.startswith(_INDEXING):
        entries = min(_size(v) for v in (node.inputs[-1], *node.outputs) if v.inexact or v in node.outputs)
        return Work(entries, written, INDEXED * entries * 1e-9)
    cost = FUNCTION if node.name in _FUNCTIONS else ELEMENT
    return Work(size, written, cost * size * 1e-9)


def product_work(inner: float, flops: float, written: float) -> Work:
    """The work of a matrix product; a short inner dimension keeps the processor waiting for memory."""
    rate = PRODUCT * (1 + 16 / max(inner, 1))
    return Work(flops, written, (rate * flops + BYTE * written) * 1e-9)


def size_in_bytes(variable: Variable) -> int:
    """Bytes of an array."""
    return _size(variable) * (jnp.dtype(variable.dtype).itemsize if variable.inexact else 8)


def _added(parts: Iterable[Work]) -> Work:
    return sum(parts, NOTHING)


def _inner(node: Node) -> float:
    """Length of the sum in a product or a convolution."""
    params: Any = node.params
    right = node.inputs[1].shape
    if node.name == "dot_general":
        return math.prod(right[d] for d in params["dimension_numbers"][0][1])
    features = right[params["dimension_numbers"].rhs_spec[0]]
    return math.prod(right) / max(1, features)


def _last(node: Node) -> int:
    shape = node.inputs[0].shape
    return min(shape[-2:]) if len(shape) > 1 else 1


def _size(variable: Variable) -> int:
    return math.prod(variable.shape)
