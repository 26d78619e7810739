"""Special functions in the arguments where JAX has no derivative, against mpmath at 40 digits."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import jax.scipy.special as special
import mpmath
import numpy as np
import pytest
from jax import lax

import osculate
from osculate._errors import Unreadable

ORDER = 5


@pytest.fixture(autouse=True)
def _float64() -> Iterator[None]:
    with jax.enable_x64():
        yield


def truth(function: Callable[[Any], Any], x: float) -> list[float]:
    """Taylor coefficients by Cauchy's formula on a small circle: mpmath's differences lose digits here."""
    with mpmath.workdps(40):
        radius, count = min(mpmath.mpf(abs(x)) / 4, mpmath.mpf(1)), 32
        points = [mpmath.expjpi(mpmath.mpf(2 * i) / count) for i in range(count)]
        values = [function(mpmath.mpf(x) + radius * p) for p in points]
        return [
            float(mpmath.re(mpmath.fsum(v * p**-k for v, p in zip(values, points, strict=True)) / count / radius**k))
            for k in range(ORDER + 1)
        ]


def check(function: Callable[[Any], Any], true: Callable[[Any], Any], x: float, rtol: float = 1e-10) -> None:
    found = osculate.taylor(function, ORDER)(x).coefficients
    expected = truth(true, x)
    scale = [
        max(abs(e), abs(x) ** -k * max(abs(c) * abs(x) ** i for i, c in enumerate(expected[1:], 1)) * 1e-2)
        for k, e in enumerate(expected)
    ]
    for k in range(ORDER + 1):
        assert abs(found[k] - expected[k]) <= rtol * scale[k], f"order {k}: {found[k]} instead of {expected[k]}"


def _p(a: Any, x: Any) -> Any:
    return 1 - mpmath.gammainc(a, x, regularized=True)


@pytest.mark.parametrize(
    ("a", "x"), [(0.3, 0.02), (0.3, 0.7), (0.3, 9.0), (2.0, 0.7), (2.0, 3.1), (6.5, 2.0), (6.5, 9.0)]
)
def test_incomplete_gamma_in_its_parameter(a: float, x: float) -> None:
    check(lambda a: special.gammainc(a, x), lambda a: _p(a, x), a, 1e-9)
    check(lambda a: special.gammaincc(a, x), lambda a: 1 - _p(a, x), a, 1e-9)


@pytest.mark.parametrize("a", [1.3, 4.0, 40.0])
def test_incomplete_gamma_in_both_arguments(a: float) -> None:
    check(lambda a: special.gammainc(a, a + 0.3 * a**2 / (1 + a)), lambda a: _p(a, a + 0.3 * a**2 / (1 + a)), a, 1e-9)


def test_the_slope_of_the_incomplete_gamma_function_has_derivatives() -> None:
    function = jax.grad(special.gammainc, argnums=0)
    found = osculate.taylor(lambda a: function(a, 1.7), 3)(1.2).derivatives
    expected = truth(lambda a: _p(a, mpmath.mpf(1.7)), 1.2)
    for k in range(4):
        assert found[k] == pytest.approx(expected[k + 1] * math.factorial(k + 1), rel=1e-9)


@pytest.mark.parametrize("x", [0.05, 0.4, 0.8])
@pytest.mark.parametrize(("a", "b"), [(0.6, 0.7), (2.0, 3.0), (9.0, 1.5)])
def test_incomplete_beta_in_its_parameters(a: float, b: float, x: float) -> None:
    def true(a: Any, b: Any) -> Any:
        return mpmath.betainc(a, b, 0, x, regularized=True)

    check(lambda a: special.betainc(a, b, x), lambda a: true(a, b), a, 1e-9)
    check(lambda b: special.betainc(a, b, x), lambda b: true(a, b), b, 1e-9)


def test_incomplete_beta_in_all_arguments() -> None:
    check(
        lambda x: special.betainc(1 + x, 2 - x, x),
        lambda x: mpmath.beta(1 + x, 2 - x) ** -1 * x ** (1 + x) / (1 + x) * mpmath.hyp2f1(1 + x, x - 1, 2 + x, x),
        0.4,
        1e-9,
    )


@pytest.mark.parametrize(
    ("function", "true", "x"),
    [
        (special.exp1, mpmath.e1, 0.3),
        (special.exp1, mpmath.e1, 4.0),
        (lambda x: special.expn(2, x), lambda x: mpmath.expint(2, x), 0.6),
        (lambda x: special.expn(0, x), lambda x: mpmath.expint(0, x), 1.6),
        (lambda x: special.expn(5, 2 * x), lambda x: mpmath.expint(5, 2 * x), 1.1),
        (special.expi, mpmath.ei, 1.7),
        pytest.param(
            lambda s: special.zeta(s, 1.5), lambda s: mpmath.zeta(s, 1.5), 2.5, marks=pytest.mark.slow, id="zeta_in_s"
        ),
        (lambda q: special.zeta(2.5, q), lambda q: mpmath.zeta(2.5, q), 1.3),
        (lambda x: special.polygamma(2, x), lambda x: mpmath.psi(2, x), 1.4),
        (special.i1, lambda x: mpmath.besseli(1, x), 1.2),
        (lambda x: special.hyp1f1(0.7, 1.9, x), lambda x: mpmath.hyp1f1(0.7, 1.9, x), 0.6),
        (special.spence, lambda x: mpmath.polylog(2, 1 - x), 0.6),
        (jax.nn.softplus, lambda x: mpmath.log1p(mpmath.exp(x)), 25.0),
        (jax.nn.log_sigmoid, lambda x: -mpmath.log1p(mpmath.exp(-x)), -30.0),
        (lambda x: jnp.logaddexp2(x, 1.0), lambda x: mpmath.log(2**x + 2, 2), 30.0),
    ],
)
def test_functions_of_one_variable(function: Callable[[Any], Any], true: Callable[[Any], Any], x: float) -> None:
    check(function, true, x)


def test_a_sample_of_the_gamma_distribution_keeps_its_probability() -> None:
    """The sample x(a) is defined by P(a, x(a)) = constant."""
    key = jax.random.key(3)
    for sampler in (jax.random.gamma, lambda k, a: jnp.exp(jax.random.loggamma(k, a))):
        found = osculate.taylor(lambda a, s=sampler: s(key, a), 3)(2.4)
        series = ([jnp.asarray(c) for c in found.coefficients[1:]],)
        x0 = jnp.asarray(found.coefficients[0])
        _, orders = osculate.jet(
            lambda a, x: special.gammainc(a, x),
            (jnp.asarray(2.4), x0),
            ([jnp.ones(()), None, None], *series),
            scaling="coefficient",
        )
        np.testing.assert_allclose(orders, 0.0, atol=1e-10)


@pytest.mark.slow
def test_under_jit_vmap_and_grad() -> None:
    slope = osculate.derivative(lambda a: special.gammainc(a, 0.7), 2)
    points = jnp.array([0.6, 1.9])
    expected = jnp.stack([slope(p) for p in points])
    np.testing.assert_allclose(jax.jit(jax.vmap(slope))(points), expected, rtol=1e-12)
    third = [6 * truth(lambda a: _p(a, mpmath.mpf(0.7)), float(p))[3] for p in points]
    np.testing.assert_allclose(jax.vmap(jax.grad(slope))(points), third, rtol=1e-9)


def test_where_the_integral_does_not_reach() -> None:
    found = osculate.derivative(lambda a: special.gammainc(a, jnp.array([0.0, 1.0])), 2)(1.5)
    assert found[0] == 0
    assert np.isfinite(found[1])


def test_float32_is_good_to_float32() -> None:
    with jax.enable_x64(False):
        a = jnp.asarray(1.7, jnp.float32)
        found = osculate.derivative(lambda a: special.gammainc(a, jnp.float32(0.9)), 2)(a)
    assert found == pytest.approx(2 * truth(lambda a: _p(a, mpmath.mpf(0.9)), 1.7)[2], rel=2e-4)


def test_the_order_of_polygamma_is_refused_by_name() -> None:
    with pytest.raises(Unreadable, match="polygamma"):
        osculate.derivative(lambda n: lax.polygamma(n, 1.5 + 0 * n), 2)(2.0)
