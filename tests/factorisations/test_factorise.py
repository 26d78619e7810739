"""Solves, determinants and inertias by structure against dense NumPy."""

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from osculate._factorisations import Inertia, NotPositiveDefinite, cholesky, factorise, form_of, inertia

KINDS = ["diagonal", "band", "arrow", "saddle", "sparse", "grid", "dense"]


def matrix_of(kind, seed, n):
    """A random symmetric matrix, indefinite as a rule."""
    rng = np.random.default_rng(seed)
    diagonal = rng.standard_normal(n)
    if kind == "diagonal":
        return np.diag(diagonal)
    if kind == "band":
        upper = sum(np.diag(rng.standard_normal(n - k), k) for k in (1, 2))
        return upper + upper.T + np.diag(diagonal * rng.integers(0, 2, n))
    if kind == "arrow":
        made = np.diag(diagonal)
        made[0] = made[:, 0] = rng.standard_normal(n)
        return made
    if kind == "saddle":
        m = n // 3
        block = scipy.sparse.random(m, n - m, 0.1, random_state=rng).toarray() + np.eye(m, n - m)
        return np.block([[np.diag(1 + rng.random(n - m)), block.T], [block, np.zeros((m, m))]])
    if kind == "grid":
        line = scipy.sparse.diags_array([-1.0, 2.0, -1.0], offsets=[-1, 0, 1], shape=(8, 8)).toarray()
        return np.kron(line, np.eye(8)) + np.kron(np.eye(8), line) - 2.5 * np.eye(64)
    half = scipy.sparse.random(n, n, 2 / n if kind == "sparse" else 0.9, random_state=rng).toarray()
    return half + half.T


def expected_inertia(matrix, tolerance=1e-11):
    values = np.linalg.eigvalsh(matrix)
    scale = max(1.0, np.abs(values).max())
    return tuple(int(np.count_nonzero(side)) for side in (values > tolerance * scale, values < -tolerance * scale))


@given(st.sampled_from(KINDS), st.integers(0, 10**6), st.integers(12, 90), st.integers(0, 3))
@settings(max_examples=150, deadline=None)
def test_solves_determinants_and_inertias_agree_with_dense_ones(kind, seed, n, rank):
    matrix = matrix_of(kind, seed, n)
    n = len(matrix)
    rng = np.random.default_rng(seed + 1)
    vectors, weights = rng.standard_normal((n, rank)), rng.standard_normal((rank, rank))
    weights = weights + weights.T
    whole = matrix + vectors @ weights @ vectors.T
    given_matrix = np.diag(matrix).copy() if kind == "diagonal" else scipy.sparse.csr_array(matrix)
    form = form_of(given_matrix, vectors, weights)
    v = rng.standard_normal((n, 2))
    np.testing.assert_allclose(form.product(v), whole @ v, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(form.diagonal(), np.diag(whole), rtol=1e-9, atol=1e-9)
    values = np.abs(np.linalg.eigvalsh(whole))
    counted = inertia(form)
    assert counted[:2] == expected_inertia(whole, max(1e-11, counted.tolerance / max(1.0, values.max())))
    assert sum(counted) == n
    if values.min() > 1e-8 * values.max():
        factor = factorise(form)
        x = factor.apply(v)
        x = x + factor.apply(v - form.product(x))
        np.testing.assert_allclose(whole @ x, v, atol=1e-6)
        sign, logabsdet = np.linalg.slogdet(whole)
        assert factor.determinant.sign == sign
        assert factor.determinant.logabsdet == pytest.approx(logabsdet, abs=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_cholesky_factors_multiply_to_the_matrix(kind):
    matrix = matrix_of(kind, 3, 60)
    matrix = matrix + (1 - np.linalg.eigvalsh(matrix)[0]) * np.eye(len(matrix))
    form = form_of(scipy.sparse.csr_array(matrix))
    factor = cholesky(form)
    assert factor.L is not None
    lower = factor.L.toarray() if scipy.sparse.issparse(factor.L) else factor.L
    assert (lower == np.tril(lower)).all()
    p = factor.permutation
    np.testing.assert_allclose(lower @ lower.T, matrix[np.ix_(p, p)], atol=1e-12 * np.abs(matrix).max())
    np.testing.assert_allclose(matrix @ factor.solve(matrix[0]), matrix[0], atol=1e-8)
    assert factor.logdet().logabsdet == pytest.approx(np.linalg.slogdet(matrix)[1])


@pytest.mark.parametrize("kind", KINDS)
def test_indefinite_matrices_have_no_cholesky_factor(kind):
    with pytest.raises(NotPositiveDefinite):
        cholesky(form_of(scipy.sparse.csr_array(matrix_of(kind, 5, 40) - 0.1 * np.eye(64 if kind == "grid" else 40))))


def test_singular_matrices_have_zero_eigenvalues():
    line = scipy.sparse.diags_array([-1.0, 2.0, -1.0], offsets=[-1, 0, 1], shape=(5000, 5000)).tolil()
    line[0, 0] = line[-1, -1] = 1.0
    counted = inertia(form_of(scipy.sparse.csr_array(line)))
    assert counted == (4999, 0, 1)
    assert 0 < counted.tolerance < 1e-7
    assert inertia(form_of(np.zeros(300), np.ones((300, 1)), np.ones((1, 1)))) == (1, 0, 299)
    assert inertia(form_of(scipy.sparse.csr_array((7, 7)))) == (0, 0, 7)


def test_a_given_tolerance_counts_what_is_smaller_as_zero():
    line = form_of(scipy.sparse.csr_array(np.diag([1.0, 1e-4, -1e-4, -1.0])))
    assert inertia(line) == (2, 2, 0)
    assert inertia(line, tolerance=1e-3) == (1, 1, 2)


def test_forms_are_recognised_and_named():
    assert form_of(np.ones(5)).name == "diagonal"
    rng = np.random.default_rng(0)
    band = scipy.sparse.diags_array([1.0, 4.0, 1.0], offsets=[-1, 0, 1], shape=(200, 200)).tocsr()
    assert form_of(band).name == "banded, half bandwidth 1"
    mixed = rng.permutation(200)
    assert form_of(band[mixed][:, mixed]).name == "banded, half bandwidth 1"
    arrow = form_of(scipy.sparse.csr_array(matrix_of("arrow", 0, 200)), np.ones((200, 1)), np.eye(1))
    assert arrow.name == "arrow: diagonal, bordered by 1 dense rows plus rank 1"


def test_an_inertia_is_a_tuple_that_says_how():
    counted = Inertia(2, 1, 0, "the signs of the pivots", 1e-9)
    positive, negative, zero = counted
    assert (positive, negative, zero) == (2, 1, 0)
    assert (
        repr(counted) == "Inertia(positive=2, negative=1, zero=0; the signs of the pivots, |λ| ≤ 1e-09 counts as zero)"
    )


def test_matrices_that_their_zeros_make_singular_are_counted_too():
    block = scipy.sparse.random(30, 60, 0.03, random_state=np.random.default_rng(0)).toarray()
    matrix = np.block([[np.zeros((60, 60)), block.T], [block, np.zeros((30, 30))]])
    matrix = scipy.sparse.block_diag([scipy.sparse.csr_array(matrix)] * 30, format="csr")
    rank = np.linalg.matrix_rank(block)
    assert inertia(form_of(matrix)) == (30 * rank, 30 * rank, 30 * (90 - 2 * rank))
    assert factorise(form_of(matrix)).determinant == (0.0, -np.inf)
