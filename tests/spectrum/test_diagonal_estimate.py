"""XDiag: exact where it can be, unbiased, better than Hutchinson, with honest errors for the entries."""

import numpy as np
import pytest

from osculate._errors import WrongInput
from osculate._spectrum import diagonal

SPECTRA = {
    "flat": np.linspace(1, 3, 150),
    "polynomial": 1.0 / np.arange(1, 151) ** 2,
    "geometric": 0.8 ** np.arange(150),
    "both signs": np.linspace(-1, 1, 150) ** 3,
}


def symmetric(spectrum, seed=0):
    size = len(spectrum)
    vectors = np.linalg.qr(np.random.default_rng(seed).standard_normal((size, size)))[0]
    dense = (vectors * spectrum) @ vectors.T
    return (dense + dense.T) / 2


def naive(dense, probes):
    """The estimator by its definition: a QR factorisation for each probe left out."""
    size, count = probes.shape
    estimates = []
    for index in range(count):
        basis = np.linalg.qr(np.delete(dense @ probes, index, axis=1))[0]
        inside = basis @ basis.T
        outside = np.eye(size) - inside
        known = inside @ dense + dense @ inside - inside @ dense @ inside
        rest = outside @ dense @ outside
        estimates.append(np.diag(known) + probes[:, index] * (rest @ probes[:, index]))
    return np.mean(estimates, axis=0)


def test_it_agrees_with_its_definition():
    from osculate._spectrum.keys import generator

    dense = symmetric(SPECTRA["both signs"])
    probes = generator(3, "").choice(np.array([-1.0, 1.0]), (150, 8))
    estimate = diagonal(dense, 16, key=3)
    np.testing.assert_allclose(estimate.value, naive(dense, probes), atol=1e-12)
    assert estimate.products == 16


@pytest.mark.parametrize("name", SPECTRA)
def test_two_bars_hold_the_truth_as_often_as_they_should(name):
    """150 entries of 20 keys; entries of one key depend on each other, so the share is only asked to be near 95 %."""
    dense = symmetric(SPECTRA[name])
    inside = []
    for key in range(20):
        estimate = diagonal(dense, 40, key)
        inside.append(np.abs(estimate.value - np.diag(dense)) <= 2 * estimate.error)
    assert 0.90 <= np.mean(inside) <= 0.995


@pytest.mark.parametrize("name", SPECTRA)
def test_it_is_unbiased(name):
    dense = symmetric(SPECTRA[name])
    values = np.array([diagonal(dense, 20, key).value for key in range(60)])
    deviations = (values.mean(axis=0) - np.diag(dense)) / (values.std(axis=0, ddof=1) / np.sqrt(60))
    assert np.max(np.abs(deviations)) < 5
    assert np.sqrt(np.mean(deviations**2)) < 1.3


def test_it_is_far_better_than_hutchinson_where_the_spectrum_decays():
    dense = symmetric(SPECTRA["geometric"])
    errors, hutchinson = [], []
    for key in range(5):
        errors.append(np.linalg.norm(diagonal(dense, 40, key).value - np.diag(dense)))
        probes = np.random.default_rng(key).choice([-1.0, 1.0], (150, 40))
        hutchinson.append(np.linalg.norm(np.mean(probes * (dense @ probes), axis=1) - np.diag(dense)))
    assert max(errors) < min(hutchinson) / 10


@pytest.mark.parametrize(("rank", "products"), [(0, 4), (1, 4), (5, 12), (20, 98)])
def test_low_rank_is_exact(rank, products):
    factor = np.random.default_rng(1).standard_normal((150, rank))
    dense = factor @ factor.T
    estimate = diagonal(dense, products)
    np.testing.assert_allclose(estimate.value, np.diag(dense), atol=1e-11)
    assert np.all(estimate.error <= 1e-9)


@pytest.mark.parametrize("size", [1, 2, 98])
def test_small_operators_are_exact_and_say_so(size):
    dense = symmetric(np.linspace(-1, 3, size))
    estimate = diagonal(dense)
    assert np.all(np.abs(estimate.value - np.diag(dense)) <= estimate.error)
    assert estimate.value.shape == estimate.error.shape == (size,)
    assert estimate.products == size
    assert "exact" in estimate.how


def test_wrong_input_is_named():
    with pytest.raises(WrongInput, match="two probes"):
        diagonal(np.eye(10), 3)
    with pytest.raises(WrongInput, match="not symmetric"):
        diagonal(np.random.default_rng(0).standard_normal((150, 150)), 20)
