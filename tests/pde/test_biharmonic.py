"""Δ² against closed forms and nested ``jax.jacfwd``."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import osculate
from osculate._errors import WrongInput
from osculate._results import Estimate

RNG = np.random.default_rng(0)


def trace(f):
    """The Laplacian of a function of a vector, by nested ``jax.jacfwd``."""
    return lambda x: jnp.trace(jax.jacfwd(jax.jacfwd(f))(x), axis1=-2, axis2=-1)


def twice(f, x):
    return jax.jit(trace(trace(f)))(x)


@settings(max_examples=8)
@given(n=st.integers(1, 4), power=st.floats(-2, 7))
def test_power_of_the_norm(n, power):
    x = np.linspace(0.6, 1.2, n)
    factor = power * (power + n - 2) * (power - 2) * (power + n - 4)
    found = osculate.biharmonic(lambda x: jnp.sqrt(x @ x) ** power)(x)
    np.testing.assert_allclose(found, factor * np.linalg.norm(x) ** (power - 4), rtol=1e-9, atol=1e-10)


def test_biharmonic_functions_have_none():
    assert abs(osculate.biharmonic(lambda x: (x @ x) * np.log(x @ x))(np.array([0.4, 0.7]))) < 1e-11
    assert float(osculate.biharmonic(lambda x: x**4)(3.0)) == 24.0


WEIGHTS = RNG.normal(size=(4, 4))


def attention(x):
    y = x.reshape(2, 2)
    return (jax.nn.softmax(y @ WEIGHTS[:2, :2] @ y.T) @ jnp.sin(y)).sum()


PROGRAMS = {
    "network": lambda x: jnp.tanh(WEIGHTS @ jnp.tanh(WEIGHTS @ x)).sum(),
    "two outputs": lambda x: jax.nn.softplus(WEIGHTS @ x)[:2] * x[0],
    "attention": attention,
    "layer norm": lambda x: jnp.sin((x - x.mean()) / jnp.sqrt(x.var() + 0.1)).prod(),
    "determinant": lambda x: jnp.linalg.slogdet(jnp.outer(x, x) + 2 * jnp.eye(4))[1],
    "solve": lambda x: jnp.linalg.solve(jnp.outer(x, x) + 2 * jnp.eye(4), jnp.exp(x)).sum(),
    "scan": lambda x: jax.lax.scan(lambda c, u: (jnp.sin(c * u) + c, c), x.sum(), x)[0],
    "loop": lambda x: jax.lax.while_loop(lambda y: y < 5.0, lambda y: y * y + 0.9, 1.0 + x @ x),
    "branch": lambda x: jax.lax.cond(x[0] > 0, lambda x: x.prod(), lambda x: (x**5).sum(), x),
    "cusp": lambda x: jnp.linalg.norm(x[:2] - x[2:]) * jnp.exp(-jnp.linalg.norm(x)),
    "narrow": lambda x: jnp.tanh(WEIGHTS[:2] @ x).prod(),
    "convolution": lambda x: jnp.convolve(jnp.sin(x), x).prod(),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs(name):
    x = jnp.asarray([0.3, -0.5, 0.8, 0.2])
    with jax.enable_x64():
        x = jnp.asarray(np.asarray(x, np.float64))
        expected = twice(PROGRAMS[name], x)
        scale = max(1.0, float(jnp.abs(expected).max()))
        np.testing.assert_allclose(osculate.biharmonic(PROGRAMS[name])(x), expected, rtol=0, atol=1e-9 * scale)


def test_rows_transformations_and_single_precision():
    points = jnp.asarray(RNG.normal(size=(5, 3)), jnp.float32)
    f = lambda w, x: jnp.tanh(x @ w).prod(-1)  # noqa: E731
    w = jnp.asarray(RNG.normal(size=(3, 2)), jnp.float32)
    expected = jax.jit(jax.vmap(trace(trace(lambda x: f(w, x)))))(points)
    for chunk in ("auto", 2):
        found = osculate.biharmonic(f, argnums=1, chunk=chunk)(w, points)
        assert found.dtype == jnp.float32
        np.testing.assert_allclose(found, expected, rtol=2e-3, atol=2e-3)
    slope = jax.jit(jax.grad(lambda w: osculate.biharmonic(f, argnums=1)(w, points[0])))(w)
    true = jax.jit(jax.grad(lambda w: trace(trace(lambda x: f(w, x)))(points[0])))(w)
    np.testing.assert_allclose(slope, true, rtol=5e-3, atol=5e-3)
    mapped = jax.jit(jax.vmap(osculate.biharmonic(f, argnums=1), (None, 0)))(w, points)
    np.testing.assert_allclose(mapped, expected, rtol=2e-3, atol=2e-3)


def test_an_estimate_covers_the_truth():
    f = lambda x: (x**4).sum() + x[0] ** 2 * x[1] ** 2  # noqa: E731
    x = np.linspace(-1, 1, 6)
    exact = 24 * 6 + 2 * 4
    hits = [osculate.biharmonic(f, samples=200, key=key)(x) for key in range(10)]
    assert all(isinstance(e, Estimate) for e in hits)
    assert sum(abs(float(e) - exact) < 2.5 * float(e.error) for e in hits) >= 8


def test_bad_input_is_named():
    with pytest.raises(WrongInput, match="chunk"):
        osculate.biharmonic(lambda x: x, chunk=0)
    with pytest.raises(WrongInput, match="samples"):
        osculate.biharmonic(lambda x: x, samples=-1)
