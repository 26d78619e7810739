"""Weighted Laplacians, divergence form, polynomials in ∂, and value with gradient, against dense JAX derivatives."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import osculate
from osculate import pde
from osculate._errors import WrongInput, WrongType

RNG = np.random.default_rng(0)
WIDE, NARROW = RNG.normal(size=(5, 4)), RNG.normal(size=(2, 4))
X = RNG.normal(size=4)


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64():
        yield


def wide(x):
    return jnp.tanh(WIDE @ x).prod() + x[0] ** 3


def narrow(x):
    return jnp.sin(NARROW @ x)


def gram(x):
    return jnp.outer(jnp.sin(x), x) + jnp.diag(x)


@pytest.mark.parametrize("f", [wide, narrow])
@pytest.mark.parametrize("weights", [RNG.normal(size=(4, 4)), RNG.normal(size=4), gram, 2.5])
def test_weighted_laplacian(f, weights):
    value = weights(X) if callable(weights) else np.asarray(weights)
    matrix = value if np.ndim(value) == 2 else np.diag(np.broadcast_to(value, (4,)))
    expected = jnp.einsum("ij,...ij->...", matrix, jax.hessian(f)(X))
    np.testing.assert_allclose(pde.weighted_laplacian(f, weights)(X), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("f", [wide, narrow])
@pytest.mark.parametrize("coefficient", [gram, jnp.sin, lambda x: jnp.exp(x @ x)], ids=["matrix", "diagonal", "number"])
def test_divergence_form(f, coefficient):
    def flux(x):
        a, slope = coefficient(x), jax.jacfwd(f)(x)
        return slope @ a.T if jnp.ndim(a) == 2 else slope * a

    expected = jnp.trace(jax.jacfwd(flux)(X), axis1=-2, axis2=-1)
    np.testing.assert_allclose(pde.divergence_form(f, coefficient)(X), expected, rtol=1e-10, atol=1e-12)


def test_coefficients_can_be_differentiated_and_traced():
    def loss(scale):
        return pde.weighted_laplacian(wide, scale * jnp.ones((4, 4)))(X)

    np.testing.assert_allclose(jax.jit(jax.grad(loss))(2.0), jax.hessian(wide)(X).sum(), rtol=1e-10)


def test_wrong_coefficients_are_named():
    with pytest.raises(WrongInput, match=r"shape \[3\]"):
        pde.weighted_laplacian(wide, np.ones(3))(X)


# polynomials


@given(a=st.floats(-3, 3), b=st.floats(-3, 3))
def test_polynomials_are_a_ring(a, b):
    d = pde.d
    left = (d[0] + a) * (d[1] - b * d[0]) - (2 - d[0]) ** 2
    right = d[0] * d[1] - b * d[0] ** 2 + a * d[1] - a * b * d[0] - 4 + 4 * d[0] - d[0] ** 2
    for powers in {*left.terms, *right.terms}:
        assert left.terms.get(powers, 0.0) == pytest.approx(right.terms.get(powers, 0.0), abs=1e-9)


def test_mixed_operator_of_one_point_and_of_rows():
    d = pde.d
    f = lambda x: jnp.sin(x[..., 0] * x[..., 1]) + x[..., 1] ** 4  # noqa: E731
    polynomial = d[0] ** 2 + d[1] ** 4 - 3 * d[0] * d[1] + 0.5

    def expected(x):
        g = jax.grad
        second = g(lambda a: g(lambda a: f(jnp.stack([a, x[1]])))(a))(x[0])
        cross = g(lambda a: g(lambda b: f(jnp.stack([a, b])))(x[1]))(x[0])
        fourth = g(g(g(g(lambda b: f(jnp.stack([x[0], b]))))))(x[1])
        return second + fourth - 3 * cross + 0.5 * f(x)

    points = RNG.normal(size=(3, 2))
    np.testing.assert_allclose(pde.operator(f, polynomial)(points[0]), expected(points[0]), rtol=1e-9)
    np.testing.assert_allclose(pde.operator(f, polynomial)(points), jax.vmap(expected)(points), rtol=1e-9)
    table = {(2, 0): 1.0, (0, 4): 1.0, (1, 1): -3.0, (0, 0): 0.5}
    np.testing.assert_allclose(pde.operator(f, table)(points[0]), expected(points[0]), rtol=1e-9)


def test_the_heat_operator_has_parameters():
    u = lambda x, k: jnp.exp(-k * x[1]) * jnp.sin(x[0])  # noqa: E731
    residual = lambda k: pde.operator(u, pde.d[1] - k * pde.d[0] ** 2)(jnp.array([0.4, 0.1]), k)  # noqa: E731
    assert abs(residual(2.0)) < 1e-12
    assert abs(jax.grad(residual)(2.0)) < 1e-12


def test_wrong_polynomials_are_named():
    with pytest.raises(WrongType, match="polynomial"):
        pde.operator(wide, "laplace")
    with pytest.raises(WrongInput, match="no terms"):
        pde.operator(wide, {})
    with pytest.raises(WrongInput, match="variable 7"):
        pde.operator(wide, pde.d[7] ** 2)(X)
    with pytest.raises(WrongInput, match="power"):
        pde.d[0] ** -1
    with pytest.raises(WrongInput, match="names no variable"):
        pde.d[-1]
    with pytest.raises(WrongType, match="coefficient"):
        pde.d[0] * [1, 2]


# value, gradient, Laplacian


@pytest.mark.parametrize("f", [wide, lambda x: narrow(x).prod()], ids=["wide", "narrow"])
def test_value_gradient_laplacian_of_a_point(f):
    value, gradient, laplacian = pde.value_gradient_laplacian(f)(X)
    np.testing.assert_allclose(value, f(X), rtol=1e-13)
    np.testing.assert_allclose(gradient, jax.grad(f)(X), rtol=1e-10)
    np.testing.assert_allclose(laplacian, jnp.trace(jax.hessian(f)(X)), rtol=1e-10)


def test_value_gradient_laplacian_of_rows_with_auxiliary():
    def wave(x):
        y = jnp.tanh(x @ WIDE.T)
        return jnp.log(jnp.abs(y.sum(1))), jnp.sign(y.sum(1))

    points = RNG.normal(size=(6, 4))
    value, gradient, laplacian, sign = pde.value_gradient_laplacian(wave, has_aux=True)(points)
    single = lambda x: wave(x[None])[0][0]  # noqa: E731
    np.testing.assert_allclose(value, wave(points)[0], rtol=1e-12)
    np.testing.assert_allclose(gradient, jax.vmap(jax.grad(single))(points), rtol=1e-9)
    np.testing.assert_allclose(laplacian, jax.vmap(lambda x: jnp.trace(jax.hessian(single)(x)))(points), rtol=1e-9)
    np.testing.assert_array_equal(sign, wave(points)[1])


def test_value_gradient_laplacian_of_pytrees_and_complex_values():
    def f(x):
        return jnp.exp(1j * (x["a"] @ x["a"])) * x["b"]

    _, gradient, laplacian = pde.value_gradient_laplacian(f)({"a": np.array([0.3, 0.4]), "b": np.float64(2.0)})
    phase = np.exp(0.25j)
    np.testing.assert_allclose(gradient["a"], 4j * phase * np.array([0.3, 0.4]), rtol=1e-12)
    np.testing.assert_allclose(gradient["b"], phase, rtol=1e-12)
    np.testing.assert_allclose(laplacian, 2 * phase * (4j - 4 * 0.25), rtol=1e-12)


def test_several_values_that_are_not_rows_are_refused():
    with pytest.raises(WrongInput, match="one number"):
        pde.value_gradient_laplacian(narrow)(X)


def test_partial_is_the_same_function():
    assert pde.partial is osculate.partial
