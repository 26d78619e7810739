"""Collapsed jets, Σᵣ wᵣ ∂ᴷf/∂dᵣᴷ in one pass, against nested ``jax.jvp`` along each direction."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.flatten_util import ravel_pytree
from jet_oracle import Program, assert_close_to_scale, nested_derivatives
from test_programs import PROGRAMS

from osculate._jets.collapsed import Collapsed, Spread
from osculate._jets.summed import summed
from osculate._trace import Trace, trace

REAL = [name for name, p in PROGRAMS.items() if not any(map(np.iscomplexobj, jax.tree.leaves(p.primals)))]
QUICK = set(REAL[::20]) | {"attention", "scan_with_inputs", "while_data_dependent", "cond_in_scan", "solve", "gelu"}


@pytest.fixture(autouse=True)
def _float64() -> Iterator[None]:
    with jax.enable_x64():
        yield


def collapsed_top(program: Trace, primals: Any, directions: np.ndarray, weights: Any, top: int) -> list[Any]:
    """Σᵣ wᵣ times the coefficient of degree ``top`` along direction r, for each output."""
    rows = []
    for i, leaf in enumerate(jax.tree.leaves(primals)):
        parts = [jax.tree.leaves(ravel_pytree(primals)[1](jnp.asarray(d)))[i] for d in directions]
        rows.append([leaf, Spread(jnp.stack(parts))])
    return [column[top] for column in summed("test", program, rows, Collapsed(top, len(directions), weights))]


def check(program: Program, top: int, rtol: float) -> None:
    primals = jax.tree.map(jnp.asarray, program.primals)
    rng = np.random.default_rng(1)
    flat, unravel = ravel_pytree(primals)
    directions, weights = rng.normal(size=(3, flat.size)), np.array([0.7, -1.3, 0.4])
    read, _ = trace(program.function, *primals, asked="test")
    found = collapsed_top(read, primals, directions, weights, top)
    expected: list[Any] = [0.0] * len(found)
    for weight, direction in zip(weights, directions, strict=True):
        first = unravel(jnp.asarray(direction))
        series = [[part, *[jax.tree.map(jnp.zeros_like, part)] * (top - 1)] for part in first]
        orders = nested_derivatives(program.like or program.function, primals, series)
        leaves = jax.tree.leaves(orders[top])
        expected = [
            e + weight * np.asarray(leaf) / math.factorial(top) for e, leaf in zip(expected, leaves, strict=True)
        ]
    for i, (mine, true) in enumerate(zip(found, expected, strict=True)):
        assert_close_to_scale(np.zeros(np.shape(true)) if mine is None else mine, true, rtol, f"output {i}")


# All of them take four minutes; the quick ones, general eigenvalues and every fourth of the others run each time.
SLOW = [n for k, n in enumerate(REAL) if n not in QUICK and (k % 4 == 0 or "eigen" in n)]


@pytest.mark.parametrize("name", [*sorted(QUICK), *[pytest.param(n, marks=pytest.mark.slow) for n in SLOW]])
def test_second_order_of_every_program(name: str) -> None:
    check(PROGRAMS[name], 2, 1e-9)


@pytest.mark.parametrize("name", ["attention", "scan_with_inputs", "softplus_family", "cholesky"])
def test_third_order(name: str) -> None:
    check(PROGRAMS[name], 3, 1e-8)


def test_the_top_has_no_axis_of_directions() -> None:
    """Nothing as large as directions × directions, or n second coefficients, appears in the program."""
    w = np.random.default_rng(0).normal(size=(7, 7))

    def top(x: Any) -> Any:
        read, _ = trace(lambda x: jnp.tanh(w @ jnp.tanh(w @ x)), x, asked="test")
        return collapsed_top(read, x, np.eye(7), None, 2)[0]

    x = jnp.ones(7)
    shapes = {v.aval.shape for e in jax.make_jaxpr(top)(x).eqns for v in e.outvars}
    assert max(map(math.prod, shapes)) == 49
    np.testing.assert_allclose(
        top(x), 0.5 * jnp.trace(jax.hessian(lambda x: jnp.tanh(w @ jnp.tanh(w @ x)))(x), axis1=1, axis2=2), rtol=1e-12
    )


def test_products_of_tangents_are_one_contraction() -> None:
    """q kᵀ with both depending on x: the sum over directions happens inside ``dot_general``."""

    def scores(x: Any) -> Any:
        return jnp.sin(x) @ jnp.cos(x).T

    def top(x: Any) -> Any:
        read, _ = trace(scores, x, asked="test")
        return collapsed_top(read, x, np.eye(6), None, 2)[0]

    x = jnp.asarray(np.random.default_rng(0).normal(size=(3, 2)))
    contractions = [e for e in jax.make_jaxpr(top)(x).eqns if e.primitive is lax.dot_general_p]
    assert any(
        len(e.params["dimension_numbers"][0][0]) == 2 and e.outvars[0].aval.shape == (3, 3) for e in contractions
    )
    hessian = jax.hessian(scores)(x).reshape(3, 3, 6, 6)
    np.testing.assert_allclose(top(x), 0.5 * jnp.trace(hessian, axis1=2, axis2=3), atol=1e-12)


def test_elementwise_functions_share_their_derivatives() -> None:
    """tanh of n directions costs one jet of tanh: no transcendental function sees the axis of directions."""

    def top(x: Any) -> Any:
        read, _ = trace(lambda x: jax.nn.gelu(jnp.tanh(x)) + jax.nn.silu(x), x, asked="test")
        return collapsed_top(read, x, np.ones((5, 4)), None, 4)[0]

    x = jnp.asarray([0.3, -0.2, 1.0, 0.5])
    costly = [e for e in jax.make_jaxpr(top)(x).eqns if e.primitive.name in ("tanh", "exp", "erf", "logistic", "div")]
    assert costly
    assert all(v.aval.shape in ((4,), ()) for e in costly for v in e.outvars)
