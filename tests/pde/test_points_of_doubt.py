"""Operators where a function is not differentiable, or only seems not to be."""

from __future__ import annotations

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import osculate
from osculate import pde
from osculate._errors import WrongInput, WrongType

EVEN_POWERS = {  # of the norm in space: Δ, Δ² at the origin
    "square": (lambda x: jnp.square(jnp.linalg.norm(x)), 6.0, 0.0),
    "power": (lambda x: jnp.linalg.norm(x) ** 2, 6.0, 0.0),
    "product": (lambda x: (lambda r: r * r)(jnp.sqrt(x @ x)), 6.0, 0.0),
    "fourth": (lambda x: jnp.linalg.norm(x) ** 4.0, 0.0, 120.0),
}


@pytest.mark.parametrize("name", EVEN_POWERS)
def test_even_powers_of_the_norm_at_the_origin(name):
    f, second, fourth = EVEN_POWERS[name]
    assert float(osculate.laplacian(f)(np.zeros(3))) == second
    assert float(osculate.biharmonic(f)(np.zeros(3))) == fourth


def test_even_powers_of_norms_of_rows_at_the_origin():
    found = osculate.laplacian(lambda x: jnp.linalg.norm(x, axis=-1) ** 2)(np.zeros((4, 3)))
    np.testing.assert_array_equal(found, 6.0)


@pytest.mark.parametrize("operator", [osculate.laplacian, osculate.biharmonic, pde.value_gradient_laplacian])
def test_kinks_are_said(operator):
    with pytest.warns(RuntimeWarning, match="relu"):
        operator(lambda x: jax.nn.relu(x).sum())(np.array([0.0, 1.0]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        operator(lambda x: jax.nn.relu(x).sum())(np.array([0.5, 1.0]))
        jax.jit(operator(lambda x: jax.nn.relu(x).sum()))(np.array([0.0, 1.0]))


def test_half_precision_is_refused():
    with pytest.raises(WrongType, match="float16"):
        osculate.laplacian(lambda x: (x**2).sum())(np.ones(3, np.float16))


def test_chunk_may_be_an_integer_of_numpy():
    x = np.arange(15.0).reshape(5, 3)
    found = osculate.laplacian(lambda x: (x**3).sum(-1), chunk=np.int64(2))(x)
    np.testing.assert_allclose(found, 6 * x.sum(-1), rtol=1e-12)


def test_a_mixed_derivative_without_a_right_digit_is_refused():
    with pytest.raises(WrongInput, match="amplifies rounding"):
        osculate.partial(lambda x: jnp.exp(x[0] * x[1]), (100, 100))(np.ones(2))


@pytest.mark.parametrize(("primals", "series"), [((1.0,), (1.0,)), (1.0, ([1.0],))])
def test_jet_of_what_is_no_sequence(primals, series):
    with pytest.raises(WrongType, match="sequence"):
        osculate.jet(lambda x: x, primals, series, scaling="coefficient")
