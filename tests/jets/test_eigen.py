"""Eigenvalues of general matrices: the series satisfy A V = V Λ, and closed forms."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from jax import lax

import osculate

ORDER = 6
RNG = np.random.default_rng(0)
GENERAL = RNG.normal(size=(4, 4))
ROTATING = np.array([[0.2, -1.3, 0.1], [1.1, 0.3, 0.4], [0.0, 0.2, 2.0]])


@pytest.fixture(autouse=True)
def _float64() -> Iterator[None]:
    with jax.enable_x64():
        yield


def along(function: Any, start: Any, order: int = ORDER) -> tuple[Any, list[Any], list[Any]]:
    """The series of a matrix, and those of the function's outputs, orders first."""
    rng = np.random.default_rng(1)
    series = [jnp.asarray(rng.normal(size=start.shape)) for _ in range(order)]
    value, orders = osculate.jet(function, (jnp.asarray(start),), (series,), scaling="coefficient")
    leaves = [np.stack(parts) for parts in zip(*map(jax.tree.leaves, [value, *orders]), strict=True)]
    return np.stack([start, *series]), leaves, orders


def times(a: Any, b: Any) -> Any:
    """Cauchy product of two series of matrices."""
    return np.stack([sum(a[j] @ b[k - j] for j in range(k + 1)) for k in range(len(a))])


@pytest.mark.parametrize("start", [GENERAL, ROTATING], ids=["general", "rotating"])
def test_the_series_solve_the_eigenvalue_equation(start: Any) -> None:
    matrix, (values, vectors), _ = along(jnp.linalg.eig, start)
    diagonal = np.stack([np.diag(v) for v in values])
    np.testing.assert_allclose(times(matrix, vectors), times(vectors, diagonal), atol=1e-7 * np.abs(vectors).max())
    norms = times(np.conj(np.swapaxes(vectors, 1, 2)), vectors)
    np.testing.assert_allclose([np.diag(n) for n in norms[1:]], 0, atol=1e-7 * np.abs(vectors).max())
    largest = np.argmax(np.abs(vectors[0]), axis=0)
    assert np.abs(vectors[:, largest, np.arange(len(start))].imag).max() <= 1e-8 * np.abs(vectors).max()


@pytest.mark.parametrize("start", [GENERAL, ROTATING], ids=["general", "rotating"])
def test_eigenvalues_alone_are_those_with_vectors(start: Any) -> None:
    _, (values,), _ = along(jnp.linalg.eigvals, start)
    _, (same, _), _ = along(jnp.linalg.eig, start)
    order = [int(np.argmin(np.abs(same[0] - v))) for v in values[0]]
    np.testing.assert_allclose(values, same[:, order], rtol=1e-8, atol=1e-8 * np.abs(same).max())


def test_left_eigenvectors() -> None:
    def left(a: Any) -> Any:
        return lax.linalg.eig(a, compute_left_eigenvectors=True, compute_right_eigenvectors=False)

    matrix, (values, vectors), _ = along(left, GENERAL, 4)
    adjoint = np.conj(np.swapaxes(vectors, 1, 2))
    diagonal = np.stack([np.diag(v) for v in values])
    np.testing.assert_allclose(times(adjoint, matrix), times(diagonal, adjoint), atol=1e-7 * np.abs(vectors).max())


def test_a_closed_form() -> None:
    """The eigenvalues of [[0, x], [1, 0]] are ±√x."""
    found = osculate.taylor(
        lambda x: jnp.sort(
            jnp.real(jnp.linalg.eigvals(jnp.array([[0.0, 1.0], [1.0, 0.0]]) * jnp.stack([x, 1.0 + 0 * x])[:, None]))
        ),
        5,
    )(2.0).coefficients
    with mpmath.workdps(30):
        true = [float(c) for c in mpmath.taylor(mpmath.sqrt, 2, 5)]
    np.testing.assert_allclose(np.asarray(found)[:, 1], true, rtol=1e-12)
    np.testing.assert_allclose(np.asarray(found)[:, 0], [-c for c in true], rtol=1e-12)


def test_roots_of_a_polynomial() -> None:
    """x³ − 6x² + 11x − 6 − t has the roots 1, 2, 3 at t = 0, which move by t / p′(r)."""
    found = osculate.derivative(
        lambda t: jnp.sort(
            jnp.real(jnp.roots(jnp.stack([1.0 + 0 * t, -6.0 + 0 * t, 11.0 + 0 * t, -6.0 - t]), strip_zeros=False))
        )
    )(0.0)
    np.testing.assert_allclose(found, [1 / 2, -1.0, 1 / 2], rtol=1e-10)


@pytest.mark.parametrize("start", [np.eye(3), np.array([[1.0, 1.0], [0.0, 1.0]])], ids=["identity", "jordan"])
def test_eigenvalues_that_meet_give_nan_rather_than_a_number(start: Any) -> None:
    with pytest.warns(RuntimeWarning, match="not finite"):
        _, leaves, _ = along(jnp.linalg.eigvals, start, 2)
    assert np.all(np.isfinite(leaves[0][0]))
    assert np.all(np.isnan(leaves[0][1:]))


def test_under_vmap_and_grad() -> None:
    def trace_of_square(x: Any) -> Any:
        return jnp.real(jnp.sum(jnp.linalg.eigvals(jnp.asarray(ROTATING) * x) ** 2))

    second = osculate.derivative(trace_of_square, 2)
    true = 2 * np.trace(ROTATING @ ROTATING)
    np.testing.assert_allclose(jax.vmap(second)(jnp.array([0.5, 1.5])), true, rtol=1e-10)
    assert jax.grad(second)(jnp.asarray(0.7)) == pytest.approx(0.0, abs=1e-9)
