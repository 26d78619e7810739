"""Reflections, updates and determinants: the series satisfy what defines them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import jax.scipy.linalg as scipy_linalg
import mpmath
import numpy as np
import pytest
from jax import lax

import osculate

ORDER = 5
RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def _float64() -> Iterator[None]:
    with jax.enable_x64():
        yield


def along(function: Any, *starts: Any) -> tuple[list[Any], list[Any]]:
    """The series of the arguments and of the outputs, orders first."""
    rng = np.random.default_rng(1)
    series = [[jnp.asarray(rng.normal(size=s.shape)) for _ in range(ORDER)] for s in starts]
    value, orders = osculate.jet(function, tuple(map(jnp.asarray, starts)), tuple(series), scaling="coefficient")
    leaves = [np.stack(parts) for parts in zip(*map(jax.tree.leaves, [value, *orders]), strict=True)]
    return [np.stack([s, *row]) for s, row in zip(starts, series, strict=True)], leaves


def times(a: Any, b: Any) -> Any:
    return np.stack([sum(a[j] @ b[k - j] for j in range(k + 1)) for k in range(len(a))])


def transposed(a: Any) -> Any:
    return np.swapaxes(a, -1, -2)


def unit(size: int) -> Any:
    return np.stack([np.eye(size), *[np.zeros((size, size))] * ORDER])


@pytest.mark.parametrize("shape", [(4, 3), (3, 3), (3, 4), (1, 1), (2, 1)])
def test_packed_qr_is_what_the_decomposition_says(shape: tuple[int, int]) -> None:
    start = RNG.normal(size=shape)
    (matrix,), (packed, factors) = along(lambda a: jnp.linalg.qr(a, mode="raw"), start)
    packed = transposed(packed)
    upper = np.triu(packed)[:, : min(shape)]

    def product(packed: Any, factors: Any) -> Any:
        return lax.linalg.householder_product(packed[:, : min(shape)], factors)

    q, orders = osculate.jet(
        product,
        (jnp.asarray(packed[0]), jnp.asarray(factors[0])),
        ([jnp.asarray(p) for p in packed[1:]], [jnp.asarray(f) for f in factors[1:]]),
        scaling="coefficient",
    )
    q = np.stack([q, *orders])
    scale = np.abs(q).max() * np.abs(upper).max()
    np.testing.assert_allclose(times(q, upper), matrix, atol=1e-12 * scale)
    np.testing.assert_allclose(times(transposed(q), q), unit(min(shape)), atol=1e-12 * np.abs(q).max() ** 2)


@pytest.mark.parametrize("size", [1, 2, 4])
def test_hessenberg_form(size: int) -> None:
    start = RNG.normal(size=(size, size))
    (matrix,), (form, q) = along(lambda a: scipy_linalg.hessenberg(a, calc_q=True), start)
    scale = np.abs(q).max() ** 2 * np.abs(form).max()
    np.testing.assert_allclose(times(times(q, form), transposed(q)), matrix, atol=1e-11 * scale)
    np.testing.assert_allclose(np.tril(form, -2), 0, atol=0)


def test_cholesky_update() -> None:
    factor = np.triu(RNG.normal(size=(3, 3))) + 3 * np.eye(3)
    vector = RNG.normal(size=3)
    (r, w), (updated,) = along(lax.linalg.cholesky_update, factor, vector)
    outer = np.stack([sum(np.outer(w[j], w[k - j]) for j in range(k + 1)) for k in range(ORDER + 1)])
    r = np.triu(r)
    expected = times(transposed(r), r) + outer
    np.testing.assert_allclose(times(transposed(updated), updated), expected, atol=1e-12 * np.abs(expected).max())


@pytest.mark.parametrize("size", [2, 3, 4, 6])
@pytest.mark.parametrize("x", [0.0, 1.0])
def test_determinant_at_any_rank(size: int, x: float) -> None:
    """det(x I + 1 1ᵀ) = xⁿ + n xⁿ⁻¹: of rank 1 at x = 0."""
    found = osculate.taylor(lambda x: jnp.linalg.det(jnp.eye(size) * x + 1.0), size + 1)(x).coefficients
    power = np.polynomial.Polynomial([0.0] * (size - 1) + [size, 1.0])
    expected = [float(power.deriv(k)(x)) / math.factorial(k) if k else float(power(x)) for k in range(size + 2)]
    np.testing.assert_allclose(found, expected, atol=1e-12 * max(expected))


def test_determinant_of_zero_and_of_a_batch() -> None:
    found = osculate.derivative(lambda x: jnp.linalg.det(x * jnp.asarray(np.diag([1.0, 2.0, 3.0, 4.0]))), 4)(0.0)
    assert found == pytest.approx(24 * 24)
    batch = RNG.normal(size=(2, 4, 4))
    series = osculate.taylor(lambda x: jnp.linalg.det(jnp.asarray(batch) * x), 4)(1.0).coefficients
    np.testing.assert_allclose(np.asarray(series)[4], np.linalg.det(batch), rtol=1e-11)


def _large(rank: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A 10 × 10 matrix of this rank, another one, and the coefficients of det(A + x B)."""
    left, right = RNG.normal(size=(10, rank)), RNG.normal(size=(rank, 10))
    a, b = np.round(2 * left) @ np.round(2 * right), RNG.normal(size=(10, 10))  # integers: exact in float64
    with mpmath.workdps(60):
        exact_a, exact_b = mpmath.matrix(a.tolist()), mpmath.matrix(b.tolist())
        expected = mpmath.taylor(lambda x: mpmath.det(exact_a + x * exact_b), 0, 10)
    return a, b, np.array([float(c) for c in expected])


@pytest.mark.parametrize("rank", [10, 9, 8, 5, 2])
def test_a_large_determinant_of_any_rank_but_the_lowest(rank: int) -> None:
    a, b, expected = _large(rank)
    found = osculate.taylor(lambda x: jnp.linalg.det(jnp.asarray(a) + x * jnp.asarray(b)), 10)(0.0).coefficients
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-11 * np.max(np.abs(expected)))


def test_a_large_determinant_of_the_lowest_rank_is_no_wrong_number() -> None:
    a, b, _ = _large(1)
    with pytest.warns(RuntimeWarning, match="order 1 is not finite"):
        found = osculate.taylor(lambda x: jnp.linalg.det(jnp.asarray(a) + x * jnp.asarray(b)), 3)(0.0).coefficients
    assert np.all(np.isnan(np.asarray(found)[1:]))


def test_a_large_complex_determinant() -> None:
    a = RNG.normal(size=(11, 11)) + 1j * RNG.normal(size=(11, 11))
    a[:, 3] = a[:, 0] - 1j * a[:, 1]
    b = RNG.normal(size=(11, 11)) - 1j * RNG.normal(size=(11, 11))
    with mpmath.workdps(40):
        one, two = mpmath.matrix(a.tolist()), mpmath.matrix(b.tolist())
        values = [mpmath.det(one + mpmath.expjpi(2 * mpmath.mpf(k) / 16) * two) for k in range(16)]
        powers = range(5)
        expected = [
            sum(v * mpmath.expjpi(-2 * mpmath.mpf(k * p) / 16) for k, v in enumerate(values)) / 16 for p in powers
        ]
    found = osculate.taylor(lambda x: jnp.linalg.det(jnp.asarray(a) + x * jnp.asarray(b)), 4)(0j).coefficients
    scale = max(abs(complex(e)) for e in expected)
    np.testing.assert_allclose(found, np.array([complex(e) for e in expected]), atol=1e-11 * scale)


@pytest.mark.slow
def test_a_large_regular_determinant() -> None:
    matrix = RNG.normal(size=(10, 10)) + 4 * np.eye(10)
    found = osculate.derivative(lambda x: jnp.linalg.det(jnp.asarray(matrix) * x), 3)(1.0)
    assert found == pytest.approx(720 * np.linalg.det(matrix), rel=1e-10)
