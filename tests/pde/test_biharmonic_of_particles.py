"""Δ² of programs that see x as particles, whose tangents are sparse for the Laplacian alone."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

import osculate

POINT = np.array([0.3, -0.2, 0.5, 0.9, 0.4, -0.6])


@pytest.mark.parametrize("lead", [(), (4,)])
@pytest.mark.parametrize(
    ("f", "expected"),
    [
        (lambda r: jnp.sum((r @ r.T) ** 2), 288.0),  # |a|⁴ + |b|⁴ + 2 (a·b)²: 120 + 120 + 48
        (lambda r: jnp.sum(r[:, None] * r[None] * jnp.sum(r**2)), 384.0),
        (lambda r: jnp.sum((r[np.array([0])] - r[np.array([1])]) ** 2) ** 2, 480.0),  # 4 · 120
    ],
)
def test_polynomials_of_two_particles_in_space(f, expected, lead):
    x = np.broadcast_to(POINT, (*lead, 6))
    if lead:
        found = osculate.biharmonic(lambda x: jnp.stack([f(row.reshape(2, 3)) for row in x]))(x[:1])
        np.testing.assert_allclose(found, [expected], rtol=1e-12)
    np.testing.assert_allclose(osculate.biharmonic(lambda x: f(x.reshape(2, 3)))(POINT), expected, rtol=1e-12)
