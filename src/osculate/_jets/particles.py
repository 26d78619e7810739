"""Collapsed jets of second order whose first derivatives stay sparse as long as a program acts particle by particle.

Of x with N particles of k coordinates, an array with an axis of particles moves at particle p only along the k
directions of p: k numbers an entry instead of Nk. A pair difference has two such axes, so a tangent is a sum of terms,
one for each axis. What mixes particles makes a tangent dense, with all Nk directions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from osculate._dependence import ELEMENTWISE
from osculate._rows import Rows
from osculate._rows.rows import RULES
from osculate._rows.rules import elementwise
from osculate._trace import Elementary, Node, Variable

from .algebra import Packed
from .collapsed import PRODUCTS, Collapsed, Spread, contracted, multiplies


@dataclass(frozen=True, eq=False)
class Sparse:
    """A tangent that is a sum of terms, one for each axis of particles.

    The term of axis a has k numbers an entry: its derivatives by the coordinates of the particle whose number is the
    entry's place along a.

    Attributes
    ----------
    variable : Variable
        The array that moves.
    terms : dict
        Axis → an array of shape (k, *variable.shape).
    """

    variable: Variable
    terms: Mapping[int, Any]


def particles(x: Variable) -> tuple[Particles, Sparse]:
    """The algebra of an array of particles, (N, k) but for axes of length one, and its directions."""
    axis = next(a for a, length in enumerate(x.shape) if length > 1)
    algebra = Particles(x.shape[axis], x.shape[-1])
    eye = jnp.eye(x.shape[-1], dtype=x.dtype).reshape(-1, *[1] * (len(x.shape) - 1), x.shape[-1])
    return algebra, Sparse(x, {axis: jnp.broadcast_to(eye, (x.shape[-1], *x.shape))})


class Particles(Collapsed):
    """Laplacians over ``count`` particles of ``coordinates`` numbers each; direction (p, c) is number pk + c."""

    def __init__(self, count: int, coordinates: int) -> None:
        super().__init__(2, count * coordinates)
        self.particles, self.coordinates = count, coordinates

    def dense(self, coefficient: Any) -> Any:
        """The same tangent with all directions written out."""
        if not isinstance(coefficient, Sparse):
            return coefficient
        variable = coefficient.variable
        result = jnp.zeros((self.count, *variable.shape), variable.dtype)
        for axis, values in coefficient.terms.items():
            shape = [self.particles, 1, *[1] * len(variable.shape)]
            shape[2 + axis] = self.particles
            spread = jnp.eye(self.particles, dtype=variable.dtype).reshape(shape) * values
            result = result + spread.reshape(self.count, *variable.shape)
        return Spread(result)

    def evaluate(self, node: Node, values: Sequence[Any], degrees: Sequence[int | None]) -> list[Any]:
        moving = [i for i, v in enumerate(values) if isinstance(v, (Sparse, Spread))]
        if any(isinstance(values[i], Sparse) for i in moving):
            sparse = all(isinstance(values[i], Sparse) for i in moving) and isinstance(node, Elementary)
            product = len(moving) == 2 and node.name in PRODUCTS
            found: list[Any] | None = None
            if sparse and product:
                found = self._product(node, values, moving)
            elif sparse and (len(moving) == 1 or not multiplies(node, moving)):
                found = self._linear(node, values, moving)
            if found is not None:
                return found
        return super().evaluate(node, [self.dense(v) for v in values], degrees)

    def _linear(self, node: Node, values: Sequence[Any], moving: Sequence[int]) -> list[Any] | None:
        axes = {axis for i in moving for axis in values[i].terms}
        results: list[dict[int, Any]] = [{} for _ in node.outputs]
        summed: list[Any] = []
        for axis in sorted(axes):
            out = _carried(node, [i for i in moving if axis in values[i].terms], axis, self.particles)
            if out is None and node.name == "reduce_sum":
                summed.append(self._reduced(node, values[0].terms[axis], axis))
                continue
            if out is None or any(out >= len(v.shape) or v.shape[out] != self.particles for v in node.outputs):
                return None
            arrays = [self._term(v, axis) if i in moving else v for i, v in enumerate(values)]
            places = tuple(0 if i in moving else None for i in range(len(values)))
            for result, array in zip(results, jax.vmap(node.evaluate, in_axes=places)(*arrays), strict=True):
                result[out] = result[out] + array if out in result else array
        sparse = [Sparse(v, terms) for v, terms in zip(node.outputs, results, strict=True)]
        if not summed:
            return list(sparse)
        rest = self.dense(sparse[0]).values if results[0] else 0
        return [Spread(sum(summed, rest))]

    def _reduced(self, node: Node, values: Any, axis: int) -> Any:
        """A sum over particles: direction (p, c) is what particle p brings; nothing is multiplied by zero."""
        others = tuple(a + 1 for a in node.params["axes"] if a != axis)
        moved = jnp.moveaxis(values.sum(others, keepdims=True), axis + 1, 0)
        return moved.reshape(self.count, *node.outputs[0].shape)

    def _product(self, node: Node, values: Sequence[Any], moving: Sequence[int]) -> list[Any] | None:
        """Σ over directions of a product of two tangents: terms of one particle alone meet where it is the same."""
        i, j = moving
        result: Any = None
        for a in values[i].terms:
            for b in values[j].terms:
                left, right = (_carried(node, [m], x, self.particles) for m, x in ((i, a), (j, b)))
                if left is None or right is None:
                    return None
                arrays = list(values)
                arrays[i], arrays[j] = values[i].terms[a], values[j].terms[b]
                term = contracted(node, arrays, moving)[0]
                if left != right:
                    shape = [self.particles if d in (left, right) else 1 for d in range(term.ndim)]
                    term = term * jnp.eye(self.particles, dtype=term.dtype).reshape(shape)
                result = term if result is None else result + term
        return None if result is None else [result]

    def _term(self, value: Sparse, axis: int) -> Any:
        zeros = (self.coordinates, *value.variable.shape)
        return value.terms[axis] if axis in value.terms else jnp.zeros(zeros, value.variable.dtype)

    def zeros(self, variable: Variable, degree: int) -> Any:
        return Sparse(variable, {}) if self.is_spread(degree) else super().zeros(variable, degree)

    def add(self, a: Any, b: Any) -> Any:
        return self._both(jnp.add, super().add, a, b)

    def subtract(self, a: Any, b: Any) -> Any:
        return self.add(a, self.negate(b))

    def negate(self, a: Any) -> Any:
        return self._each(super().negate, a)

    def scale(self, a: Any, k: Any) -> Any:
        return self._each(lambda v: super(Particles, self).scale(v, k), a)

    def divide(self, a: Any, k: Any) -> Any:
        return self._each(lambda v: super(Particles, self).divide(v, k), a)

    def fit(self, a: Any, variable: Variable, degree: int) -> Any:
        if isinstance(a, Sparse) and a.variable.shape == variable.shape:
            return Sparse(variable, {axis: jnp.asarray(v, variable.dtype) for axis, v in a.terms.items()})
        return super().fit(self.dense(a), variable, degree)

    def _each(self, function: Callable[[Any], Any], a: Any) -> Any:
        if not isinstance(a, Sparse):
            return function(a)
        return Sparse(a.variable, {axis: function(values) for axis, values in a.terms.items()})

    def _both(self, function: Callable[..., Any], otherwise: Callable[..., Any], a: Any, b: Any) -> Any:
        if not (isinstance(a, Sparse) and isinstance(b, Sparse)):
            return otherwise(self.dense(a), self.dense(b))
        terms = {axis: function(self._term(a, axis), self._term(b, axis)) for axis in {*a.terms, *b.terms}}
        return Sparse(a.variable, terms)

    # loops and branches carry dense tangents

    def scan(
        self, step: Callable[..., Any], carry: Packed, scanned: Packed, outputs: Sequence[Variable], **options: Any
    ) -> tuple[Packed, Packed]:
        def dense(moving: Packed, item: Packed) -> tuple[Packed, Packed]:
            new, out = step(moving, item)
            return self._packed(new), self._packed(out)

        return super().scan(dense, self._packed(carry), self._packed(scanned), outputs, **options)

    def while_loop(
        self,
        predicate: Callable[[Packed], Any],
        step: Callable[[Packed], Packed],
        carry: Packed,
        outputs: Sequence[Variable],
    ) -> Packed:
        return super().while_loop(predicate, lambda p: self._packed(step(p)), self._packed(carry), outputs)

    def switch(
        self,
        index: Any,
        branches: Sequence[Callable[[Packed], Packed]],
        operands: Packed,
        outputs: Sequence[Variable],
    ) -> Packed:
        dense = [lambda packed, branch=branch: self._packed(branch(packed)) for branch in branches]
        return super().switch(index, dense, self._packed(operands), outputs)

    def _packed(self, packed: Packed) -> Packed:
        return [[self.dense(value) for value in row] for row in packed]


def _carried(node: Node, moving: Sequence[int], axis: int, count: int) -> int | None:
    """Where the axis of particles ends up, if the node treats each by itself."""
    inputs = [Rows(axis, count) if i in moving else None for i in range(len(node.inputs))]
    rule = RULES.get(node.name) or (elementwise if node.name in ELEMENTWISE else None)
    try:
        found = None if rule is None else rule(node, inputs)
    except AssertionError:  # a rule for particles in its first input alone
        return None
    return found.axis if isinstance(found, Rows) and found.inner == 1 else None
