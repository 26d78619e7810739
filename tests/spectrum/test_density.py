"""The spectral density against spectra that are known."""

import jax
import numpy as np
import pytest

from osculate._errors import WrongInput, WrongType
from osculate._spectrum import spectral_density

SIZE = 500


def symmetric(spectrum, seed=0):
    size = len(spectrum)
    vectors = np.linalg.qr(np.random.default_rng(seed).standard_normal((size, size)))[0]
    dense = (vectors * np.asarray(spectrum, dtype=float)) @ vectors.T
    return (dense + dense.T) / 2


def smoothed(spectrum, grid, width):
    distances = (grid[:, None] - np.asarray(spectrum)[None, :]) / width
    return np.exp(-(distances**2) / 2).sum(axis=1) / (len(spectrum) * width * np.sqrt(2 * np.pi))


SPECTRA = {
    "outliers": np.concatenate([np.linspace(-1, 1, SIZE - 4), [-6.0, 5.0, 8.0, 20.0]]),
    "semicircle": np.cos(np.linspace(0, np.pi, SIZE)),
    "low rank": np.concatenate([np.zeros(SIZE - 3), [1.0, 2.0, 3.0]]),
    "two values": np.repeat([-1.0, 2.0], SIZE // 2),
    "identity": np.ones(SIZE),
    "zero": np.zeros(SIZE),
    "large": 1e9 * np.linspace(-1, 3, SIZE),
    "small": 1e-9 * np.linspace(-1, 3, SIZE),
}


@pytest.mark.parametrize("name", SPECTRA)
def test_it_integrates_to_one_and_agrees_with_the_known_spectrum(name):
    spectrum = SPECTRA[name]
    found = spectral_density(symmetric(spectrum), products=150, probes=5)
    assert np.trapezoid(found.density, found.grid) == pytest.approx(1.0, abs=1e-9)
    exact = smoothed(spectrum, found.grid, found.width)
    assert np.trapezoid(np.abs(found.density - exact), found.grid) < 0.15
    visible = exact > 1e-3 * exact.max()
    # bars at neighbouring points go together, so the share is a coarse measure
    assert np.mean(np.abs(found.density - exact)[visible] <= (3 * found.error + 1e-12 * exact)[visible]) > 0.9
    assert np.all(found.grid[1:] > found.grid[:-1])
    assert found.products <= 150
    low, high = found.eigenvalue_range
    slack = found.rounding
    assert spectrum.min() - slack <= low <= high <= spectrum.max() + slack


def test_outliers_are_exact_masses_without_noise():
    spectrum = SPECTRA["outliers"]
    found = spectral_density(symmetric(spectrum), products=150, probes=5)
    assert set(np.round(found.outliers, 9)) >= {-6.0, 5.0, 8.0, 20.0}
    exact = np.sort(spectrum)
    distance = np.min(np.abs(found.outliers[:, None] - exact[None, :]), axis=1)
    assert np.all(distance <= found.outlier_error)
    at_outlier = np.argmin(np.abs(found.grid - 20.0))
    assert found.error[at_outlier] < 1e-6 * found.density[at_outlier]


def test_a_crowd_at_one_place_is_no_outlier():
    found = spectral_density(symmetric(SPECTRA["low rank"]), products=100)
    np.testing.assert_allclose(found.outliers, [1.0, 2.0, 3.0], atol=1e-12)
    assert found.histogram([-0.5, 0.5, 4.0]).value == pytest.approx([1 - 3 / SIZE, 3 / SIZE], abs=1e-12)


@pytest.mark.parametrize("key", range(4))
def test_negative_mass_lies_within_its_bar(key):
    for spectrum in (np.linspace(-1, 3, SIZE), np.linspace(-3, 1, SIZE) ** 3, SPECTRA["two values"]):
        found = spectral_density(symmetric(spectrum), products=240, key=key).negative_mass
        assert abs(found.value - np.mean(spectrum < 0)) <= 3 * found.error
        assert found.error < 0.25


def test_the_cumulative_count_lies_within_its_bar():
    spectrum = SPECTRA["semicircle"]
    found = spectral_density(symmetric(spectrum), products=200)
    points = np.linspace(-1.2, 1.2, 25)
    counted = found.cumulative(points)
    exact = np.mean(spectrum[None, :] < points[:, None], axis=1)
    assert np.all(np.abs(counted.value - exact) <= counted.error)
    assert np.all(np.diff(counted.value) >= 0)
    assert counted.value[0] == 0
    assert counted.value[-1] == pytest.approx(1)
    bins = found.histogram(points)
    assert bins.value.sum() == pytest.approx(1)
    assert np.all(np.abs(bins.value - np.diff(exact)) <= bins.error)


@pytest.mark.parametrize("size", [1, 2, 7, 60])
def test_small_operators_are_exact(size):
    spectrum = np.linspace(-1, 2, size)
    found = spectral_density(symmetric(spectrum), products=60)
    np.testing.assert_allclose(found.density, smoothed(spectrum, found.grid, found.width), rtol=1e-9, atol=1e-9)
    assert found.negative_mass.value == pytest.approx(np.mean(spectrum < 0))
    assert found.negative_mass.error == 0
    assert found.products == size
    assert "whole matrix" in found.how


def test_zeros_are_not_called_negative_but_doubtful():
    found = spectral_density(np.diag([0.0, 0.0, 1.0, -1.0])).negative_mass
    assert found.value + 1e-15 >= 0.25
    assert found.value - found.error <= 0.25 <= found.value + found.error


def test_other_widths_and_points():
    spectrum = SPECTRA["semicircle"]
    found = spectral_density(symmetric(spectrum), products=200)
    points = np.linspace(-0.9, 0.9, 7)
    wide = found.at(points, width=0.3)
    exact = smoothed(spectrum, points, 0.3)
    assert np.all(np.abs(wide.value - exact) <= 3 * wide.error + 1e-3 * exact)
    with pytest.raises(WrongInput, match="width"):
        found.at(points, width=0.0)


def test_the_result_reads_well_and_is_a_pytree():
    found = spectral_density(symmetric(SPECTRA["outliers"]), products=100)
    assert "500 eigenvalues" in str(found)
    assert "negative" in str(found)
    np.testing.assert_array_equal(np.asarray(found), found.value)
    again = jax.tree_util.tree_map(lambda leaf: leaf, found)
    assert again.how == found.how


def test_float32():
    spectrum = SPECTRA["outliers"]
    found = spectral_density(symmetric(spectrum).astype(np.float32), products=100)
    assert np.trapezoid(found.density, found.grid) == pytest.approx(1.0, abs=1e-6)
    assert found.rounding > 1e-5


def test_wrong_input_is_named():
    with pytest.raises(WrongInput, match="three products each"):
        spectral_density(np.eye(100), products=20, probes=10)
    with pytest.raises(WrongInput, match="one probe"):
        spectral_density(np.eye(100), products=20, probes=1)
    with pytest.raises(WrongType, match="integer"):
        spectral_density(np.eye(100), products=1.5)  # pyright: ignore[reportArgumentType]
