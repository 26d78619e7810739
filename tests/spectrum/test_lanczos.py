"""Lanczos and Ritz pairs against dense linear algebra."""

from itertools import islice

import numpy as np
import pytest

from osculate._errors import WrongInput
from osculate._spectrum.lanczos import lanczos
from osculate._spectrum.product import product_of
from osculate._spectrum.ritz import ritz


def symmetric(eigenvalues, seed=0):
    size = len(eigenvalues)
    vectors = np.linalg.qr(np.random.default_rng(seed).standard_normal((size, size)))[0]
    dense = (vectors * np.asarray(eigenvalues, dtype=float)) @ vectors.T
    return (dense + dense.T) / 2


def run(dense, steps, seed=1, avoid=None):
    start = np.random.default_rng(seed).standard_normal(len(dense))
    *_, last = islice(lanczos(product_of(dense, "osculate.eigenvalues"), start, avoid), steps)
    return last


def outlying(size=400):
    """A spectrum like that of a trained network: outliers, a decaying bulk, many near zero."""
    return np.concatenate([[20.0, 11.0, 7.0, 6.5, 3.0], 0.5 / np.arange(1, size - 4) ** 1.5])


@pytest.mark.parametrize("steps", [1, 2, 30, 100, 300])
def test_the_lanczos_relation_holds(steps):
    dense = symmetric(outlying())
    krylov = run(dense, steps)
    assert krylov.basis.shape == (400, steps)
    np.testing.assert_allclose(krylov.basis.T @ krylov.basis, np.eye(steps), atol=1e-13)
    expected = krylov.basis @ krylov.tridiagonal()
    expected[:, -1] += krylov.residual
    np.testing.assert_allclose(dense @ krylov.basis, expected, atol=1e-12)
    np.testing.assert_allclose(krylov.basis.T @ krylov.residual, 0, atol=1e-12)


@pytest.mark.parametrize("steps", [100, 300])
def test_there_are_no_ghosts(steps):
    """Every converged Ritz value is one eigenvalue, and no eigenvalue is taken twice."""
    dense = symmetric(outlying())
    exact = np.linalg.eigvalsh(dense)
    pairs = ritz([run(dense, steps)])
    converged = pairs.values[pairs.residuals < 1e-10]
    nearest = np.argmin(np.abs(converged[:, None] - exact[None, :]), axis=1)
    assert len(converged) > 20
    assert len(set(nearest)) == len(nearest)
    np.testing.assert_allclose(converged, exact[nearest], atol=1e-12)
    # the top ones are there once each, in order
    np.testing.assert_allclose(pairs.values[-20:], exact[-20:], atol=1e-12)


def test_ritz_values_interlace():
    dense = symmetric(outlying())
    exact = np.linalg.eigvalsh(dense)
    values = ritz([run(dense, 60)]).values
    assert np.all(values <= exact[-60:] + 1e-12)
    assert np.all(values >= exact[:60] - 1e-12)


def test_an_invariant_space_ends_the_run():
    krylov = run(symmetric([3.0] * 5 + [1.0] * 5), 10)
    assert krylov.steps == 2
    assert krylov.invariant
    np.testing.assert_allclose(ritz([krylov]).values, [1.0, 3.0], rtol=1e-14)


def test_a_full_space_ends_the_run_and_holds_the_spectrum():
    dense = symmetric(np.linspace(-3, 5, 12))
    krylov = run(dense, 100)
    assert krylov.steps == 12
    np.testing.assert_allclose(ritz([krylov]).values, np.linspace(-3, 5, 12), atol=1e-13)


def test_avoided_vectors_are_projected_out():
    dense = symmetric(np.arange(1.0, 31.0))
    avoid = np.linalg.qr(np.random.default_rng(3).standard_normal((30, 4)))[0]
    krylov = run(dense, 26, avoid=avoid)
    complement = np.linalg.svd(avoid, full_matrices=True)[0][:, 4:]
    np.testing.assert_allclose(avoid.T @ krylov.basis, 0, atol=1e-13)
    np.testing.assert_allclose(ritz([krylov]).values, np.linalg.eigvalsh(complement.T @ dense @ complement), atol=1e-12)


def test_ritz_pairs_of_several_runs_are_those_of_the_joint_space():
    dense = symmetric(outlying(200))
    first = run(dense, 7)
    second = run(dense, 5, seed=2, avoid=first.basis)
    third = run(dense, 4, seed=3, avoid=np.hstack([first.basis, second.basis]))
    pairs = ritz([first, second, third])
    joint = np.hstack([first.basis, second.basis, third.basis])
    np.testing.assert_allclose(pairs.values, np.linalg.eigvalsh(joint.T @ dense @ joint), atol=1e-12)
    vectors = joint @ pairs.coordinates
    true_residuals = np.linalg.norm(dense @ vectors - vectors * pairs.values, axis=0)
    np.testing.assert_allclose(pairs.residuals, true_residuals, atol=1e-12)


def test_quadratic_bounds_hold_and_are_sharper():
    dense = symmetric(np.concatenate([[10.0, 8.0], np.linspace(0, 1, 98)]))
    pairs = ritz([run(dense, 6)])
    bounds = pairs.quadratic_bounds()
    assert abs(pairs.values[-1] - 10.0) <= bounds[-1] < pairs.residuals[-1] / 100


def test_one_ritz_value_alone_has_no_gap():
    pairs = ritz([run(symmetric(np.linspace(0, 1, 10)), 1)])
    assert pairs.quadratic_bounds()[0] == pairs.residuals[0] > 0


def test_gauss_quadrature_integrates_polynomials_exactly():
    dense = symmetric(np.linspace(-1, 1, 50))
    start = np.random.default_rng(1).standard_normal(50)
    start /= np.linalg.norm(start)
    nodes, weights = run(dense, 6).quadrature()
    for degree in range(12):  # 2m − 1 = 11
        exact = start @ np.linalg.matrix_power(dense, degree) @ start
        np.testing.assert_allclose(weights @ nodes**degree, exact, atol=1e-13)


@pytest.mark.parametrize("size", [2, 3, 40])
def test_an_operator_that_is_not_symmetric_is_noticed_without_extra_products(size):
    dense = np.random.default_rng(0).standard_normal((size, size))
    product = product_of(dense, "osculate.eigenvalues")
    with pytest.raises(WrongInput, match="not symmetric"):
        list(lanczos(product, np.random.default_rng(1).standard_normal(size)))
    assert product.count == 2


def test_small_asymmetry_becomes_part_of_the_error():
    dense = symmetric(np.linspace(1, 2, 40))
    product = product_of(dense + 1e-10 * np.random.default_rng(0).standard_normal((40, 40)), "osculate.eigenvalues")
    list(lanczos(product, np.ones(40)))
    assert 1e-11 < product.rounding < 1e-8
