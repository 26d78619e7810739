"""Jet rules of linear systems, by implicit recurrences: A x = b gives A₀ x[k] = b[k] − Σ_{j ≥ 1} A[j] x[k − j].

Division-like primitives need a rule of their own: the JVP rule of a solve contains another solve with a new right-hand
side, so the memo would never close it. Factorisations (Cholesky, LU, QR, eigenvectors, singular vectors) reappear
inside their own JVP rules and follow from the one law.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import jax.numpy as jnp

from osculate._interpret import register
from osculate._trace import LinearSolve, Node, Variable

from .network import Network, Primal, partly_linear
from .reading import Reading, aligned, at_value
from .stream import Constant, Given, Stream


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
    """The streams x of A x = b, coefficient by coefficient; ``product`` applies A, ``solve`` applies A₀⁻¹ to values."""

    def __init__(
        self,
        network: Network,
        node: Node,
        inputs: Sequence[Stream],
        right: Sequence[Stream],
        product: Callable[[Sequence[Stream]], list[Stream]] | None,
        solve: Callable[[Sequence[Any]], list[Any]],
    ) -> None:
        self.network, self.variables, self.inputs, self.right = network, node.outputs, inputs, right
        self.times, self.solve = product, solve
        self.offset = max(s.offset for s in right)
        self.first = Primal(network, node, inputs)
        self._unknowns = [Unknown(self, i) for i in range(len(self.variables))]
        self._rows: dict[int, list[Any]] = {}
        self._applied: list[Stream] | None = None
        self._latest: tuple[Any, list[Any]] = (None, [])

    @property
    def unknowns(self) -> Sequence[Stream]:
        """One stream for each unknown."""
        return self._unknowns

    def streams(self) -> list[Stream]:
        """The unknowns as the outputs of a rule."""
        return list(self._unknowns)

    def row(self, k: Any, read: Reading) -> list[Any]:
        """Coefficient k of all unknowns; one solve for all of them."""
        if not isinstance(k, int):
            if self._latest[0] is not k:
                self._latest = k, self._next(k, read)
            return self._latest[1]
        for lower in range(k + 1):  # in order, so that asking for a high one first does not recurse
            if lower not in self._rows:
                self._rows[lower] = self._next(lower, read)
        return self._rows[k]

    def lower(self, k: int) -> list[Stream]:
        """The unknowns without their coefficients from k on."""
        return [Given(self.network.algebra, x.variable, [x[j] for j in range(k)], self.offset) for x in self.unknowns]

    def product(self, unknowns: Sequence[Stream]) -> list[Stream] | None:
        """A x, or None where A stands still."""
        return None if self.times is None else self.times(unknowns)

    def applied(self) -> list[Stream] | None:
        """A x of the unknowns themselves."""
        if self._applied is None:
            self._applied = self.product(self.unknowns)
        return self._applied

    def _next(self, k: Any, read: Reading) -> list[Any]:
        algebra = self.network.algebra
        if at_value(k) and self.offset == 0 and algebra.whole:
            return [self.first(i) for i in range(len(self.variables))]
        right = [aligned(read, b, k, self.offset) for b in self.right]
        for i, known in enumerate(read.known_part(self, k)):
            if known is not None:
                right[i] = algebra.negate(known) if right[i] is None else algebra.subtract(right[i], known)
        if all(r is None for r in right):
            return [None] * len(right)
        degree = k + self.offset
        full = [algebra.zeros(v, degree) if r is None else r for v, r in zip(self.variables, right, strict=True)]
        return self.solve(full)


class Unknown(Stream):
    """One unknown of a linear system."""

    def __init__(self, solution: Solution, which: int) -> None:
        super().__init__(solution.network.algebra, solution.variables[which], solution.offset)
        self.solution, self.which = solution, which

    def compute(self, k: Any, read: Reading) -> Any:
        return self.solution.row(k, read)[self.which]

    def sources(self) -> list[tuple[Stream, int]]:
        return [(s, 0) for s in (*self.solution.right, *(self.solution.applied() or ()))]

    def prepare(self) -> None:
        for stream in self.solution.inputs:
            stream.value(0)


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
