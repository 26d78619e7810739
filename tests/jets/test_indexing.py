"""Scatters and windows that multiply, against products written out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import osculate

ORDER = 5
RNG = np.random.default_rng(0)
REPEATED = np.array([0, 2, 0, 0])


@pytest.fixture(autouse=True)
def _float64() -> Iterator[None]:
    with jax.enable_x64():
        yield


def check_same(function: Callable[..., Any], plain: Callable[..., Any], *starts: Any) -> None:
    """The jets of a function against those of sums and products, which have rules of their own."""
    rng = np.random.default_rng(1)
    series = tuple([jnp.asarray(rng.normal(size=np.shape(s))) for _ in range(ORDER)] for s in starts)
    points = tuple(map(jnp.asarray, starts))
    found = osculate.jet(function, points, series, scaling="coefficient")
    expected = osculate.jet(plain, points, series, scaling="coefficient")
    for mine, true in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(mine, true, rtol=1e-12, atol=1e-12)


def test_multiplying_into_places_that_repeat() -> None:
    check_same(
        lambda x, u: x.at[REPEATED].multiply(u),
        lambda x, u: jnp.stack([x[0] * u[0] * u[2] * u[3], x[1], x[2] * u[1]]),
        RNG.normal(size=3),
        RNG.normal(size=4),
    )


def test_zeros_among_the_factors() -> None:
    check_same(
        lambda x, u: x.at[REPEATED].multiply(u),
        lambda x, u: jnp.stack([x[0] * u[0] * u[2] * u[3], x[1], x[2] * u[1]]),
        np.array([1.5, 0.0, 0.0]),
        np.array([0.0, 2.0, 0.0, 1.0]),
    )


def test_rows_into_rows_that_repeat() -> None:
    check_same(
        lambda x, u: x.at[np.array([1, 1])].multiply(u),
        lambda x, u: jnp.stack([x[0], x[1] * u[0] * u[1], x[2]]),
        RNG.normal(size=(3, 2)),
        RNG.normal(size=(2, 2)),
    )


def test_columns_two_indices_and_places_outside() -> None:
    rows, columns = np.array([[0, 1], [0, 7]]), np.array([[2, 0], [2, 1]])
    check_same(
        lambda x, u: x.at[rows, columns].multiply(u),
        lambda x, u: x * jnp.stack([jnp.stack([1.0, 1.0, u[0, 0] * u[1, 0]]), jnp.stack([u[0, 1], 1.0, 1.0])]),
        RNG.normal(size=(2, 3)),
        RNG.normal(size=(2, 2)),
    )


def test_segment_products() -> None:
    check_same(
        lambda x: jax.ops.segment_prod(x, np.array([0, 1, 0, 0]), 3),
        lambda x: jnp.stack([x[0] * x[2] * x[3], x[1], jnp.ones(())]),
        RNG.normal(size=4),
    )


def test_a_window_of_products() -> None:
    check_same(
        lambda x: lax.reduce_window(x, 1.0, lax.mul, (2, 2), (1, 1), "VALID"),
        lambda x: x[:-1, :-1] * x[1:, :-1] * x[:-1, 1:] * x[1:, 1:],
        RNG.normal(size=(3, 4)),
    )


def test_a_window_with_strides_padding_and_dilation() -> None:
    def plain(x: Any) -> Any:
        padded = jnp.concatenate([jnp.ones(1), x, jnp.ones(2)])
        return jnp.stack([padded[i] * padded[i + 2] * padded[i + 4] for i in range(0, 4, 2)])

    check_same(
        lambda x: lax.reduce_window(x, 1.0, lax.mul, (3,), (2,), [(1, 2)], window_dilation=(2,)),
        plain,
        RNG.normal(size=5),
    )


def test_a_window_of_any_function() -> None:
    check_same(
        lambda x: lax.reduce_window(x, 0.0, lambda a, b: a + b + a * b, (2,), (1,), "VALID"),
        lambda x: (1 + x[:-1]) * (1 + x[1:]) - 1,
        RNG.normal(size=4),
    )


def test_gradient_of_a_jet() -> None:
    def function(u: Any) -> Any:
        return jnp.sum(jnp.ones(2).at[np.array([0, 0])].multiply(jnp.stack([u, u**2])))

    second = osculate.derivative(function, 2)
    assert jax.grad(second)(jnp.asarray(1.5)) == pytest.approx(6.0)
