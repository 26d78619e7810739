"""Derivatives at special points: zeros, ties, both zeros, large arguments, infinities, overflow.

Every value is compared with a closed form, or with mpmath at 50 digits, relative to the value itself, so that a tail
such as erfc(6) has to be right in all its digits. ``TIES`` are the points where a function is not differentiable: there
the derivatives are those of JAX's own rules, order by order.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import jax.scipy.special as special
import jet_oracle
import mpmath
import numpy as np
import pytest
from jax import lax
from jax.nn import gelu, log_sigmoid, log_softmax, relu, silu, softplus

import osculate
from osculate._errors import OsculateError
from osculate._kinks import kinks
from osculate._trace import trace

ORDER = 5
E = math.e
INF = math.inf


# Here the numbers are tested; that kinks are said is tested at the end, and in tests/kinks.
pytestmark = [
    pytest.mark.filterwarnings("ignore:osculate.*not differentiable:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore:osculate.*not finite:RuntimeWarning"),
]


@pytest.fixture(autouse=True)
def _float64() -> Iterator[None]:
    with jax.enable_x64():
        yield


@dataclass(frozen=True)
class Point:
    """f at x; ``expected`` is the list of derivatives 0, 1, … or the function for mpmath."""

    function: Callable[[Any], Any]
    x: float
    expected: Sequence[float] | Callable[[Any], Any]
    rtol: float = 1e-12


def derivatives(function: Callable[[Any], Any], x: float) -> list[float]:
    """Derivatives 0 … 5 by mpmath at 50 digits, in steps that suit the size of x."""
    with mpmath.workdps(50):
        size = abs(mpmath.mpf(x)) or mpmath.mpf(1)
        scaled = mpmath.taylor(lambda u: function(x + size * u), 0, ORDER, chop=False)
        noise = mpmath.mpf(10) ** -45 * min(1, max(abs(c) for c in scaled))
        scaled = [c if abs(c) > noise else mpmath.mpf(0) for c in scaled]
        return [float(c * math.factorial(k) / size**k) for k, c in enumerate(scaled)]


def check(found: Sequence[Any], expected: Sequence[float], rtol: float) -> None:
    """Every derivative relative to itself; a zero is exactly zero, an infinity has its sign."""
    for k, true in enumerate(expected):
        mine = float(found[k])
        if math.isfinite(true):
            assert abs(mine - true) <= rtol * abs(true) + 1e-300, f"order {k}: {mine!r} instead of {true!r}"
        else:
            assert mine == true, f"order {k}: {mine!r} instead of {true!r}"


def sigmoid(x: Any) -> Any:
    return 1 / (1 + mpmath.exp(-x))


def normal(x: Any) -> Any:
    return mpmath.erfc(-x / mpmath.sqrt(2)) / 2


TAILS = {
    "tanh_at_0": Point(jnp.tanh, 0.0, [0, 1, 0, -2, 0, 16]),
    "tanh_at_19": Point(jnp.tanh, 19.0, mpmath.tanh),
    "tanh_at_minus_25": Point(jnp.tanh, -25.0, mpmath.tanh),
    "tanh_near_0": Point(jnp.tanh, 1e-9, mpmath.tanh, 1e-8),
    "logistic_at_40": Point(lax.logistic, 40.0, sigmoid),
    "logistic_at_minus_40": Point(lax.logistic, -40.0, sigmoid),
    "erf_at_0": Point(special.erf, 0.0, mpmath.erf),
    "erf_at_6": Point(special.erf, 6.0, mpmath.erf),
    "erfc_at_6": Point(special.erfc, 6.0, mpmath.erfc),
    "erfc_at_20": Point(special.erfc, 20.0, mpmath.erfc, 1e-11),
    "erfc_at_minus_6": Point(special.erfc, -6.0, mpmath.erfc),
    "exp_at_700": Point(jnp.exp, 700.0, [math.exp(700)] * 6),
    "exp_at_minus_700": Point(jnp.exp, -700.0, [math.exp(-700)] * 6),
    "expm1_near_0": Point(jnp.expm1, 1e-18, [1e-18, 1, 1, 1, 1, 1]),
    "log1p_near_0": Point(jnp.log1p, 1e-18, [1e-18, 1, -1, 2, -6, 24]),
    "log1p_near_minus_1": Point(jnp.log1p, -1 + 2.0**-40, mpmath.log1p),
    "log_at_1e_50": Point(jnp.log, 1e-50, mpmath.log),
    "sqrt_at_1e300": Point(jnp.sqrt, 1e300, mpmath.sqrt),
    "sqrt_at_1e_40": Point(jnp.sqrt, 1e-40, mpmath.sqrt),
    "rsqrt_at_1e20": Point(lax.rsqrt, 1e20, lambda x: 1 / mpmath.sqrt(x)),
    "cbrt_at_minus_8": Point(jnp.cbrt, -8.0, lambda x: -mpmath.cbrt(-x)),
    "reciprocal_at_1e_50": Point(lambda x: 1 / x, 1e-50, lambda x: 1 / x),
    "reciprocal_at_1e60": Point(lambda x: 1 / x, 1e60, lambda x: 1 / x),
    "sin_at_1e5": Point(jnp.sin, 1e5, mpmath.sin),
    "cos_at_1e8": Point(jnp.cos, 1e8, mpmath.cos),
    "tan_near_its_pole": Point(jnp.tan, 1.57, mpmath.tan, 1e-10),
    "arctan_at_1e8": Point(jnp.arctan, 1e8, mpmath.atan, 1e-10),
    "arcsin_near_1": Point(jnp.arcsin, 1 - 2.0**-20, mpmath.asin, 1e-9),
    "arccosh_near_1": Point(jnp.arccosh, 1 + 2.0**-20, mpmath.acosh, 1e-9),
    "arctanh_near_1": Point(jnp.arctanh, 1 - 2.0**-20, mpmath.atanh, 1e-9),
    "arcsinh_at_1e8": Point(jnp.arcsinh, 1e8, mpmath.asinh, 1e-10),
    "sinh_at_300": Point(jnp.sinh, 300.0, mpmath.sinh),
    "log_gamma_at_1": Point(special.gammaln, 1.0, mpmath.loggamma, 1e-11),
    "log_gamma_at_1e6": Point(special.gammaln, 1e6, mpmath.loggamma),
    "digamma_near_0": Point(special.digamma, 1e-3, mpmath.digamma, 1e-11),
    "gamma_at_170": Point(special.gamma, 170.0, mpmath.gamma, 1e-10),
    "inverse_erf_in_the_tail": Point(special.erfinv, 1 - 2.0**-10, mpmath.erfinv, 1e-9),
    "normal_quantile_in_the_tail": Point(
        special.ndtri, 1e-10, lambda x: -mpmath.sqrt(2) * mpmath.erfinv(1 - 2 * x), 1e-9
    ),
    "log_normal_in_the_tail": Point(special.log_ndtr, -4.0, lambda x: mpmath.log(normal(x)), 1e-8),
    "softplus_at_minus_40": Point(softplus, -40.0, lambda x: mpmath.log1p(mpmath.exp(x))),
    "softplus_at_0": Point(softplus, 0.0, lambda x: mpmath.log1p(mpmath.exp(x))),
    "log_sigmoid_at_50": Point(log_sigmoid, 50.0, lambda x: -mpmath.log1p(mpmath.exp(-x))),
    "softplus_at_40": Point(softplus, 40.0, lambda x: mpmath.log1p(mpmath.exp(x))),
    "softplus_at_700": Point(softplus, 700.0, lambda x: mpmath.log1p(mpmath.exp(x)), 1e-11),
    "log_sigmoid_at_minus_50": Point(log_sigmoid, -50.0, lambda x: -mpmath.log1p(mpmath.exp(-x))),
    "log_add_exp_of_ones": Point(
        lambda x: jnp.logaddexp(x, 2 * x), 30.0, lambda x: mpmath.log(mpmath.exp(x) + mpmath.exp(2 * x))
    ),
    "incomplete_gamma_in_a": Point(
        lambda a: special.gammaincc(a, 20.0), 0.5, lambda a: mpmath.gammainc(a, 20, regularized=True), 1e-8
    ),
    "exponential_integral_at_20": Point(special.exp1, 20.0, mpmath.e1, 1e-10),
    "exponential_integral_near_0": Point(special.exp1, 1e-8, mpmath.e1, 1e-10),
    "silu_at_minus_50": Point(silu, -50.0, lambda x: x * sigmoid(x)),
    "gelu_in_the_tail": Point(lambda x: gelu(x, approximate=False), -8.0, lambda x: x * normal(x), 1e-9),
    "bessel_at_0": Point(special.i0e, 30.0, lambda x: mpmath.besseli(0, x) * mpmath.exp(-x), 1e-8),
    "gaussian_at_20": Point(lambda x: jnp.exp(-(x**2)), 20.0, lambda x: mpmath.exp(-(x**2)), 1e-11),
    "flat_function_near_0": Point(lambda x: jnp.exp(-1 / x**2), 0.1, lambda x: mpmath.exp(-1 / x**2), 1e-10),
    "hypot_of_large": Point(lambda x: jnp.hypot(x, 4e150), 3e150, [5e150, 0.6], 1e-12),
    "log_add_exp_far_apart": Point(lambda x: jnp.logaddexp(x, 800.0), 0.0, [800, 0, 0, 0, 0, 0]),
    "log_softmax_of_large": Point(lambda x: log_softmax(jnp.stack([x, 0 * x]))[1], 1000.0, [-1000, -1, 0, 0, 0, 0]),
    "log_sum_exp_of_large": Point(
        lambda x: special.logsumexp(jnp.stack([x, x])), 1000.0, [1000 + math.log(2), 1, 0, 0, 0, 0]
    ),
    "gamma_integral_at_small_x": Point(
        lambda x: special.gammainc(2.5, x), 1e-3, lambda x: mpmath.gammainc(2.5, 0, x, regularized=True), 1e-10
    ),
}
ZEROS = {
    "square_at_0": Point(lambda x: x**2, 0.0, [0, 0, 2, 0, 0, 0]),
    "square_at_minus_0": Point(lambda x: x**2, -0.0, [0, 0, 2, 0, 0, 0]),
    "float_square_at_0": Point(lambda x: x**2.0, 0.0, [0, 0, 2, 0, 0, 0]),
    "float_cube_at_0": Point(lambda x: x**3.0, 0.0, [0, 0, 0, 6, 0, 0]),
    "float_cube_at_minus_0": Point(lambda x: x**3.0, -0.0, [0, 0, 0, 6, 0, 0]),
    "array_cube_at_0": Point(lambda x: jnp.power(x, jnp.array(3.0)), 0.0, [0, 0, 0, 6, 0, 0]),
    "fifth_power_at_0": Point(lambda x: x**5, 0.0, [0, 0, 0, 0, 0, 120]),
    "float_fourth_power_at_0": Point(lambda x: jnp.float_power(x, 4), 0.0, [0, 0, 0, 0, 24, 0]),
    "zeroth_power_at_0": Point(lambda x: x**0 + x**0.0, 0.0, [2, 0, 0, 0, 0, 0]),
    "first_power_at_0": Point(lambda x: x**1.0, 0.0, [0, 1, 0, 0, 0, 0]),
    "real_power_at_0": Point(lambda x: x**2.5, 0.0, [0, 0, 0]),
    "float_cube_at_minus_2": Point(lambda x: x**3.0, -2.0, [-8, 12, -12, 6, 0, 0]),
    "float_inverse_square_at_minus_2": Point(lambda x: x**-2.0, -2.0, lambda x: x**-2),
    "zero_to_the_x": Point(lambda x: 0.0**x, 2.0, [0, 0, 0, 0, 0, 0]),
    "one_to_the_x": Point(lambda x: 1.0**x, 2.0, [1, 0, 0, 0, 0, 0]),
    "sin_at_0": Point(jnp.sin, 0.0, [0, 1, 0, -1, 0, 1]),
    "sinc_at_0": Point(jnp.sinc, 0.0, [1, 0, -(math.pi**2) / 3, 0, math.pi**4 / 5, 0]),
    "square_of_the_norm_at_0": Point(lambda x: jnp.linalg.norm(jnp.stack([x, x])) ** 2, 0.0, [0, 0, 4, 0, 0, 0]),
    "float_square_of_the_norm_at_0": Point(
        lambda x: jnp.linalg.norm(jnp.stack([x, 2 * x])) ** 2.0, 0.0, [0, 0, 10, 0, 0, 0]
    ),
    "fourth_power_of_a_root_at_0": Point(lambda x: jnp.sqrt(x**2) ** 4, 0.0, [0, 0, 0, 0, 24, 0]),
    "root_times_itself_at_0": Point(lambda x: (lambda r: r * r)(jnp.sqrt(x**2 + x**4)), 0.0, [0, 0, 2, 0, 24, 0]),
    "softplus_of_0": Point(softplus, 0.0, lambda x: mpmath.log1p(mpmath.exp(x))),
    "determinant_of_rank_0": Point(lambda x: jnp.linalg.det(x * jnp.eye(4)), 0.0, [0, 0, 0, 0, 24, 0]),
    "determinant_of_rank_1": Point(lambda x: jnp.linalg.det(x * jnp.eye(3) + 1.0), 0.0, [0, 0, 6, 6, 0, 0]),
    "products_of_zeros_in_one_place": Point(
        lambda x: jnp.ones(2).at[np.array([0, 0, 0])].multiply(jnp.stack([x, 2.0 + 0 * x, x]))[0],
        0.0,
        [0, 0, 4, 0, 0, 0],
    ),
    "window_of_zeros": Point(
        lambda x: lax.reduce_window(jnp.stack([x, x, x + 1]), 1.0, lax.mul, (3,), (1,), "VALID")[0],
        0.0,
        [0, 0, 2, 6, 0, 0],
    ),
    "squared_norm_at_0": Point(lambda x: jnp.sum(jnp.stack([x, 2 * x]) ** 2), 0.0, [0, 0, 10, 0, 0, 0]),
    "product_with_zeros": Point(lambda x: jnp.prod(jnp.stack([x, 2.0 + 0 * x, x])), 0.0, [0, 0, 4, 0, 0, 0]),
    "cumulative_product_with_zeros": Point(lambda x: jnp.cumprod(jnp.stack([x, x, x + 1]))[2], 0.0, [0, 0, 2, 6, 0, 0]),
    "guarded_quotient_at_0": Point(
        lambda x: jnp.where(x == 0, 1.0, jnp.sin(x) / jnp.where(x == 0, 1.0, x)), 0.0, [1, 0, 0, 0, 0, 0]
    ),
    "where_of_nan_branch": Point(lambda x: jnp.where(x > 0, jnp.log(jnp.abs(x)), x**2), -1.5, [2.25, -3, 2, 0, 0, 0]),
    "x_log_x_near_0": Point(lambda x: special.xlogy(x, x), 1e-30, lambda x: x * mpmath.log(x)),
    "complex_root_on_the_cut": Point(lambda x: jnp.imag(jnp.sqrt(x + 0j)), -4.0, lambda x: mpmath.sqrt(-x)),
    "complex_log_left": Point(lambda x: jnp.real(jnp.log(x + 0j)), -2.0, lambda x: mpmath.log(-x)),
    "polar_angle_left": Point(lambda x: jnp.arctan2(x, -1.0), 0.0, [math.pi, -1, 0, 2, 0, -24]),
    "stationary_direction": Point(lambda x: jnp.cos(x**2), 0.0, [1, 0, 0, 0, -12, 0]),
}
INFINITIES = {
    "tanh_at_infinity": Point(jnp.tanh, INF, [1, 0, 0, 0, 0, 0]),
    "logistic_at_minus_infinity": Point(lax.logistic, -INF, [0, 0, 0, 0, 0, 0]),
    "exp_at_minus_infinity": Point(jnp.exp, -INF, [0, 0, 0, 0, 0, 0]),
    "arctan_at_infinity": Point(jnp.arctan, INF, [math.pi / 2, 0]),
    "erf_at_minus_infinity": Point(special.erf, -INF, [-1, 0]),
    "log_at_infinity": Point(jnp.log, INF, [INF, 0, 0, 0, 0, 0]),
    "reciprocal_at_infinity": Point(lambda x: 1 / x, INF, [0, 0, 0, 0, 0, 0]),
    "square_at_infinity": Point(lambda x: x**2, INF, [INF, INF, 2, 0, 0, 0]),
    "relu_at_infinity": Point(relu, INF, [INF, 1, 0, 0, 0, 0]),
    "log_sum_exp_with_minus_infinity": Point(
        lambda x: special.logsumexp(jnp.stack([x, jnp.full_like(x, -INF)])), 0.5, [0.5, 1, 0, 0, 0, 0]
    ),
    "softmax_masked": Point(
        lambda x: jax.nn.softmax(jnp.where(np.array([True, False, True]), jnp.stack([x, x, 0 * x]), -INF))[0],
        0.7,
        sigmoid,
    ),
    "maximum_with_minus_infinity": Point(lambda x: jnp.maximum(x**3, -INF), 2.0, [8, 12, 12, 6, 0, 0]),
    "log_add_exp_with_minus_infinity": Point(lambda x: jnp.logaddexp(x**2, -INF), 2.0, [4, 4, 2, 0, 0, 0]),
    "square_overflows": Point(lambda x: x**2, 1e200, [INF, 2e200, 2, 0, 0, 0]),
    "exp_overflows": Point(jnp.exp, 800.0, [INF] * 6),
    "sqrt_at_0": Point(jnp.sqrt, 0.0, [0, INF]),
    "cbrt_at_0": Point(jnp.cbrt, 0.0, [0, INF]),
    "log_at_0": Point(jnp.log, 0.0, [-INF, INF]),
    "reciprocal_at_0": Point(lambda x: 1 / x, 0.0, [INF, -INF]),
    "reciprocal_at_minus_0": Point(lambda x: 1 / x, -0.0, [-INF, -INF]),
    "arcsin_at_1": Point(jnp.arcsin, 1.0, [math.pi / 2, INF]),
}
TIES: dict[str, tuple[Callable[[Any], Any], float]] = {
    "abs_at_0": (jnp.abs, 0.0),
    "abs_cubed_at_0": (lambda x: jnp.abs(x) ** 3, 0.0),
    "x_abs_x_at_0": (lambda x: x * jnp.abs(x), 0.0),
    "relu_at_0": (lambda x: relu(x) + x**2, 0.0),
    "relu_at_minus_0": (lambda x: relu(x) * jnp.exp(x), -0.0),
    "leaky_relu_at_0": (lambda x: jax.nn.leaky_relu(x) * jnp.exp(x), 0.0),
    "elu_at_0": (jax.nn.elu, 0.0),
    "maximum_of_equals": (lambda x: jnp.maximum(x**2, x**3), 1.0),
    "minimum_of_equals": (lambda x: jnp.minimum(jnp.sin(x), x), 0.0),
    "largest_of_equals": (lambda x: jnp.max(jnp.stack([x, x**2, x**3, 0 * x])), 1.0),
    "clip_at_its_bound": (lambda x: jnp.clip(x**2, 0.0, 1.0), 1.0),
    "sort_of_equals": (lambda x: jnp.sort(jnp.stack([x**2, x, x**3])) @ np.array([1.0, 2.0, 4.0]), 1.0),
    "median_of_equals": (lambda x: jnp.median(jnp.stack([x**2, x, x**3])), 1.0),
    "top_k_of_equals": (lambda x: lax.top_k(jnp.stack([x**2, x, x**3]), 1)[0][0], 1.0),
    "argmax_of_equals": (lambda x: jnp.stack([x**2, x, x**3])[jnp.argmax(jnp.stack([x, x**2]))], 1.0),
    "cumulative_maximum_of_equals": (lambda x: jnp.sum(lax.cummax(jnp.stack([x, x**2, x**3]))), 1.0),
    "floor_at_an_integer": (lambda x: x * jnp.floor(x), 2.0),
    "round_at_a_half": (lambda x: x**2 * jnp.round(x), 2.5),
    "sign_at_0": (lambda x: jnp.sign(x) * jnp.exp(x) + x, 0.0),
    "where_at_its_border": (lambda x: jnp.where(x > 0, jnp.sin(x), jnp.exp(x)), 0.0),
    "remainder_at_a_multiple": (lambda x: jnp.mod(x**2, 1.0), 1.0),
    "interpolation_at_a_node": (lambda x: jnp.interp(x, np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0, 4.0])), 1.0),
    "cond_at_its_border": (lambda x: lax.cond(x >= 0, jnp.sin, jnp.cos, x), 0.0),
    "heaviside_at_0": (lambda x: jnp.heaviside(x, 0.5) * jnp.exp(x), 0.0),
    "hard_tanh_at_1": (lambda x: jax.nn.hard_tanh(x) * x, 1.0),
}
# Mathematics has an answer here and JAX's own rules have none: right, or an error of ours, or NaN as JAX says; never a
# finite number that is wrong.
BEYOND_JAX = {
    "arctan_at_infinity_higher": Point(jnp.arctan, INF, [math.pi / 2, 0, 0, 0, 0, 0]),
    "cube_of_the_norm_at_0": Point(lambda x: jnp.linalg.norm(jnp.stack([x, x])) ** 3, 0.0, [0, 0, 0]),
    "sqrt_of_square_at_0": Point(lambda x: jnp.sqrt(x**2 + x**4), 0.0, [0]),
    "sum_of_degenerate_eigenvalues": Point(
        lambda x: jnp.sum(jnp.linalg.eigvalsh(x * jnp.ones((3, 3)))) + 0 * x, 1.0, [3, 3, 0, 0, 0, 0]
    ),
    "standard_deviation_of_equals": Point(lambda x: jnp.std(jnp.stack([x, x, x])), 1.0, [0]),
    "sin_at_infinity": Point(jnp.sin, INF, []),
    "log_of_negative": Point(jnp.log, -1.0, []),
    "real_power_of_negative": Point(lambda x: x**2.5, -1.0, []),
}
POINTS = {**TAILS, **ZEROS, **INFINITIES}
# Points that raise an error of ours, for now; each must still raise.
REFUSED: frozenset[str] = frozenset()


def test_there_are_enough_points() -> None:
    assert len(POINTS) + len(TIES) + len(BEYOND_JAX) == len({*POINTS, *TIES, *BEYOND_JAX}) >= 60
    assert set(POINTS) >= REFUSED


@pytest.mark.parametrize("name", POINTS)
def test_derivatives_at_the_point(name: str) -> None:
    point = POINTS[name]
    expected = derivatives(point.expected, point.x) if callable(point.expected) else point.expected
    if name in REFUSED:
        with pytest.raises(OsculateError):
            osculate.taylor(point.function, ORDER)(point.x)
        return
    check(osculate.taylor(point.function, len(expected) - 1)(point.x).derivatives, expected, point.rtol)


def test_determinant_away_from_where_it_is_singular() -> None:
    """det(x I + 1 1ᵀ) = x⁴ + 4 x³."""
    singular = lambda x: jnp.linalg.det(jnp.eye(4) * x + jnp.ones((4, 4)))  # noqa: E731
    assert osculate.derivative(singular, 3)(1.0) == pytest.approx(24 + 24, rel=1e-9)


@pytest.mark.parametrize("name", TIES)
def test_ties_follow_the_rules_of_jax(name: str) -> None:
    function, x = TIES[name]
    along = [jnp.ones(()), *[jnp.zeros(())] * (ORDER - 1)]
    expected = jet_oracle.nested_derivatives(function, (jnp.asarray(x),), (along,))
    check(osculate.taylor(function, ORDER)(x).derivatives, [float(value) for value in expected], 1e-12)


@pytest.mark.parametrize("name", BEYOND_JAX)
def test_beyond_jax_right_or_refused_or_nan(name: str) -> None:
    point = BEYOND_JAX[name]
    assert not callable(point.expected)
    try:
        found = osculate.taylor(point.function, ORDER)(point.x).derivatives
    except OsculateError:
        return
    for k, mine in enumerate(np.asarray(found)):
        if np.isfinite(mine):
            assert k < len(point.expected), f"order {k} is {mine}, and there is no such derivative"
            assert abs(mine - point.expected[k]) <= 1e-9 * max(1.0, abs(point.expected[k])), f"order {k}: {mine}"


@pytest.mark.parametrize(
    ("function", "x", "path", "expected"),
    [
        (jnp.exp, 0.0, [0.0, 2.0, 0.0, 0.0], [1, 0, 2, 0, 12]),
        (jnp.sqrt, 4.0, [0.0, 0.0, 8.0, 0.0], [2, 0, 0, 2, 0]),
        (lambda x: x**3.0, 0.0, [0.0, 2.0, 0.0, 0.0], [0, 0, 0, 0, 0]),
        (lambda x: x**2.0, 0.0, [0.0, 2.0, 0.0, 0.0], [0, 0, 0, 0, 24]),
        (jnp.tanh, 0.0, [1.0, 0.0, 2.0, 0.0], [0, 1, 0, 0, 0]),
        (jnp.sinc, 0.0, [0.0, 2.0, 0.0, 0.0], [1, 0, 0, 0, -4 * math.pi**2]),
        (lambda x: 1 / x, INF, [1.0, 0.0, 0.0, 0.0], [0, 0, 0, 0, 0]),
    ],
)
def test_curves_that_start_flat(
    function: Callable[[Any], Any], x: float, path: list[float], expected: list[float]
) -> None:
    value, orders = osculate.jet(function, (jnp.asarray(x),), ([jnp.asarray(v) for v in path],), scaling="derivative")
    check([value, *orders], expected, 1e-12)


# Kinks in a higher derivative alone; and an interval that a loop has found.
UNSEEN = frozenset({"minimum_of_equals", "elu_at_0", "interpolation_at_a_node"})


@pytest.mark.parametrize("name", sorted(TIES.keys() - UNSEEN))
def test_every_tie_is_found(name: str) -> None:
    function, x = TIES[name]
    program, _ = trace(function, jnp.asarray(x), asked="test")
    assert kinks(program, [jnp.asarray(x)])


@pytest.mark.parametrize("name", [*TAILS, *ZEROS])
def test_no_kink_is_seen_where_there_is_none(name: str) -> None:
    point = POINTS[name]
    program, _ = trace(point.function, jnp.asarray(point.x), asked="test")
    assert [str(kink) for kink in kinks(program, [jnp.asarray(point.x)], 2)] == []
