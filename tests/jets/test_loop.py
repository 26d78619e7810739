"""The loop lowering: the same numbers as operations of their own, at any order and under JAX's transformations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import jet_oracle
import mpmath
import numpy as np
import programs_arrays
import programs_control
import programs_elementwise
import programs_linalg
import pytest
from jax import lax

import osculate
from osculate._jets.coefficients import LOOP_ALWAYS, LOOP_FROM, LOOP_FROM_FOR_NUMBERS, coefficients, loop_pays
from osculate._jets.loop import Loop
from osculate._jets.network import Unrolled
from osculate._trace import trace

PROGRAMS = {
    **programs_elementwise.PROGRAMS,
    **programs_arrays.PROGRAMS,
    **programs_linalg.PROGRAMS,
    **programs_control.PROGRAMS,
}


@pytest.fixture(autouse=True)
def _float64() -> Iterator[None]:
    with jax.enable_x64():
        yield


def by_lowering(function: Callable[..., Any], primals: Any, series: Any, order: int, lowering: Any) -> Any:
    """Coefficients of each output for a series of coefficients of each argument."""
    program, _ = trace(function, *primals, asked="test")
    rows = [[leaf] for leaf in jax.tree.leaves(primals)]
    for k in range(order):
        for row, entry in zip(rows, jax.tree.leaves([s[k] for s in series]), strict=True):
            row.append(entry if jnp.issubdtype(row[0].dtype, np.inexact) else None)
    return coefficients("test", program, rows, order, lowering=lowering)


@pytest.mark.slow
@pytest.mark.parametrize("name", list(PROGRAMS)[::4])  # all of them take four minutes, and agree
def test_program_agrees_with_the_unrolled_lowering(name: str) -> None:
    program = PROGRAMS[name]
    primals, series = jet_oracle.point_and_series(program, 5)
    one_by_one = by_lowering(program.function, primals, series, 5, Unrolled)
    looped = by_lowering(program.function, primals, series, 5, Loop)
    for i, (found, expected) in enumerate(zip(looped, one_by_one, strict=True)):
        for k, (mine, true) in enumerate(zip(found, expected, strict=True)):
            jet_oracle.assert_close_to_scale(mine, true, 1e-11, f"coefficient {k} of output {i}")


def along_line(f: Callable[[Any], Any], x: Any, order: int, lowering: Any = Loop) -> np.ndarray:
    x = jnp.asarray(x)
    program, _ = trace(f, x, asked="test")
    return np.asarray(jnp.stack(coefficients("test", program, [[x, jnp.ones_like(x)]], order, lowering=lowering)[0]))


def assert_close_to_neighbours(found: np.ndarray, expected: np.ndarray) -> None:
    """To 1e-12 of the largest of five neighbouring coefficients: where the sign changes, one may be tiny by chance."""
    size = [np.abs(expected[max(0, k - 2) : k + 3]).max() for k in range(len(expected))]
    assert np.max(np.abs(found - expected) / np.maximum(size, 1e-300)) < 1e-12


def mp_tanh(series: list[Any]) -> list[Any]:
    """y′ = (1 − y²) x′ in mpmath."""
    y = [mpmath.tanh(series[0])]
    slope = [1 - y[0] ** 2]
    for k in range(1, len(series)):
        y.append(mpmath.fsum(slope[j] * (k - j) * series[k - j] for j in range(k)) / k)
        slope.append(-mpmath.fsum(y[j] * y[k - j] for j in range(k + 1)))
    return y


def test_coefficients_of_a_network_up_to_order_100_against_60_digits() -> None:
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=size) for size in ((6, 1), (6, 6), (1, 6))]
    biases = [rng.normal(size=size) for size in (6, 6, 1)]

    def network(x: Any) -> Any:
        h = jnp.reshape(x, (1,))
        for w, b in zip(weights[:-1], biases[:-1], strict=True):
            h = jnp.tanh(jnp.asarray(w) @ h + b)
        return (jnp.asarray(weights[-1]) @ h + biases[-1])[0]

    with mpmath.workdps(60):
        h = [[mpmath.mpf(0.3), mpmath.mpf(1)] + [mpmath.mpf(0)] * 99]
        for layer, (w, b) in enumerate(zip(weights, biases, strict=True)):
            z = [[mpmath.fdot(zip(row, column, strict=True)) for column in zip(*h, strict=True)] for row in w.tolist()]
            for row, bias in zip(z, b, strict=True):
                row[0] += float(bias)
            h = z if layer == 2 else [mp_tanh(row) for row in z]
        expected = np.array([float(c) for c in h[0]])
    assert_close_to_neighbours(along_line(network, 0.3, 100), expected)


@pytest.mark.parametrize(
    ("f", "exact", "x"),
    [
        (jnp.exp, mpmath.exp, 0.4),
        (lambda x: jnp.sin(x) * jnp.exp(-(x**2)) + jnp.tanh(x), None, 0.4),
        (jax.scipy.special.gammaln, mpmath.loggamma, 2.6),
        (lambda x: 1 / (1 + x**2), lambda x: 1 / (1 + x**2), 0.4),
        (lambda x: (2 + x) ** 1.7, lambda x: (2 + x) ** mpmath.mpf(1.7), 0.4),
        (lambda x: (2 + jnp.sin(x)) ** 0.5, lambda x: mpmath.sqrt(2 + mpmath.sin(x)), 0.4),
        (lambda x: x**7 - 3 * x**2, lambda x: x**7 - 3 * x**2, 0.4),
        (jax.scipy.special.erf, mpmath.erf, 0.4),
        (jnp.arctan, mpmath.atan, 0.4),
    ],
)
def test_coefficients_of_order_30_against_mpmath(f: Any, exact: Any, x: float) -> None:
    exact = exact or (lambda x: mpmath.sin(x) * mpmath.exp(-(x**2)) + mpmath.tanh(x))
    with mpmath.workdps(60):
        expected = np.array([float(c) for c in mpmath.taylor(exact, mpmath.mpf(x), 30)])
    found = along_line(f, x, 30)
    assert_close_to_neighbours(found, expected)


def solved(x: Any) -> Any:
    return jnp.linalg.solve(
        jnp.array([[2.0, 1.0], [0.5, 3.0]]) + x * jnp.array([[1.0, x], [0.2, 1.0]]), x * jnp.ones(2)
    )


def scanned(x: Any) -> Any:
    return lax.scan(lambda c, w: (jnp.sin(c) * w + x, c * c), x, jnp.arange(1.0, 4.0))[1]


def root(x: Any) -> Any:
    """The root of y³ + y = x by Newton's method under ``custom_root``."""

    def newton(f: Any, start: Any) -> Any:
        return lax.fori_loop(0, 30, lambda _, y: y - f(y) / jax.grad(f)(y), start)

    return lax.custom_root(lambda y: y**3 + y - x, 1.0, newton, lambda g, y: y / g(1.0))


@pytest.mark.parametrize(
    "f",
    [
        solved,
        scanned,
        root,
        lambda x: jnp.linalg.eigh(jnp.array([[2.0, 0.3], [0.3, 1.0]]) + x * jnp.array([[0.0, 1.0], [1.0, x]]))[0],
        lambda x: jax.scipy.linalg.expm(x * jnp.array([[0.0, 1.0], [-1.0, 0.1]])),
        lambda x: lax.while_loop(lambda y: y < 5.0, lambda y: y * y + x, 1.5 + x),
        lambda x: lax.cond(x > 0, jnp.sin, jnp.cos, x * x),
        lambda x: jax.nn.softmax(jnp.arange(3.0) * jnp.sin(x)),
        lambda x: jax.nn.gelu(jax.nn.silu(x) * jnp.arange(3.0)),
        lambda x: jax.grad(lambda y: jnp.sum(jnp.tanh(y * jnp.arange(3.0))))(x),
    ],
    ids=["solve", "scan", "root", "eigh", "expm", "while", "cond", "softmax", "activations", "gradient"],
)
def test_order_14_agrees_with_the_unrolled_lowering(f: Any) -> None:
    one_by_one, looped = along_line(f, 0.4, 14, Unrolled), along_line(f, 0.4, 14)
    for k in range(15):
        jet_oracle.assert_close_to_scale(looped[k], one_by_one[k], 1e-10, f"coefficient {k}")


def twelfth(x: Any, w: Any) -> Any:
    """A derivative of order 12 with arrays, for which the loop is chosen."""
    return osculate.derivative(lambda y: jnp.mean(jnp.tanh(w * y * jnp.ones(40))) * jnp.sin(y), 12)(x)


def test_the_loop_is_chosen_by_order_and_size() -> None:
    x = jnp.asarray(0.3)
    number, _ = trace(jnp.sin, x, asked="test")
    small, _ = trace(lambda x: jnp.sum(jnp.sin(x * jnp.ones(50))), x, asked="test")
    large, _ = trace(lambda x: jnp.sum(jnp.sin(x * jnp.ones(100_000))), x, asked="test")
    series = [[x, jnp.ones_like(x)]]
    assert not loop_pays(small, series, LOOP_FROM - 1)
    assert loop_pays(small, series, LOOP_FROM)
    assert not loop_pays(large, series, LOOP_FROM)
    assert loop_pays(large, series, LOOP_ALWAYS)
    assert not loop_pays(number, series, LOOP_FROM)
    assert loop_pays(number, series, LOOP_FROM_FOR_NUMBERS)
    seen: list[bool] = []

    def lane(x: Any) -> Any:
        seen.append(loop_pays(small, [[x, jnp.ones_like(x)]], LOOP_FROM))
        return x

    jax.vmap(lane)(jnp.ones(100_000))
    assert seen == [False]


def test_under_jit_vmap_grad_and_jvp() -> None:
    x, w = jnp.asarray(0.3), jnp.asarray(0.8)

    def reference(x: Any, w: Any) -> Any:
        program, _ = trace(lambda y: jnp.tanh(w * y) * jnp.sin(y), x, asked="test")
        return coefficients("test", program, [[x, jnp.ones_like(x)]], 12, lowering=Unrolled)[0][12] * 479001600.0

    np.testing.assert_allclose(jax.jit(twelfth)(x, w), reference(x, w), rtol=1e-11)
    xs = jnp.linspace(-1.0, 1.0, 5)
    np.testing.assert_allclose(jax.vmap(twelfth, (0, None))(xs, w), [reference(x, w) for x in xs], rtol=1e-9)
    for argument in (0, 1):
        np.testing.assert_allclose(jax.grad(twelfth, argument)(x, w), jax.grad(reference, argument)(x, w), rtol=1e-10)
    np.testing.assert_allclose(
        jax.jvp(lambda x: twelfth(x, w), (x,), (jnp.ones(()),))[1], jax.grad(reference)(x, w), rtol=1e-10
    )
    np.testing.assert_allclose(jax.hessian(twelfth, 1)(x, w), jax.hessian(reference, 1)(x, w), rtol=1e-9)


def test_a_jet_of_a_jet_is_a_higher_derivative() -> None:
    eleventh = osculate.derivative(jnp.sin, 11)  # −cos
    np.testing.assert_allclose(osculate.derivative(eleventh, 10)(jnp.asarray(0.3)), np.cos(0.3), rtol=1e-10)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.complex128])
def test_other_dtypes(dtype: Any) -> None:
    x = jnp.asarray(0.3, dtype)
    found = along_line(lambda x: jnp.exp(2 * x), x, 12)
    assert found.dtype == dtype
    expected = np.exp(0.6) * np.cumprod([1.0, *(2.0 / np.arange(1, 13))])
    np.testing.assert_allclose(found, expected, rtol=1e-5 if dtype == jnp.float32 else 1e-13)


def test_series_of_many_coefficients() -> None:
    """Not the line x + t alone: the inner series has all orders, so that products meet two long factors."""
    order = 16
    inner = jnp.asarray(1 / np.cumprod(np.arange(1.0, order + 1)))
    _, orders = osculate.jet(jnp.log, (1.0,), ([*inner],), scaling="coefficient")  # log of exp(t)
    np.testing.assert_allclose([float(c) for c in orders], [1.0] + [0.0] * (order - 1), atol=1e-14)


def _by_loop(y: Any, change: Any) -> Any:
    return lax.fori_loop(0, 3, lambda _, c: c + y * change / 3, 0 * change)


def _by_branch(y: Any, change: Any) -> Any:
    return lax.cond(y > 0, lambda a, b: a * b, lambda a, b: -a * b, y, change)


def _by_scan(y: Any, change: Any) -> Any:
    return lax.scan(lambda c, s: (c + s, None), jnp.zeros_like(y), jnp.stack([y * change / 2] * 2))[0]


@pytest.mark.parametrize("times", [_by_loop, _by_branch, _by_scan])
@pytest.mark.parametrize("lowering", [Unrolled, Loop])
def test_a_custom_rule_may_hold_a_loop_over_what_it_defines(times: Any, lowering: Any) -> None:
    @jax.custom_jvp
    def exponential(x: Any) -> Any:
        return jnp.exp(x)

    @exponential.defjvp
    def _(primals: Any, tangents: Any) -> Any:
        y = exponential(primals[0])
        return y, times(y, tangents[0])

    found = along_line(exponential, 0.3, 6, lowering)
    np.testing.assert_allclose(found, np.exp(0.3) / np.cumprod([1.0, *range(1, 7)]), rtol=1e-13)
