"""Laplacians of functions of particles: sparse tangents against nested ``jax.jacfwd``, and that they stay sparse."""

from __future__ import annotations

import math
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import osculate
from osculate import pde

N = 4
RNG = np.random.default_rng(0)
W = RNG.normal(size=(3, 5))
SQUARE = RNG.normal(size=(5, 5))
CUBE = RNG.normal(size=(3, 2, N))
X = RNG.normal(size=(N, 3))


@pytest.fixture(autouse=True)
def _float64() -> Iterator[None]:
    with jax.enable_x64():
        yield


def traced(f, x):
    second = jax.jacfwd(jax.jacfwd(f))(x)
    return jnp.trace(second.reshape(*second.shape[: second.ndim - 2 * x.ndim], x.size, x.size), axis1=-2, axis2=-1)


def apart(x):
    difference = x[:, None] - x[None]
    return jnp.sqrt((difference**2).sum(-1) + jnp.eye(N))


def attention(x):
    h = jnp.tanh(x @ W)
    return (jax.nn.softmax(h @ SQUARE @ h.T) @ h).sum()


PROGRAMS = {
    "each alone": lambda x: jnp.tanh(jnp.tanh(x @ W) @ SQUARE).sum(),
    "norms": lambda x: jnp.exp(-jnp.linalg.norm(x, axis=1)).prod(),
    "pairs": lambda x: (jnp.tanh(apart(x)) * (1 - jnp.eye(N))).sum(),
    "pairs to features": lambda x: jnp.sin(jnp.tanh((x[:, None] - x[None]) @ W).mean(1) @ SQUARE).sum(),
    "three bodies": lambda x: jnp.tanh(apart(x)[:, :, None] * apart(x)[None]).sum(),
    "mean field": lambda x: jnp.tanh(x @ W + jnp.tanh(x @ W).mean(0)).sum(),
    "Gram": lambda x: jnp.sin(x @ x.T).prod(),
    "inner product": lambda x: jnp.exp(-jnp.vdot(x, x)),
    "attention": attention,
    "scatter": lambda x: jnp.zeros((2, 3)).at[jnp.array([0, 1, 0, 1])].add(jnp.sin(x)).prod(),
    "permuted": lambda x: (jnp.sin(x[jnp.array([1, 0, 3, 2])]) * x).sum(),
    "sorted": lambda x: (jnp.sort(x, axis=0) ** 3 * np.arange(3.0)).sum(),
    "reversed": lambda x: jnp.sin(x[::-1] * x).sum(),
    "joined": lambda x: jnp.tanh(jnp.concatenate([x, jnp.linalg.norm(x, axis=1, keepdims=True)], 1) @ SQUARE[:4]).sum(),
    "stacked": lambda x: jnp.sin(jnp.concatenate([x, x @ W[:, :3]], 0)).prod(),
    "quotient": lambda x: (x[:, 0] / (2 + x[:, 1] ** 2)).prod() / (1 + apart(x)).sum(),
    "determinant": lambda x: jnp.linalg.slogdet(jnp.tanh(x @ W)[:, :N] + 3 * jnp.eye(N))[1],
    "determinants": lambda x: jnp.linalg.slogdet(jnp.einsum("id,dke->kie", x, CUBE) + 3 * jnp.eye(N))[1].sum(),
    "other determinant": lambda x: jnp.linalg.det(jnp.tanh(x @ W)[:, :N]),
    "solve": lambda x: jnp.linalg.solve(apart(x) + 3 * jnp.eye(N), x).sum(),
    "scan": lambda x: jax.lax.scan(lambda c, r: (jnp.tanh(c + r @ W), c * r[0]), jnp.ones(5), x)[1].sum(),
    "scan over a closure": lambda x: jax.lax.scan(
        lambda c, k: (jnp.sin(c * k) + x.sum(1), c), x[:, 0], jnp.arange(3.0)
    )[1].sum(),
    "branch": lambda x: jax.lax.cond(x[0, 0] > 9, lambda x: x, lambda x: jnp.sin(x), x).prod(),
    "loop": lambda x: jax.lax.while_loop(lambda y: y.max() < 3, lambda y: y * y + 0.9, x).sum(),
    "reshaped": lambda x: jnp.sin(x.reshape(2, 6) @ jnp.ones((6, 2))).prod() + jnp.sin(x.reshape(-1)).prod(),
    "several": lambda x: (x**3).sum(1),
    "itself": lambda x: x * 2,
    "stop": lambda x: (jax.lax.stop_gradient(x) * x**2).sum() + jax.nn.relu(x).sum(),
    "convolved": lambda x: jnp.convolve(x[:, 0], x[:, 1]).prod(),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_of_particles(name):
    f = PROGRAMS[name]
    expected = jax.jit(lambda x: traced(f, x))(X)
    scale = max(1.0, float(jnp.abs(expected).max()))
    np.testing.assert_allclose(osculate.laplacian(f)(X), expected, rtol=0, atol=1e-11 * scale)
    flat = osculate.laplacian(lambda x: f(x.reshape(N, 3)))(X.reshape(-1))
    np.testing.assert_allclose(flat, expected, rtol=0, atol=1e-11 * scale)


@pytest.mark.parametrize("name", ["pairs to features", "mean field", "attention", "determinants"])
def test_gradients_come_with_them(name):
    f = PROGRAMS[name]
    flat = lambda x: f(x.reshape(N, 3))  # noqa: E731
    value, gradient, laplacian = pde.value_gradient_laplacian(flat)(X.reshape(-1))
    np.testing.assert_allclose(value, f(X), rtol=1e-12)
    np.testing.assert_allclose(gradient, jax.grad(flat)(X.reshape(-1)), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(laplacian, traced(f, jnp.asarray(X)), rtol=1e-9)


def test_pairs_stay_sparse():
    """No array has 3N directions beside two axes of particles."""
    text = jax.make_jaxpr(osculate.laplacian(PROGRAMS["pairs to features"]))(X)

    def sizes(jaxpr):
        for equation in jaxpr.eqns:
            yield from (math.prod(v.aval.shape) for v in equation.outvars)
            for inner in jax.tree.leaves(
                list(equation.params.values()), is_leaf=lambda p: hasattr(p, "eqns") or hasattr(p, "jaxpr")
            ):
                yield from (
                    sizes(getattr(inner, "jaxpr", inner)) if hasattr(inner, "eqns") or hasattr(inner, "jaxpr") else ()
                )

    assert max(sizes(text.jaxpr)) < 3 * N * N * N * 5


STEPS = {
    "tanh": lambda h: jnp.tanh(h),
    "layer": lambda h: h @ SQUARE,
    "mean": lambda h: h + h.mean(0),
    "roll": lambda h: h + jnp.roll(h, 1, axis=0),
    "pairs": lambda h: jnp.sin(h[:, None] - h[None]).sum(1),
    "attention": lambda h: jax.nn.softmax(h @ h.T / 9) @ h,
    "norm": lambda h: (h - h.mean(1, keepdims=True)) / jnp.sqrt(h.var(1, keepdims=True) + 0.5),
    "product": lambda h: h * h[:, :1],
}


@settings(max_examples=8)
@given(st.lists(st.sampled_from(list(STEPS)), min_size=1, max_size=4))
def test_random_programs(steps):
    def f(x):
        h = x @ W
        for step in steps:
            h = STEPS[step](h)
        return jnp.sin(h).sum()

    with jax.enable_x64():
        expected = jax.jit(lambda x: traced(f, x))(X)
        np.testing.assert_allclose(osculate.laplacian(f)(X), expected, rtol=1e-9, atol=1e-9)
