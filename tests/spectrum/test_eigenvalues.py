"""Eigenvalues at the ends of the spectrum against numpy.linalg.eigh."""

from typing import Any

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.linalg import LinearOperator

from osculate._errors import WrongInput, WrongType
from osculate._spectrum import eigenvalues


def symmetric(spectrum, seed=0, dtype: type = np.float64):
    size = len(spectrum)
    vectors = np.linalg.qr(np.random.default_rng(seed).standard_normal((size, size)))[0]
    dense = (vectors * np.asarray(spectrum, dtype=float)) @ vectors.T
    return ((dense + dense.T) / 2).astype(dtype)


def expected(dense, k, which):
    exact = np.linalg.eigvalsh(dense.astype(np.float64))
    largest, smallest = exact[::-1][:k], exact[:k]
    return {"largest": largest, "smallest": smallest, "both": np.concatenate([largest, smallest])}[which]


def assert_right(found, dense, k, which):
    exact = expected(dense, k, which)
    assert found.value.shape == found.error.shape == found.residuals.shape == found.converged.shape == exact.shape
    assert np.all(np.abs(found.value - exact) <= found.error), (found.value - exact, found.error)
    assert found.vectors.shape == (len(dense), len(exact))
    residuals = dense.astype(np.float64) @ found.vectors - found.vectors * found.value
    slack = 4 * len(dense) * np.finfo(dense.dtype).eps * np.linalg.norm(dense, 2)
    np.testing.assert_allclose(np.linalg.norm(residuals, axis=0), found.residuals, atol=slack + 1e-300)
    np.testing.assert_allclose(np.linalg.norm(found.vectors, axis=0), 1, rtol=1e-12)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_random_symmetric_matrices_of_any_size(data):
    size = data.draw(st.integers(1, 40))
    distinct = data.draw(st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=size))
    scale = 10.0 ** data.draw(st.integers(-12, 12))
    repeats = data.draw(st.lists(st.sampled_from(distinct), min_size=size, max_size=size))
    dense = symmetric(np.array(repeats) * scale, seed=data.draw(st.integers(0, 5)))
    k = data.draw(st.integers(1, size))
    which = data.draw(st.sampled_from(["largest", "smallest", "both"]))
    found = eigenvalues(dense, k, which, key=data.draw(st.integers(0, 3)))
    assert_right(found, dense, k, which)
    assert found.products <= size
    assert found.converged.all()


SPECTRA = {
    "outliers": np.concatenate([[9.0, 7.0, 5.0, 4.5], np.linspace(-0.1, 1, 116)]),
    "triple": np.concatenate([[9.0, 9.0, 9.0, 4.5], np.linspace(-0.1, 1, 116)]),
    "triple within": np.concatenate([[9.0, 7.0, 7.0, 7.0], np.linspace(-0.1, 1, 116)]),
    "nearly double": np.concatenate([[9.0, 9.0 - 1e-7, 5.0, 4.5], np.linspace(-0.1, 1, 116)]),
    "low rank": np.concatenate([[3.0, 2.0, 2.0], np.zeros(117)]),
    "geometric": 10.0 ** -np.linspace(0, 24, 120),
    "identity": np.ones(120),
    "minus identity": -np.ones(120),
    "zero": np.zeros(120),
    "two values": np.concatenate([np.ones(60), -np.ones(60)]),
}


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
@pytest.mark.parametrize("name", SPECTRA)
def test_multiplicities_and_clusters_are_found_at_any_scale(name, scale):
    dense = symmetric(SPECTRA[name] * scale)
    for k in (1, 4):
        found = eigenvalues(dense, k)
        assert_right(found, dense, k, "largest")
        assert found.converged.all()
        assert found.products < 120
        assert np.max(found.error) <= 4 * 120 * np.finfo(float).eps * np.max(np.abs(SPECTRA[name])) * scale


def test_a_simple_search_is_cheap():
    found = eigenvalues(symmetric(SPECTRA["outliers"]), 4)
    assert found.products <= 35
    assert "none missed" in found.how


@pytest.mark.parametrize("size", [1, 2, 5, 60])
def test_float32_operators_are_judged_by_their_own_precision(size):
    dense = symmetric(np.linspace(-1, 2, size), dtype=np.float32)
    found = eigenvalues(dense, 1, "both")
    assert_right(found, dense, 1, "both")
    assert np.all(found.error < 1e-3)
    assert size == 1 or np.all(found.error > 1e-8)


def test_one_by_one():
    found = eigenvalues(np.array([[-7.0]]), which="both")
    np.testing.assert_array_equal(found.value, [-7.0, -7.0])
    assert found.products == 1
    assert "numerical" in found.how


def test_the_second_difference_has_its_known_spectrum():
    """2 − 2 cos(jπ/(n + 1)), through a product alone."""
    size = 200

    def matvec(vector):
        out = 2 * vector
        out[1:] -= vector[:-1]
        out[:-1] -= vector[1:]
        return out

    operator: Any = LinearOperator
    operator = operator((size, size), matvec=matvec, dtype=np.dtype(np.float64))
    found = eigenvalues(operator, 3, "both")
    angles = np.arange(1, 4) * np.pi / (size + 1)
    exact = np.concatenate([2 + 2 * np.cos(angles), 2 - 2 * np.cos(angles)])
    assert np.all(np.abs(found.value - exact) <= found.error)


def test_a_budget_is_kept_and_said():
    dense = symmetric(np.linspace(0, 1, 400))
    for products in (3, 10, 40):
        found = eigenvalues(dense, 3, products=products)
        assert found.products == products
        assert not found.converged.all()
        assert "budget" in found.how
        exact = np.linalg.eigvalsh(dense)
        nearest = np.min(np.abs(found.value[:, None] - exact[None, :]), axis=1)
        assert np.all(nearest <= found.error)
        assert "not converged" in str(found)


def test_a_tolerance_saves_products():
    dense = symmetric(np.linspace(0, 1, 400) ** 3)
    loose, tight = eigenvalues(dense, 2, tolerance=1e-4), eigenvalues(dense, 2)
    assert loose.products < tight.products
    exact = np.linalg.eigvalsh(dense)[::-1][:2]
    assert np.all(np.abs(loose.value - exact) <= loose.error)
    assert np.all(loose.error <= 2e-4)


def test_bounds_hold_for_many_seeds():
    dense = symmetric(SPECTRA["triple"])
    for key in range(15):
        assert_right(eigenvalues(dense, 4, key=key), dense, 4, "largest")


def test_the_result_behaves_like_its_numbers():
    found = eigenvalues(np.diag([1.0, 2.0, 5.0]))
    assert float(found) == pytest.approx(5.0, abs=1e-14)
    assert np.asarray(found).shape == (1,)
    assert len(found) == 1
    assert str(found).startswith("5 ± ")
    assert "products" in str(found)
    doubled = jax.tree_util.tree_map(lambda leaf: leaf * 2, found)
    assert doubled.value[0] == 2 * found.value[0]
    assert doubled.how == found.how
    with pytest.raises(ValueError, match="size 1"):
        float(eigenvalues(np.eye(3), 2))


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"k": 4}, WrongInput, "3 eigenvalues"),
        ({"k": 0}, WrongInput, "at least one"),
        ({"k": 1.5}, WrongType, "integer"),
        ({"which": "middle"}, WrongInput, "middle"),
        ({"products": 1, "k": 2}, WrongInput, "take at least 2"),
        ({"tolerance": -1.0}, WrongInput, "tolerance"),
        ({"tolerance": np.nan}, WrongInput, "tolerance"),
        ({"key": "seed"}, WrongType, "key"),
    ],
)
def test_wrong_arguments_are_named(arguments, error, words):
    with pytest.raises(error, match=words):
        eigenvalues(np.eye(3), **arguments)


def test_nan_and_asymmetry_are_errors():
    with pytest.raises(WrongInput, match="not finite"):
        eigenvalues(np.full((3, 3), np.nan))
    with pytest.raises(WrongInput, match="not symmetric"):
        eigenvalues(np.array([[1.0, 2.0], [0.0, 1.0]]))
