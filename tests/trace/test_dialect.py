"""Whether a function is written for NumPy or JAX; and that NumPy's meaning is kept where JAX's differs silently."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special

import osculate
from osculate._errors import Unreadable
from osculate._trace.dialect import reached

X = np.array([3.0, 1.0, 2.0])


def through_numpy(x):
    return np.sin(x).sum()


def through_jax(x):
    return jnp.sin(x).sum()


def calls(x):
    return through_jax(x) + 1


class Model:
    scale = 2.0

    def loss(self, x):
        return jnp.sum(x) * self.scale


weights = jnp.ones(3)


@pytest.mark.parametrize(
    ("f", "libraries"),
    [
        (lambda x: x**2, set()),
        (through_numpy, {"numpy"}),
        (lambda x: scipy.special.erf(x), {"numpy"}),
        (np.sin, {"numpy"}),
        (scipy.special.erf, {"numpy"}),
        (through_jax, {"jax"}),
        (calls, {"jax"}),
        (jnp.sin, {"jax"}),
        (jax.nn.relu, {"jax"}),
        (jax.jit(lambda x: x), {"jax"}),
        (functools.partial(calls), {"jax"}),
        (Model().loss, {"jax"}),
        (lambda x: (weights * x).sum(), {"jax"}),
        (lambda x: [through_jax][0](x), {"jax"}),
        (lambda x, data=weights: x * data, {"jax"}),
    ],
)
def test_what_code_reaches(f, libraries):
    assert set(reached(f)) >= libraries
    assert ("jax" in reached(f)) == ("jax" in libraries)


def test_recursion_ends():
    def f(x):
        return f(x)

    assert reached(f) == frozenset()


def test_out_of_range_raises_as_numpy_does():
    with pytest.raises(IndexError):
        osculate.gradient(lambda x: x[7] ** 2)(X)


def test_sorting_in_place_is_refused_not_skipped():
    def f(x):
        x = x * 1.0
        x.sort()
        return x[0] ** 2

    with pytest.raises(Unreadable, match="sort") as caught:
        osculate.gradient(f)(X)
    assert caught.value.where.line == f.__code__.co_firstlineno + 2


def test_writing_into_a_view_is_refused_not_skipped():
    def f(x):
        x = x * 1.0
        y = x[1:]
        y += 1
        return (x**2).sum()

    with pytest.raises(Unreadable) as caught:
        osculate.gradient(f)(X)
    assert caught.value.where.line == f.__code__.co_firstlineno + 3


def test_jax_functions_keep_their_own_meaning():
    assert osculate.gradient(lambda x: jnp.sum(x)[None][0])(X).tolist() == [1, 1, 1]
    clamped = osculate.gradient(lambda x: jnp.asarray(x)[7] ** 2)(X)
    np.testing.assert_array_equal(clamped, jax.grad(lambda x: x[7] ** 2)(jnp.asarray(X, jnp.float32)))


def test_what_only_jax_arrays_have_is_jax():
    np.testing.assert_array_equal(osculate.gradient(lambda x: x.at[1].set(0.0).sum())(X), [1, 0, 1])


def test_imports_inside_the_function_count():
    def f(x):
        from jax import lax

        return lax.sin(x)

    assert osculate.derivative(f)(0.0) == 1.0


def test_jax_reached_by_a_way_that_code_does_not_show_is_said():
    def f(x):
        return __import__("jax").lax.sin(x)

    with pytest.raises(Unreadable, match=r"jax\.lax.*read as NumPy"):
        osculate.derivative(f)(0.0)
