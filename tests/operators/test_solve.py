import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from osculate._operators import CurvatureOperator
from osculate._operators.solve import solve


def operator(A):
    return CurvatureOperator.from_product(lambda v: A @ v, A.shape, A.dtype)


@given(st.integers(1, 12), st.integers(0, 10**6), st.sampled_from([0.0, 0.3]))
def test_the_reported_residual_is_the_true_one_and_within_the_tolerance(n, seed, damping):
    random = np.random.default_rng(seed)
    Q = np.linalg.qr(random.normal(size=(n, n)))[0]
    A = Q * random.choice([-3.0, 1.0, 10.0], size=n) @ Q.T
    v = random.normal(size=n)
    x, residual, spent = solve(operator(A), v, damping, 1e-9, 20 * n + 20)
    true = np.linalg.norm(v - A @ x - damping * x)
    assert residual == pytest.approx(true, rel=1e-2, abs=1e-14)
    assert true <= 1e-9 * np.linalg.norm(v)
    assert spent <= 20 * n + 21


def test_a_badly_scaled_system_is_restarted_until_the_true_residual_is_small():
    A = np.diag(np.logspace(-4, 4, 9))
    _, residual, _ = solve(operator(A), np.ones(9), 0.0, 1e-8, 2000)
    assert residual <= 3e-8


def test_zero_right_hand_side_costs_nothing():
    x, residual, spent = solve(operator(np.eye(2)), np.zeros(2), 0.0, None, None)
    assert (x.tolist(), residual, spent) == ([0, 0], 0, 0)
