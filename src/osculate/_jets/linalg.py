"""Jet rules of linear systems, by implicit recurrences: A x = b gives A₀ x[k] = b[k] − Σ_{j ≥ 1} A[j] x[k − j].

Division-like primitives need a rule of their own: the JVP rule of a solve contains another solve with a new right-hand
side, so the memo would never close it. Factorisations (Cholesky, LU, QR, eigenvectors, singular vectors) reappear
inside their own JVP rules and follow from the one law.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, cast

import jax.numpy as jnp

from osculate._interpret import register
from osculate._trace import LinearSolve, Node, Variable

from .network import Network, Primal, partly_linear
from .stream import Constant, Given, Joint, Stream, at_degree


@register("jets", "custom_linear_solve")
def linear_solve(network: Network, node: Node, inputs: Sequence[Stream]) -> list[Stream]:
    """``lax.custom_linear_solve``; what ``jnp.linalg.solve`` is made of."""
    system = cast(LinearSolve, node)
    matrix = inputs[: system.matvec_constants]

    def product(x: Sequence[Stream]) -> list[Stream]:
        return network.run(system.matvec, [*matrix, *x])

    def solve(right: Sequence[Any]) -> list[Any]:
        values = [s.value(0) for s in inputs]
        if network.algebra.whole:  # as a whole, since the user's ``solve`` may hide A from differentiation
            values[system.right_sides] = right
            return network.algebra.evaluate(node, values, [None] * len(values))
        standing = [_standing(network, v, x) for v, x in zip(node.inputs, values, strict=True)][system.solve_constants]
        sides = [_standing(network, v, r) for v, r in zip(node.outputs, right, strict=True)]
        return [s.value(0) for s in network.run(system.solve, [*standing, *sides])]

    right = inputs[system.right_sides]
    solution = Solution(network, node, inputs, right, None if _all_constant(matrix) else product, solve)
    return solution.streams()


@register("jets", "triangular_solve")
def triangular_solve(network: Network, node: Node, inputs: Sequence[Stream]) -> list[Stream]:
    """A x = b (or x A = b) with a triangular A."""
    a, b = inputs
    if a.constant:
        return partly_linear(network, node, inputs, [1])
    options = tuple(sorted((k, v) for k, v in node.params.items() if isinstance(v, (bool, str, int))))
    multiply = _triangular_product(node.params, options)

    def solve(right: Sequence[Any]) -> list[Any]:
        return network.algebra.evaluate(node, [a.value(0), right[0]], [0, None])

    def product(x: Sequence[Stream]) -> list[Stream]:
        return network.apply(multiply, a, x[0])

    return Solution(network, node, inputs, [b], product, solve).streams()


class Solution:
    """The coefficients of x in A x = b, in order; ``product`` applies A to streams, ``solve`` A₀⁻¹ to values."""

    def __init__(
        self,
        network: Network,
        node: Node,
        inputs: Sequence[Stream],
        right: Sequence[Stream],
        product: Callable[[Sequence[Stream]], list[Stream]] | None,
        solve: Callable[[Sequence[Any]], list[Any]],
    ) -> None:
        self.network, self.variables, self.right = network, node.outputs, right
        self.product, self.solve = product, solve
        self.offset = max(s.offset for s in right)
        self.first = Primal(network, node, inputs)
        self.rows: list[list[Any]] = []

    def streams(self) -> list[Stream]:
        """One stream for each unknown."""
        return [
            Joint(self.network.algebra, v, partial(self.coefficient, i), self.offset)
            for i, v in enumerate(self.variables)
        ]

    def coefficient(self, i: int, k: int) -> Any:
        """Coefficient k of unknown i."""
        while len(self.rows) <= k:
            self.rows.append(self._next(len(self.rows)))
        return self.rows[k][i]

    def _next(self, k: int) -> list[Any]:
        if k == 0 and self.offset == 0 and self.network.algebra.whole:
            return [self.first(i) for i in range(len(self.variables))]
        algebra = self.network.algebra
        right = [at_degree(b, k, self.offset) for b in self.right]
        for i, known in enumerate(self._known_part(k)):
            if known is not None:
                right[i] = algebra.negate(known) if right[i] is None else algebra.subtract(right[i], known)
        if all(r is None for r in right):
            return [None] * len(right)
        degree = k + self.offset
        full = [algebra.zeros(v, degree) if r is None else r for v, r in zip(self.variables, right, strict=True)]
        return self.solve(full)

    def _known_part(self, k: int) -> list[Any]:
        """Coefficient k of A x with x[k] taken as zero."""
        if self.product is None or k == 0:
            return [None] * len(self.variables)
        lower = [
            Given(self.network.algebra, v, [row[i] for row in self.rows], self.offset)
            for i, v in enumerate(self.variables)
        ]
        return [None if s.constant else at_degree(s, k, self.offset) for s in self.product(lower)]


_products: dict[Any, Callable[[Any, Any], Any]] = {}


def _triangular_product(params: Any, options: Any) -> Callable[[Any, Any], Any]:
    """A x for the triangle that ``triangular_solve`` reads; one function for each set of options: it is kept."""
    lower, unit = params["lower"], params["unit_diagonal"]
    transposed, conjugated, left = params["transpose_a"], params["conjugate_a"], params["left_side"]

    def multiply(a: Any, x: Any) -> Any:
        a = jnp.tril(a) if lower else jnp.triu(a)
        if unit:
            a = a - a * jnp.eye(a.shape[-1], dtype=a.dtype)  # its diagonal is 1 whatever is stored: it does not move
        a = jnp.conj(a) if conjugated else a
        a = a.mT if transposed else a
        return jnp.matmul(a, x, precision="highest") if left else jnp.matmul(x, a, precision="highest")

    return _products.setdefault(options, multiply)


def _all_constant(streams: Sequence[Stream]) -> bool:
    return all(s.constant for s in streams)


def _standing(network: Network, variable: Variable, value: Any) -> Stream:
    return Constant(network.algebra, variable, lambda: value)
