"""The condition number against the dense one; never a wrong number."""

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osculate._errors import WrongInput
from osculate._spectrum import condition_number


def symmetric(spectrum, seed=0):
    size = len(spectrum)
    vectors = np.linalg.qr(np.random.default_rng(seed).standard_normal((size, size)))[0]
    dense = (vectors * np.asarray(spectrum, dtype=float)) @ vectors.T
    return (dense + dense.T) / 2


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_small_matrices_of_any_kind(data):
    size = data.draw(st.integers(1, 20))
    magnitudes = np.array(data.draw(st.lists(st.floats(1e-3, 1.0), min_size=size, max_size=size)))
    signs = np.array(data.draw(st.lists(st.sampled_from([-1.0, 1.0]), min_size=size, max_size=size)))
    scale = 10.0 ** data.draw(st.integers(-9, 9))
    found = condition_number(symmetric(magnitudes * signs * scale, seed=data.draw(st.integers(0, 3))))
    exact = magnitudes.max() / magnitudes.min()
    assert abs(found.value - exact) <= 4 * found.error
    if np.all(signs > 0):
        assert found.definiteness == "positive definite"
        assert found.gradient_descent_rate == pytest.approx((exact - 1) / (exact + 1), abs=1e-9)
        assert found.diagonally_preconditioned >= 1 - 1e-12
    else:
        assert found.definiteness == ("negative definite" if np.all(signs < 0) else "indefinite")
        assert np.isnan(found.gradient_descent_rate)


def test_a_diagonal_matrix_is_perfectly_preconditioned():
    found = condition_number(np.diag([1.0, 10.0, 1e6]))
    assert found.value == pytest.approx(1e6)
    assert found.diagonally_preconditioned == pytest.approx(1.0)


def test_jacobi_preconditioning_agrees_with_the_dense_one():
    scaling = np.diag(np.logspace(0, 2, 30))
    dense = scaling @ symmetric(np.linspace(1, 4, 30)) @ scaling
    inverse = 1 / np.sqrt(np.diag(dense))
    exact = np.linalg.cond(inverse[:, None] * dense * inverse)
    for sign in (1.0, -1.0):
        assert condition_number(sign * dense).diagonally_preconditioned == pytest.approx(exact, rel=1e-9)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_definite_operators_beyond_the_budget(sign):
    spectrum = np.linspace(1, 50, 400)
    found = condition_number(symmetric(sign * spectrum), products=300)
    assert abs(found.value - 50) <= found.error < 25
    assert found.definiteness == ("positive definite" if sign > 0 else "negative definite")
    assert found.products <= 300
    assert 1 <= found.diagonally_preconditioned < 100
    assert "XDiag" in found.how


def test_converged_ends_give_a_sharp_answer():
    spectrum = np.concatenate([[0.1], np.linspace(2, 3, 398), [10.0]])
    found = condition_number(symmetric(spectrum), products=200)
    assert abs(found.value - 100) <= found.error < 1e-8


@pytest.mark.parametrize(
    "spectrum",
    [np.concatenate([np.zeros(395), np.arange(1.0, 6.0)]), np.zeros(400), np.r_[np.zeros(200), np.linspace(1, 2, 200)]],
    ids=["low rank", "zero", "half zero"],
)
def test_singular_operators_beyond_the_budget(spectrum):
    found = condition_number(symmetric(spectrum), products=200)
    assert found.value == np.inf
    assert found.definiteness == "singular"
    assert np.isnan(found.gradient_descent_rate)


def test_small_singular_matrices():
    for dense in (np.zeros((1, 1)), np.ones((3, 3)), np.diag([1.0, 0.0, -1.0])):
        found = condition_number(dense)
        assert found.value == np.inf
        assert found.definiteness == "singular"


def test_what_cannot_be_told_is_not_told():
    indefinite = condition_number(symmetric(np.linspace(-1, 1.001, 400)), products=100)
    assert np.isnan(indefinite.value)
    assert indefinite.definiteness == "indefinite"
    assert "κ ≥" in indefinite.how
    stiff = condition_number(symmetric(np.logspace(0, 9, 400)), products=60)
    assert np.isnan(stiff.value)
    assert stiff.definiteness == "undecided"
    assert float(stiff.how.split("κ ≥ ")[1].split(",")[0].split(";")[0]) <= 1e9


def test_nearly_singular_operators_are_never_called_definite():
    """The smallest eigenvalue is −1e-6, at the edge of a bulk that starts at zero."""
    for key in range(5):
        found = condition_number(symmetric(np.linspace(-1e-6, 1, 400)), products=100, key=key)
        assert found.definiteness != "positive definite"
        assert not np.isfinite(found.value)


def test_the_result_behaves_like_its_number():
    found = condition_number(np.diag([1.0, 4.0]))
    assert float(found) == 4.0
    assert "condition number 4" in str(found)
    assert "0.6 a step" in str(found)
    assert jax.tree_util.tree_map(lambda leaf: leaf, found).how == found.how
    assert found.products == 2


def test_wrong_input_is_named():
    with pytest.raises(WrongInput, match="at least 8"):
        condition_number(np.eye(20), products=4)
    with pytest.raises(WrongInput, match="not symmetric"):
        condition_number(np.triu(np.ones((3, 3))))
