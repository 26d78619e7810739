"""Tracing a user's function: randomness and state are noticed, the user's own errors stay theirs."""

import functools
import math
import random

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import osculate
from osculate._errors import Unreadable
from osculate._trace import function_location


@pytest.mark.parametrize(
    "draw",
    [
        lambda: np.random.default_rng().normal(),
        lambda: np.random.normal(size=3),
        random.random,
        lambda: np.random.default_rng().integers(1000, size=8),
    ],
)
def test_random_numbers_are_refused(draw):
    def f(x):
        return jnp.sum(x * draw())

    with pytest.raises(Unreadable, match="random") as caught:
        osculate.derivative(f)(1.0)
    assert caught.value.where.file == __file__


def test_fixed_random_numbers_are_data():
    weights = np.random.default_rng(0).normal(size=3)
    assert osculate.derivative(lambda x: np.sum(weights * x))(1.0) == pytest.approx(weights.sum(), rel=1e-15)
    key = jax.random.key(0)
    with jax.enable_x64(True):
        drawn = float(jax.random.normal(key))
    assert osculate.derivative(lambda x: x * jax.random.normal(key))(1.0) == drawn


def test_state_is_noticed():
    calls = []

    def f(x):
        calls.append(1)
        return x * len(calls)

    with pytest.raises(Unreadable, match="keeps state"):
        osculate.derivative(f)(1.0)


def test_errors_of_the_user_stay_theirs():
    def f(x):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        osculate.derivative(f)(1.0)


def test_plain_numpy_functions_are_read():
    assert osculate.derivative(lambda x: np.sin(x) * np.exp(-(x**2)), 1)(0.0) == 1.0


def test_what_cannot_be_read_names_the_line():
    def f(x):
        return math.sin(x)

    with pytest.raises(Unreadable) as caught:
        osculate.derivative(f)(1.0)
    assert caught.value.where.file == __file__
    assert caught.value.where.line == f.__code__.co_firstlineno + 1
    assert "osculate" in str(caught.value)


def test_locations_look_through_wrappers():
    def f(x, y):
        return x * y

    assert function_location(functools.partial(f, 1.0)).line == f.__code__.co_firstlineno
    assert function_location(jax.jit(f)).line == f.__code__.co_firstlineno
    assert function_location(np.sin) is None


def test_closures_over_tracers():
    def outer(a):
        return osculate.derivative(lambda x: a * x**3, 2)(2.0)

    assert float(jax.jit(outer)(5.0)) == 60.0
    assert float(jax.grad(outer)(5.0)) == 12.0
    np.testing.assert_allclose(jax.vmap(outer)(jnp.arange(3.0)), [0, 12, 24])


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x[np.random.randint(1000) % 8] * x[np.random.randint(8)] * x[np.random.randint(8)],  # an index
        lambda x: x[0] ** np.random.randint(2, 10**6),  # a parameter
        lambda x: jax.jit(lambda y: y[0] * np.random.rand())(x),  # inside a body
        lambda x: jax.lax.scan(lambda c, _: (c * np.random.rand(), None), x[0], None, length=2)[0],
        lambda x: np.prod([x[i] ** k for k, i in enumerate(np.random.permutation(8))]),  # the wiring
    ],
)
def test_randomness_in_what_is_done_is_refused_too(f):
    with pytest.raises(Unreadable, match="random"):
        osculate.gradient(f)(np.arange(1.0, 9.0))


def test_nan_constants_and_parameters_are_not_random():
    labels = jnp.array([[1], [0]])
    taken = lambda x: jnp.sum(jnp.take_along_axis(jnp.outer(jnp.ones(2), x), labels, 1))  # noqa: E731  (fills with NaN)
    assert osculate.gradient(taken)(np.ones(2)).tolist() == [1, 1]
    assert osculate.derivative(lambda x: jnp.where(x > 0, x, np.nan))(1.0) == 1.0
