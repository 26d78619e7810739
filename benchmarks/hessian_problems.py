"""The sparse problems of the benchmarks, each in JAX and, where CasADi has the words, for CasADi."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np


class Sparse(NamedTuple):
    """A function of one vector, its twin for CasADi's ``SX`` or ``MX``, and what the figures should be.

    ``detection`` is how many times faster than asdex the pattern should be read, ``evaluation`` the same for the
    entries; ``seconds`` and ``products`` are goals of their own, for the pattern and, in Hessian-vector products, for
    the entries.
    """

    name: str
    function: Callable[[Any], Any]
    casadi: Callable[[Any, Any], Any] | None
    size: int
    detection: float | None = 20
    evaluation: float | None = 1
    seconds: float | None = None
    products: float | None = None


def chain(x: Any) -> Any:
    """Rosenbrock's chain: neighbours are coupled."""
    return jnp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def _chain_casadi(casadi: Any, x: Any) -> Any:
    return casadi.sum1(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def grid(side: int) -> Sparse:
    """A minimal surface over a square of ``side`` by ``side`` nodes, with a well at each node."""

    def surface(x: Any) -> Any:
        z = x.reshape(side, side)
        across, down = z[1:, :-1] - z[:-1, :-1], z[:-1, 1:] - z[:-1, :-1]
        return jnp.sum(jnp.sqrt(1 + across**2 + down**2)) + 0.1 * jnp.sum((z**2 - 1) ** 2)

    def twin(casadi: Any, x: Any) -> Any:
        z = casadi.reshape(x, side, side)
        across, down = z[1:, :-1] - z[:-1, :-1], z[:-1, 1:] - z[:-1, :-1]
        return casadi.sum1(casadi.vec(casadi.sqrt(1 + across**2 + down**2))) + 0.1 * casadi.sum1((x**2 - 1) ** 2)

    return Sparse(f"grid {side} × {side}", surface, twin, side * side)


def scattered(size: int) -> Sparse:
    """Products of random triples of the unknowns: no two columns look alike."""
    i, j, k = np.random.default_rng(1).integers(0, size, (3, size))

    def energy(x: Any) -> Any:
        return jnp.sum(jnp.sin(x[i] * x[j]) * x[k]) + jnp.sum(x**4)

    def twin(casadi: Any, x: Any) -> Any:
        a, b, c = (x[list(map(int, index))] for index in (i, j, k))
        return casadi.sum1(casadi.sin(a * b) * c) + casadi.sum1(x**4)

    return Sparse(f"random, {size:,}", energy, twin, size, evaluation=3)


def arrow(size: int) -> Sparse:
    """All unknowns are coupled with the last, and with nothing else."""

    def energy(x: Any) -> Any:
        return jnp.sum(jnp.sin(x[:-1] * x[-1])) + jnp.sum(x**4)

    def twin(casadi: Any, x: Any) -> Any:
        return casadi.sum1(casadi.sin(x[:-1] * x[-1])) + casadi.sum1(x**4)

    return Sparse(f"arrow, {size:,}", energy, twin, size)


def dense_rows(size: int, rows: int) -> Sparse:
    """A chain, and a few unknowns that are coupled with all."""

    def energy(x: Any) -> Any:
        return chain(x[rows:]) + jnp.sum(jnp.cos(x[:rows, None] * x[None, rows:]))

    def twin(casadi: Any, x: Any) -> Any:
        coupled = sum(casadi.sum1(casadi.cos(x[row] * x[rows:])) for row in range(rows))
        return _chain_casadi(casadi, x[rows:]) + coupled

    return Sparse(f"{rows} dense rows, {size:,}", energy, twin, size)


def long_chain(size: int) -> Sparse:
    """Rosenbrock's chain, with goals of its own."""
    seconds, products = (0.05, 2) if size <= 10**5 else (0.6, 3)
    return Sparse(f"chain, {size:,}", chain, _chain_casadi, size, None, None, seconds, products)


def low_rank(x: Any) -> Any:
    """A diagonal plus one outer product: n² entries, and n numbers that say them all."""
    return jnp.sum(x**4) + jnp.sum(x) ** 2


def problems() -> list[Sparse]:
    """All of them, the longest last."""
    return [
        grid(100),
        scattered(10**4),
        arrow(10**5),
        dense_rows(10**4, 3),
        long_chain(10**5),
        long_chain(10**6),
    ]
