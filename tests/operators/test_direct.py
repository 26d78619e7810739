"""Solves, determinants, inertias and Newton steps of Hessians by their structure, against dense NumPy."""

import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse

import osculate
from osculate._errors import OsculateError, WrongInput, WrongType

WIDE = np.random.default_rng(0).standard_normal((3, 200))

FUNCTIONS = {
    "diagonal": (lambda x: jnp.cos(x).sum(), "diagonal"),
    "rank one": (lambda x: (x**4).sum() - 0.1 * x.sum() ** 2, "diagonal plus rank 1"),
    "inner sum": (lambda x: (x**4).sum() + ((WIDE @ x) ** 4).sum(), "diagonal plus rank 3"),
    "two vectors": (lambda x: (x**2).sum() + jnp.sin(x).sum() * jnp.cos(x).sum(), "diagonal plus rank 2"),
    "quadratic form": (lambda x: (x**4).sum() + x @ (WIDE.T @ (WIDE @ x)), "diagonal plus rank 3"),
    "log-sum-exp": (lambda x: (x**2).sum() + jax.nn.logsumexp(x), "diagonal plus rank 1"),
    "chain": (lambda x: ((x[1:] - x[:-1] ** 2) ** 2).sum(), "banded, half bandwidth 1"),
    "ring": (lambda x: jnp.cos(x - jnp.roll(x, 1)).sum() + (x**2).sum(), "banded, half bandwidth 2"),
    "chain and mean": (
        lambda x: ((x[1:] - x[:-1] ** 2) ** 2).sum() + x.mean() ** 2,
        "banded, half bandwidth 1 plus rank 1",
    ),
    "arrow": (lambda x: (x[0] * x[1:] ** 2).sum() + (x**4).sum(), "arrow: diagonal, bordered by 1 dense rows"),
    "saddle point": (lambda x: (x[:150] ** 2).sum() + x[150:] @ (x[:50] - x[50:100] * x[100:150]), "banded"),
    "grid": (
        lambda x: ((jnp.diff(x.reshape(10, 20), axis=0)) ** 2).sum() + (jnp.diff(x.reshape(10, 20)) ** 4).sum(),
        "",
    ),
    "dense": (lambda x: jnp.sin(WIDE.T @ (WIDE @ x)).sum() ** 2 + (jnp.outer(x, x) ** 3).sum(), "dense"),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_everything_agrees_with_the_dense_matrix(name):
    f, form = FUNCTIONS[name]
    x = np.random.default_rng(1).standard_normal(200)
    H = osculate.hessian_operator(f)(x)
    A = osculate.hessian(f)(x)
    assert H.form.name.startswith(form)
    scale = np.abs(A).max()
    np.testing.assert_allclose(H.diagonal().value, np.diag(A), atol=1e-12 * scale)
    assert float(H.trace()) == pytest.approx(np.trace(A), abs=1e-10 * scale)
    values = np.linalg.eigvalsh(A)
    counted = H.inertia()
    floor = max(counted.tolerance, 1e-12 * np.abs(values).max())
    assert tuple(counted) == ((values > floor).sum(), (values < -floor).sum(), (np.abs(values) <= floor).sum())
    damping = 0.37
    v = np.random.default_rng(2).standard_normal(200)
    shifted = A + damping * np.eye(200)
    solution = H.solve(v, damping, method="direct")
    assert solution.how.startswith("exact: ")
    assert solution.error == pytest.approx(np.linalg.norm(v - shifted @ solution.value), abs=1e-9)
    np.testing.assert_allclose(solution.value, np.linalg.solve(shifted, v), rtol=1e-6, atol=1e-8)
    if not counted.zero:
        sign, logabsdet = H.logdet()
        assert (sign, logabsdet) == (np.linalg.slogdet(A)[0], pytest.approx(np.linalg.slogdet(A)[1], abs=1e-6))
    step = H.newton_step(damping)
    np.testing.assert_allclose(step.value, -np.linalg.solve(shifted, H.gradient), rtol=1e-6, atol=1e-8)
    assert step.negative == (np.linalg.eigvalsh(shifted) < 0).sum()
    assert step.slope == pytest.approx(H.gradient @ step.value)


def test_diagonal_plus_rank_one_of_a_hundred_thousand_takes_no_time_and_no_square():
    x = np.random.default_rng(0).standard_normal(10**5)
    make = osculate.hessian_operator(lambda x: (x**4).sum() + x.sum() ** 2)
    make(x).newton_step()
    start = time.perf_counter()
    H = make(x)
    step, counted, determinant = H.newton_step(), H.inertia(), H.logdet()
    assert time.perf_counter() - start < 3  # 0.2 s on two idle cores
    assert H.form.stored == 2 * 10**5
    assert counted == (10**5, 0, 0)
    d = 12 * x**2
    assert determinant.logabsdet == pytest.approx(np.log(d).sum() + np.log1p(2 * (1 / d).sum()))
    right = -(4 * x**3 + 2 * x.sum())
    first = right / d
    expected = first - 2 / d * first.sum() / (1 + 2 * (1 / d).sum())
    np.testing.assert_allclose(d * step.value + 2 * step.value.sum(), right, atol=1e-7)
    np.testing.assert_allclose(step.value, expected, rtol=1e-5, atol=1e-7)
    assert step.descent


def test_cholesky_of_a_chain_and_its_refusal_elsewhere():
    H = osculate.hessian_operator(lambda x: (x**2).sum() + (jnp.diff(x) ** 2).sum())(np.zeros(300))
    factor = H.cholesky()
    p = factor.permutation
    lower = factor.L.toarray()
    assert factor.L.nnz == 599
    np.testing.assert_allclose(lower @ lower.T, H.matrix()[np.ix_(p, p)], atol=1e-14)
    bent = osculate.hessian_operator(lambda x: x[0] * x[1] + (x[2:] ** 2).sum())(np.zeros(9))
    with pytest.raises(OsculateError, match="1 of its 9 eigenvalues are negative"):
        bent.cholesky()
    with pytest.raises(OsculateError, match=r"entry 4 of its diagonal is -2"):
        osculate.hessian_operator(lambda x: (x**2).sum() - 2 * x[4] ** 2)(np.zeros(9)).cholesky()


def test_pytrees_argnums_single_numbers_and_float32():
    point = {"b": np.ones((2, 3)), "a": np.ones(2)}
    step = osculate.hessian_operator(lambda p: ((p["b"] - 2) ** 2).sum() + (p["a"] ** 4).sum())(point).newton_step()
    np.testing.assert_allclose(step.value["b"], np.ones((2, 3)))
    np.testing.assert_allclose(step.value["a"], np.full(2, -1 / 3))
    second = osculate.hessian_operator(lambda a, b: a.sum() * (b**2).sum(), argnums=1)(np.ones(3), np.ones(4))
    np.testing.assert_allclose(second.newton_step().value, -np.ones(4))
    one = osculate.hessian_operator(lambda x: -(x**2))(3.0)
    assert (float(one.newton_step().value), one.inertia()[:3], one.logdet().sign) == (-3.0, (0, 1, 0), -1.0)
    small = osculate.hessian_operator(lambda x: (x**4).sum() + x.sum() ** 2)(jnp.ones(100, jnp.float32))
    solution = small.solve(jnp.ones(100))
    assert solution.value.dtype == np.float32
    assert solution.how.startswith("exact")
    np.testing.assert_allclose(solution.value, np.full(100, 1 / 212), rtol=1e-5)
    assert small.inertia() == (100, 0, 0)


def test_singular_hessians_are_said_not_solved():
    H = osculate.hessian_operator(lambda x: (jnp.diff(x) ** 2).sum())(np.zeros(400))
    assert H.inertia() == (399, 0, 1)
    with pytest.raises(OsculateError, match="singular to rounding"):
        H.solve(np.ones(400), method="direct")
    assert H.newton_step(damping=1e12).descent
    flat = osculate.hessian_operator(lambda x: x.sum())(np.zeros(5))
    assert (flat.inertia(), flat.logdet()) == ((0, 0, 5), (0.0, -np.inf))


def test_what_has_no_structure_keeps_to_products():
    A = np.diag([1.0, -2.0, 3.0])
    op = osculate.CurvatureOperator.from_product(lambda v: A @ v, (3, 3), "float64")
    assert op.solve(np.ones(3)).how.startswith("estimate ± residual bound: MINRES")
    assert op.inertia() == (2, 1, 0)
    assert op.logdet().sign == -1
    with pytest.raises(WrongInput, match="not the gradient"):
        op.newton_step()
    huge = osculate.CurvatureOperator.from_product(lambda v: v, (10**5, 10**5), "float64")
    with pytest.raises(OsculateError, match="numbers are too many"):
        huge.inertia()


def test_nan_and_tracers_and_options_are_refused():
    H = osculate.hessian_operator(lambda x: jnp.sqrt(x).sum())(np.array([0.0, 1.0]))
    with pytest.raises(WrongInput, match="NaN or infinite"):
        H.inertia()
    make = osculate.hessian_operator(lambda x: (x**2).sum())
    with pytest.raises(WrongType, match="traced"):
        jax.jit(lambda x: make(x).logdet())(jnp.ones(2))
    with pytest.raises(WrongInput, match="method='lu'"):
        make(np.ones(2)).solve(np.ones(2), method="lu")
    with pytest.raises(WrongInput, match="must be positive"):
        make(np.ones(2)).inertia(tolerance=-1.0)


def test_an_asymmetric_rule_is_not_trusted():
    @jax.custom_jvp
    def odd(x):
        return x[0] * x[1]

    odd.defjvp(lambda p, t: (odd(*p), p[0][1] * t[0][0] * 3 + p[0][0] * t[0][1]))
    H = osculate.hessian_operator(lambda x: odd(x) + (x**2).sum())(np.ones(2))
    assert H.form.kind == "dense"


def test_sparse_matrices_are_kept_sparse():
    H = osculate.hessian_operator(lambda x: (jnp.diff(x.reshape(60, 60), axis=0) ** 2).sum() + (x**4).sum())(
        np.ones(3600)
    )
    assert scipy.sparse.issparse(H.form.core)
    assert H.form.stored < 4 * 3600
