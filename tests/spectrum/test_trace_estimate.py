"""XTrace: exact where it can be, unbiased, and with an error bar that means what it says."""

import numpy as np
import pytest
from scipy.stats import binom

from osculate._errors import WrongInput, WrongType
from osculate._results import Estimate
from osculate._spectrum import trace

# one list of spectra for all statistical tests: flat, decaying slowly and fast, a step, both signs
SPECTRA = {
    "flat": np.linspace(1, 3, 150),
    "polynomial": 1.0 / np.arange(1, 151) ** 2,
    "geometric": 0.8 ** np.arange(150),
    "step": np.concatenate([np.ones(15), np.full(135, 1e-3)]),
    "both signs": np.linspace(-1, 1, 150) ** 3,
}


def symmetric(spectrum, seed=0):
    size = len(spectrum)
    vectors = np.linalg.qr(np.random.default_rng(seed).standard_normal((size, size)))[0]
    dense = (vectors * spectrum) @ vectors.T
    return (dense + dense.T) / 2


def naive(dense, probes):
    """XTrace by its definition: a QR factorisation for each probe left out."""
    size, count = probes.shape
    image = dense @ probes
    estimates = []
    for index in range(count):
        basis = np.linalg.qr(np.delete(image, index, axis=1))[0]
        outside = probes[:, index] - basis @ (basis.T @ probes[:, index])
        outside *= np.sqrt(size - count + 1) / np.linalg.norm(outside)
        estimates.append(np.trace(basis.T @ dense @ basis) + outside @ dense @ outside)
    return np.mean(estimates), np.std(estimates, ddof=1) / np.sqrt(count)


def test_it_is_the_published_estimator():
    from osculate._spectrum.keys import generator

    dense = symmetric(SPECTRA["both signs"])
    probes = generator(3, "").standard_normal((150, 12))
    value, published_error = naive(dense, probes * np.sqrt(150) / np.linalg.norm(probes, axis=0))
    estimate = trace(dense, products=24, key=3)
    assert estimate.value == pytest.approx(value, abs=1e-12)
    # ours adds the covariance of the leave-one-out estimates and Student's factor
    assert estimate.error >= published_error
    assert estimate.products == 24


def test_leaving_two_out_agrees_with_its_definition():
    from osculate._spectrum.product import product_of
    from osculate._spectrum.sketch import sketch
    from osculate._spectrum.trace import _leave_two_out

    dense = symmetric(SPECTRA["both signs"])
    probes = np.random.default_rng(0).standard_normal((150, 6))
    probes *= np.sqrt(150) / np.linalg.norm(probes, axis=0)
    fast = _leave_two_out(sketch(product_of(dense, ""), probes))
    for i in range(6):
        for j in set(range(6)) - {i}:
            basis = np.linalg.qr(np.delete(dense @ probes, [i, j], axis=1))[0]
            outside = probes[:, i] - basis @ (basis.T @ probes[:, i])
            outside *= np.sqrt(150 - 6 + 2) / np.linalg.norm(outside)
            exact = np.trace(basis.T @ dense @ basis) + outside @ dense @ outside
            assert fast[i, j] == pytest.approx(exact, abs=1e-11)


@pytest.mark.parametrize("name", SPECTRA)
@pytest.mark.parametrize("products", [16, 60])
def test_two_bars_hold_the_truth_as_often_as_they_should(name, products):
    """Of 200 independent bars that each hold with probability 95 %, at least 170 do, but for one chance in 10⁷.

    The bars are not Gaussian at few probes; 88 % is what is asked of them, and then 160 of 200 fails once in 10³.
    """
    dense = symmetric(SPECTRA[name])
    estimates = [trace(dense, products, key) for key in range(200)]
    inside = sum(abs(estimate.value - np.trace(dense)) <= 2 * estimate.error for estimate in estimates)
    assert binom.cdf(159, 200, 0.88) < 2e-3
    assert inside >= 160
    # and they are not too wide: the mean bar is within a half of the actual error
    actual = np.sqrt(np.mean([(estimate.value - np.trace(dense)) ** 2 for estimate in estimates]))
    widening = 1.21 if products == 16 else 1.04
    assert 0.75 < np.sqrt(np.mean([estimate.error**2 for estimate in estimates])) / widening / actual < 1.5


@pytest.mark.parametrize("name", SPECTRA)
def test_it_is_unbiased(name):
    dense = symmetric(SPECTRA[name])
    values = np.array([trace(dense, 20, key).value for key in range(200)])
    deviation = abs(values.mean() - np.trace(dense)) / (values.std(ddof=1) / np.sqrt(200))
    assert deviation < 4


@pytest.mark.parametrize(("rank", "products"), [(0, 4), (1, 4), (5, 12), (5, 40), (20, 42), (20, 98)])
def test_low_rank_is_exact(rank, products):
    factor = np.random.default_rng(1).standard_normal((150, rank))
    dense = factor @ np.diag((-1.0) ** np.arange(rank)) @ factor.T
    dense = (dense + dense.T) / 2
    estimate = trace(dense, products)
    assert abs(estimate.value - np.trace(dense)) <= 1e-11 * max(1, np.linalg.norm(dense, 2))
    assert estimate.error <= 1e-10 * max(1, np.linalg.norm(dense, 2))


@pytest.mark.parametrize("size", [1, 2, 30, 98])
def test_small_operators_are_exact_and_say_so(size):
    dense = symmetric(np.linspace(-1, 3, size))
    estimate = trace(dense)
    assert isinstance(estimate, Estimate)
    assert abs(estimate.value - np.trace(dense)) <= estimate.error < 1e-12
    assert estimate.products == size
    assert "exact" in estimate.how


def test_the_identity_has_no_variance():
    estimate = trace(np.eye(300))
    assert abs(estimate.value - 300) < 1e-10
    assert estimate.error < 1e-10


def test_float32_bars_include_rounding():
    dense = symmetric(SPECTRA["flat"]).astype(np.float32)
    estimate = trace(dense, 149)
    exact = trace(dense, 150)
    assert 1e-6 < exact.error < 1e-3
    assert abs(estimate.value - exact.value) < 4 * estimate.error


def test_same_key_same_answer():
    dense = symmetric(SPECTRA["flat"])
    assert trace(dense, 20, key=7).value == trace(dense, 20, key=7).value != trace(dense, 20, key=8).value


def test_wrong_input_is_named():
    dense = symmetric(SPECTRA["flat"])
    with pytest.raises(WrongInput, match="two probes"):
        trace(dense, 3)
    with pytest.raises(WrongType, match="integer"):
        trace(dense, 10.0)  # pyright: ignore[reportArgumentType]
    with pytest.raises(WrongInput, match="not symmetric"):
        trace(np.random.default_rng(0).standard_normal((150, 150)), 20)
    with pytest.raises(WrongInput, match="not symmetric"):
        trace(np.triu(np.ones((5, 5))), 20)
    dense[3, 4] = np.nan
    with pytest.raises(WrongInput, match="not finite"):
        trace(dense, 20)
