"""Reference derivatives along a curve, by nested ``jax.jvp``, and the comparison with a jet.

At order 5 nested ``jax.jvp`` takes minutes for all programs of ``test_programs.py``, so its answers are kept in
``jet_references.npz``. Run ``python tests/jets/jet_oracle.py`` after a program is added, with its name after it
changes: only what is missing or named is computed.
"""

from __future__ import annotations

import functools
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


@dataclass(frozen=True)
class Program:
    """A function at a point.

    ``like`` is the same function written so that nested ``jax.jvp`` can differentiate it, where it cannot as it
    stands.
    """

    function: Callable[..., Any]
    primals: tuple[Any, ...]
    like: Callable[..., Any] | None = None
    rtol: float = 1e-9


def along_curve(function: Callable[..., Any], primals: Sequence[Any], series: Sequence[Any], t: Any) -> Any:
    """f(x + v₁t + v₂t²/2! + …), every argument a pytree."""
    arguments = []
    for point, orders in zip(primals, series, strict=True):
        path = point
        for k, direction in enumerate(orders, 1):
            path = jax.tree.map(lambda p, v, k=k: p + t**k / math.factorial(k) * v, path, direction)
        arguments.append(path)
    return function(*arguments)


def nested_derivatives(function: Callable[..., Any], primals: Sequence[Any], series: Sequence[Any]) -> list[Any]:
    """Value and derivatives 1 … K of t ↦ f(x(t)) at t = 0."""

    def curve(t: Any) -> list[Any]:
        return [along_curve(function, primals, series, t)]

    def differentiated(inner: Callable[..., Any]) -> Callable[..., Any]:
        def outer(t: Any) -> list[Any]:
            values, tangents = jax.jvp(inner, (t,), (jnp.ones_like(t),))
            return [*values, tangents[-1]]

        return outer

    for _ in range(len(series[0])):
        curve = differentiated(curve)
    with jax.disable_jit():  # operation by operation: the kernels are shared by all programs
        return curve(jnp.zeros(()))


def random_series(primals: Sequence[Any], order: int, seed: int = 0) -> tuple[list[Any], ...]:
    """Directions for every order, none of them zero."""
    rng = np.random.default_rng(seed)

    def direction(point: Any) -> Any:
        return jax.tree.map(lambda leaf: jnp.asarray(rng.normal(size=np.shape(leaf))), point)

    return tuple([direction(point) for _ in range(order)] for point in primals)


def point_and_series(program: Program, order: int) -> tuple[Any, tuple[list[Any], ...]]:
    """The program's point as JAX arrays, and directions for every order."""
    primals = jax.tree.map(jnp.asarray, program.primals)
    return primals, random_series(primals, order)


def reference_leaves(program: Program, order: int) -> list[np.ndarray]:
    """The leaves of value and derivatives, one stack over the orders for each output."""
    primals, series = point_and_series(program, order)
    orders = nested_derivatives(program.like or program.function, primals, series)
    return [np.stack(leaves) for leaves in zip(*map(jax.tree.leaves, orders), strict=True)]


REFERENCES = Path(__file__).with_name("jet_references.npz")


@functools.cache
def _stored() -> dict[str, np.ndarray]:
    with np.load(REFERENCES) as archive:
        return dict(archive)


def stored_leaves(name: str) -> list[np.ndarray]:
    """What ``reference_leaves`` found for the program of this name."""
    stored, leaves = _stored(), []
    while f"{name}/{len(leaves)}" in stored:
        leaves.append(stored[f"{name}/{len(leaves)}"])
    return leaves


def write_references(programs: dict[str, Program], order: int, again: Sequence[str] = ()) -> None:
    """Compute the references that are missing, and those named; what belongs to no program is dropped."""
    arrays: dict[str, Any] = {}
    with jax.enable_x64():
        for name, program in programs.items():
            kept = [] if name in again or not REFERENCES.exists() else stored_leaves(name)
            leaves = kept or reference_leaves(program, order)
            arrays.update({f"{name}/{i}": leaf for i, leaf in enumerate(leaves)})
    np.savez_compressed(REFERENCES, **arrays)


def assert_close_to_scale(found: Any, expected: Any, rtol: float, message: str) -> None:
    """Compare an array with another, relative to the other's largest entry (or to 1)."""
    expected = np.asarray(expected)
    assert np.all(np.isfinite(expected)), f"the reference is not finite: {message}"
    assert np.shape(found) == expected.shape, f"shape: {message}"
    atol = rtol * max(1.0, float(np.max(np.abs(expected), initial=0.0)))
    np.testing.assert_allclose(np.asarray(found), expected, rtol=0, atol=atol, err_msg=message)


def assert_same_derivatives(found: Sequence[Any], expected: Sequence[Any], rtol: float) -> None:
    """Compare value and derivatives, each order relative to its own largest entry (or to 1)."""
    assert len(found) == len(expected)
    for k, (ours, true) in enumerate(zip(found, expected, strict=True)):
        assert jax.tree.structure(ours) == jax.tree.structure(true), f"structure at order {k}"
        for mine, theirs in zip(jax.tree.leaves(ours), jax.tree.leaves(true), strict=True):
            assert_close_to_scale(mine, theirs, rtol, f"order {k}")


if __name__ == "__main__":
    from test_programs import ORDER, PROGRAMS

    write_references(PROGRAMS, ORDER, sys.argv[1:])
