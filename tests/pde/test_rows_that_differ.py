"""Functions of a batch that treat its rows apart but not alike: their rows cannot be computed one at a time.

The oracle is the Hessian of the whole batch, row by row.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import osculate
from osculate import pde

POINTS = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)


@jax.custom_jvp
def numbered_by_its_rule(x):
    return jnp.sum(x**2, -1)


numbered_by_its_rule.defjvp(
    lambda x, t: (numbered_by_its_rule(*x), jnp.sum(2 * x[0] * t[0], -1) * jnp.arange(x[0].shape[0]))
)


def squares(x):
    return jnp.sum(x**2, -1)


UNLIKE = {
    "numbered": lambda x: squares(x) * jnp.arange(x.shape[0]),
    "running count": lambda x: squares(x) * jnp.cumsum(jnp.ones(x.shape[0])),
    "spaced": lambda x: squares(x) * jnp.linspace(0.0, 1.0, x.shape[0]),
    "noise": lambda x: squares(x) * jax.random.normal(jax.random.key(0), (x.shape[0],)),
    "noise by keys": lambda x: jax.vmap(lambda r, k: jnp.sum(r**2) * jax.random.uniform(k))(
        x, jax.random.split(jax.random.key(1), x.shape[0])
    ),
    "scan that counts": lambda x: lax.scan(lambda c, r: (c + 1, c * jnp.sum(r**2)), 0, x)[1],
    "scan that flips": lambda x: lax.scan(lambda c, r: (jnp.where(r[0] > 0, 1 - c, c), c * r @ r), 0, x)[1],
    "as many steps as rows": lambda x: lax.fori_loop(0, x.shape[0], lambda i, c: 2 * c, x**2).sum(-1),
    "sum of as many ones": lambda x: squares(x) * jnp.ones(x.shape[0]).sum(),
    "copies of an entry": lambda x: jnp.sum(jnp.broadcast_to(x[:, :1] ** 2, (x.shape[0],) * 2), 1),
    "own rule": numbered_by_its_rule,
    "inside a loop": lambda x: lax.fori_loop(
        0, 4, lambda i, c: c * jnp.sin(x) + jnp.arange(x.shape[0])[:, None], x
    ).sum(-1),
}


@pytest.mark.parametrize("chunk", ["auto", 2])
@pytest.mark.parametrize("name", UNLIKE)
def test_rows_that_are_treated_differently(name, chunk):
    f = UNLIKE[name]
    expected = jnp.einsum("aabab->a", jax.jacfwd(jax.jacfwd(f))(jnp.asarray(POINTS)))
    with pytest.warns(RuntimeWarning, match="rows do not meet, but|has no effect"):
        found = osculate.laplacian(f, chunk=chunk)(jnp.asarray(POINTS))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    value = pde.value_gradient_laplacian(f, chunk=None)(jnp.asarray(POINTS))[0]
    np.testing.assert_allclose(value, f(jnp.asarray(POINTS)), rtol=1e-5, atol=1e-6)


def test_a_chunk_without_rows_has_no_effect_and_that_is_said():
    with pytest.warns(RuntimeWarning, match="chunk=2 has no effect"):
        found = osculate.laplacian(lambda x: jnp.sum(x**3), chunk=2)(jnp.asarray(POINTS))
    np.testing.assert_allclose(found, 6 * np.sum(POINTS), rtol=1e-5, atol=1e-5)


ALIKE = {
    "columns added": lambda x: jnp.tanh(jnp.concatenate([x, x * 0 + 1], 1) @ jnp.ones((6, 2))).sum(-1),
    "one noise for all": lambda x: jax.vmap(lambda r: r @ r * jax.random.uniform(jax.random.key(1)))(x),
    "map": lambda x: lax.map(lambda r: jnp.sum(jnp.sin(r)), x) + squares(x),
    "linear system": lambda x: jax.vmap(lambda r: r @ jnp.linalg.solve(jnp.outer(r, r) + jnp.eye(3), r))(x),
}


@pytest.mark.parametrize("name", ALIKE)
def test_rows_that_are_treated_alike_are_computed_one_at_a_time(name, monkeypatch):
    from osculate.pde import call

    found = []
    one_row = call.one_row
    monkeypatch.setattr(call, "one_row", lambda *a, **k: found.append(one_row(*a, **k)) or found[-1])
    f = ALIKE[name]
    expected = jnp.einsum("aabab->a", jax.jacfwd(jax.jacfwd(f))(jnp.asarray(POINTS)))
    np.testing.assert_allclose(osculate.laplacian(f, chunk=2)(jnp.asarray(POINTS)), expected, rtol=1e-4, atol=1e-4)
    assert found[0] is not None
