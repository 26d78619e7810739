"""Δ² in one pass: jets whose products forget all that Δ² cannot see.

The Taylor polynomials of degree ≤ 4 in n variables, modulo what contributes to no Δ²: two polynomials are the same if
Δ² of their products with all others is (the algebra whose dual is the form |ξ|⁴, Macaulay 1916). It has one number in
degree 0, n in degree 1, a symmetric matrix in degree 2, n in degree 3 (4 ∂ᵢΔ of the cubic part) and one in degree 4
(Δ² of the quartic part): far fewer than a sum of fourth derivatives along lines takes, n² directions of four degrees.

Degree by degree derivation (k times degree k) is a derivation of this algebra, so every rule of the jets holds in it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from osculate._errors import Unreadable
from osculate._trace import Node

from .collapsed import Collapsed, Spread, contracted, total


class Quartic(Collapsed):
    """Coefficients along n directions of which degree 4 is Σᵢⱼ ∂⁴/∂dᵢ²∂dⱼ²."""

    def __init__(self, count: int) -> None:
        super().__init__(4, count)
        self.roots: dict[int, tuple[Any, Any]] = {}  # coefficients of degree 2 that are u uᵀ, with u, by identity

    def width(self, degree: int) -> int:
        # A symmetric matrix in full: gathering half of it costs more than the other half.
        return self.count**2 if degree == 2 else self.count

    def meet(self, node: Node, arrays: list[Any], spread: list[int], degrees: list[int]) -> list[Any]:
        if len(spread) != 2:
            raise Unreadable(
                "osculate.biharmonic",
                f"`{node.name}` multiplies {len(spread)} tangents at once",
                where=node.where,
                remedy="osculate.laplacian of a function that calls osculate.laplacian gives the same number",
            )
        (low, i), (high, j) = sorted(zip(degrees, spread, strict=True))
        a, b = arrays[i], arrays[j]

        def at(one: Any, other: Any) -> list[Any]:
            full = list(arrays)
            full[i], full[j] = one, other
            return node.evaluate(*full)

        def summed(one: Any, other: Any) -> list[Any]:
            full = list(arrays)
            full[i], full[j] = one, other
            return contracted(node, full, spread)

        if (low, high) == (1, 1):
            outer = self._pairs(at, a, b)
            if a is b and node.name == "mul":
                self.roots[id(outer[0])] = outer[0], a
            return [Spread(out) for out in outer]
        if (low, high) == (1, 2):
            if node.name == "mul" and id(b) in self.roots:
                u = self.roots[id(b)][1]
                return [Spread(16 * u * total(a * u) + 8 * a * total(u * u))]
            traces = jax.vmap(at, in_axes=(0, None))(a, self._trace(b))
            return [Spread(16 * x + 8 * y) for x, y in zip(self._applied(summed, a, b), traces, strict=True)]
        if (low, high) == (2, 2):
            inner = self._inner(summed, a, b) if node.name == "mul" else summed(a, b)
            traces = at(self._trace(a), self._trace(b))
            return [16 * x + 8 * y for x, y in zip(inner, traces, strict=True)]
        return summed(a, b)

    def _pairs(self, at: Callable[..., list[Any]], a: Any, b: Any) -> list[Any]:
        """(aᵢ bⱼ + aⱼ bᵢ)/2."""
        outer = jax.vmap(jax.vmap(at, (None, 0)), (0, None))(a, b)
        if a is not b:
            outer = [(x + jnp.swapaxes(x, 0, 1)) * np.asarray(0.5, x.dtype) for x in outer]
        return [x.reshape(self.width(2), *x.shape[2:]) for x in outer]

    def _applied(self, summed: Callable[..., list[Any]], a: Any, b: Any) -> list[Any]:
        """Σⱼ aⱼ Bᵢⱼ."""
        return jax.vmap(lambda row: summed(a, row))(self._square(b))

    def _inner(self, summed: Callable[..., list[Any]], a: Any, b: Any) -> list[Any]:
        """Σᵢⱼ Aᵢⱼ Bᵢⱼ."""
        if id(b) in self.roots:
            a, b = b, a
        if id(a) not in self.roots:
            return summed(a, b)
        u = self.roots[id(a)][1]
        if id(b) in self.roots:
            return [total(u * self.roots[id(b)][1]) ** 2]
        return [total(u * x) for x in self._applied(summed, u, b)]

    def _square(self, b: Any) -> Any:
        return b.reshape(self.count, self.count, *b.shape[1:])

    def _trace(self, b: Any) -> Any:
        if id(b) in self.roots:
            return total(jnp.square(self.roots[id(b)][1]))
        return total(b[:: self.count + 1])
