"""Thresholds against the iterations themselves, run on a quadratic just below and just above them."""

import numpy as np
import pytest

from osculate._errors import WrongInput
from osculate._report.thresholds import adam_preconditioner, threshold


def gradient_descent(curvature, rate, momentum):
    del momentum
    x = 1.0
    for _ in range(20000):
        x -= rate * curvature * x
    return abs(x)


def heavy_ball(curvature, rate, momentum):
    x, v = 1.0, 0.0
    for _ in range(20000):
        v = momentum * v - rate * curvature * x
        x += v
    return abs(x)


def frozen_adam(curvature, rate, momentum):
    """Adam with P = 1: the exponential average of gradients, then the step."""
    x, m = 1.0, 0.0
    for _ in range(20000):
        m = momentum * m + (1 - momentum) * curvature * x
        x -= rate * m
    return abs(x)


@pytest.mark.parametrize(
    ("optimizer", "iterate"), [("gd", gradient_descent), ("momentum", heavy_ball), ("adam", frozen_adam)]
)
@pytest.mark.parametrize(("rate", "momentum"), [(0.1, 0.9), (2.0, 0.5), (0.01, 0.0)])
def test_iteration_turns_unstable_at_the_threshold(optimizer, iterate, rate, momentum):
    limit = threshold(optimizer, rate, momentum).value
    assert limit is not None
    assert iterate(0.995 * limit, rate, momentum) < 1e-2
    with np.errstate(over="ignore", invalid="ignore"):
        after = iterate(1.005 * limit, rate, momentum)
    assert not after < 1e6


def test_known_values():
    assert threshold("gd", 0.1).value == pytest.approx(20)
    assert threshold("momentum", 0.1, 0.9).value == pytest.approx(38)
    assert threshold("adam", 1e-3, 0.9).value == pytest.approx(38e3)
    assert threshold("gd", None).value is None


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("sgd", 0.1), "'sgd'"),
        (("gd", -0.1), "-0.1"),
        (("gd", float("nan")), "nan"),
        (("momentum", 0.1, 1.0), "momentum=1.0"),
    ],
)
def test_wrong_settings_are_named(arguments, named):
    with pytest.raises(WrongInput, match=named) as caught:
        threshold(*arguments)
    assert caught.value.remedy


def test_preconditioner_is_what_adam_divides_by():
    """One step of Adam as its paper writes it, with both corrections, moves by η m / P."""
    gradient, rate, first, second, epsilon = np.array([0.3, -2.0, 0.0]), 0.01, 0.9, 0.999, 1e-8
    m, v = np.zeros(3), np.zeros(3)
    x = before = np.zeros(3)
    for step in range(1, 6):
        m = first * m + (1 - first) * gradient
        v = second * v + (1 - second) * gradient**2
        before = x
        x = x - rate * (m / (1 - first**step)) / (np.sqrt(v / (1 - second**step)) + epsilon)
    P = adam_preconditioner(v, x, momentum=first, decay=second, epsilon=epsilon, step=5)
    np.testing.assert_allclose(before - x, rate * m / P, rtol=1e-12)


def test_preconditioner_checks_its_moment():
    with pytest.raises(WrongInput, match="shapes"):
        adam_preconditioner(np.ones(2), np.ones(3))
    with pytest.raises(WrongInput, match="negative"):
        adam_preconditioner(np.array([1.0, -1.0]), np.ones(2))
    with pytest.raises(WrongInput, match="step=0"):
        adam_preconditioner(np.ones(2), np.ones(2), step=0)
