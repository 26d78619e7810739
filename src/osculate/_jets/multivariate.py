"""Polynomials in several variables, truncated at an order: coefficients stacked along a table of exponents."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .blocks import compositions

Index = tuple[int, ...]


@lru_cache(maxsize=32)
def exponents(variables: int, order: int) -> tuple[Index, ...]:
    """All multi-indices up to an order: lower orders first, earlier variables first."""
    return tuple(alpha for k in range(order + 1) for alpha in compositions(k, variables))


def library(*arrays: Any) -> Any:
    """NumPy for arrays of the host, JAX's own otherwise: a polynomial stays where it was computed."""
    return jnp if any(isinstance(a, jax.Array) for a in jax.tree.leaves(arrays)) else np


def values(coefficients: Any, alphas: Sequence[Index], steps: Any) -> Any:
    """Σ_α c_α h^α for steps h of shape (…, n): shape (…, *output)."""
    xp = library(coefficients, steps)
    table, highest = np.array(alphas), max(map(sum, alphas))
    powers = [xp.ones_like(steps)]
    for _ in range(highest):
        powers.append(powers[-1] * steps)
    stacked = xp.stack(powers)
    monomials = xp.ones((*steps.shape[:-1], len(table)), stacked.dtype)
    for i in range(table.shape[1]):
        monomials = monomials * xp.moveaxis(stacked[table[:, i], ..., i], 0, -1)
    if xp is np:
        return np.tensordot(monomials, coefficients, 1)
    return jnp.tensordot(monomials, coefficients, 1, precision="highest")


def product(a: Any, b: Any, alphas: tuple[Index, ...]) -> Any:
    """Coefficients of a product, by Leibniz; a and b have the exponents ``alphas``, all up to an order."""
    left, right, target, starts = _pairs(alphas)
    terms = a[left] * b[right]
    if library(a, b) is np:
        return np.add.reduceat(terms, starts, axis=0)
    return jax.ops.segment_sum(terms, target, num_segments=len(alphas))


@lru_cache(maxsize=32)
def _pairs(alphas: tuple[Index, ...]) -> tuple[np.ndarray[Any, Any], ...]:
    """Numbers (i, j, k) with α_i + α_j = α_k, sorted by k, and where each k starts."""
    number = {alpha: k for k, alpha in enumerate(alphas)}
    found = [
        (number[total], i, j)
        for i, a in enumerate(alphas)
        for j, b in enumerate(alphas)
        if (total := tuple(x + y for x, y in zip(a, b, strict=True))) in number
    ]
    target, left, right = np.array(sorted(found)).T
    return left, right, target, np.searchsorted(target, np.arange(len(alphas)))


def differentiated(coefficients: Any, alphas: tuple[Index, ...], variable: int) -> Any:
    """Coefficients of ∂/∂x_i, which is known to one order less."""
    number = {alpha: k for k, alpha in enumerate(alphas)}
    lower = exponents(len(alphas[0]), max(map(sum, alphas)) - 1)
    raised = [tuple(a + (i == variable) for i, a in enumerate(alpha)) for alpha in lower]
    factors = np.array([alpha[variable] for alpha in raised])
    return _scaled(coefficients[np.array([number[alpha] for alpha in raised])], factors)


def integrated(coefficients: Any, alphas: tuple[Index, ...], variable: int) -> Any:
    """Coefficients of the integral over x_i from the centre; known to one order more."""
    number = {alpha: k for k, alpha in enumerate(alphas)}
    higher = exponents(len(alphas[0]), max(map(sum, alphas)) + 1)
    lowered = [tuple(a - (i == variable) for i, a in enumerate(alpha)) for alpha in higher]
    source = np.array([number.get(alpha, 0) for alpha in lowered])
    factors = np.array([1 / alpha[variable] if alpha[variable] else 0.0 for alpha in higher])
    return _scaled(coefficients[source], factors)


def _scaled(coefficients: Any, factors: np.ndarray[Any, Any]) -> Any:
    return coefficients * factors.reshape((-1,) + (1,) * (coefficients.ndim - 1)).astype(coefficients.dtype)
