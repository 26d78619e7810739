"""``derivative``, ``taylor``, ``partial`` and ``derivative_tensor`` against closed forms, mpmath and nested jvp."""

import itertools
import math
import sys

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import osculate
from osculate._errors import WrongInput, WrongType

FUNCTIONS = {
    "exp": (jnp.exp, mpmath.exp, 0.7),
    "sin": (jnp.sin, mpmath.sin, 0.7),
    "tan": (jnp.tan, mpmath.tan, 0.7),
    "tanh": (jnp.tanh, mpmath.tanh, 0.7),
    "atan": (jnp.arctan, mpmath.atan, 0.7),
    "asin": (jnp.arcsin, mpmath.asin, 0.4),
    "asinh": (jnp.arcsinh, mpmath.asinh, 0.7),
    "acosh": (jnp.arccosh, mpmath.acosh, 1.7),
    "log": (jnp.log, mpmath.log, 0.7),
    "sqrt": (jnp.sqrt, mpmath.sqrt, 0.7),
    "erf": (jax.scipy.special.erf, mpmath.erf, 0.7),
    "lgamma": (jax.scipy.special.gammaln, mpmath.loggamma, 2.7),
    "power": (lambda x: x**2.5, lambda x: x ** mpmath.mpf("2.5"), 0.7),
    "inverse": (lambda x: x**-3, lambda x: x**-3, 0.7),
    "gauss": (lambda x: jnp.exp(-(x**2)), lambda x: mpmath.exp(-(x**2)), 0.7),
    "mixture": (
        lambda x: jnp.sin(x) * jnp.exp(-(x**2)) + jnp.tanh(x),
        lambda x: mpmath.sin(x) * mpmath.exp(-(x**2)) + mpmath.tanh(x),
        0.7,
    ),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_ten_derivatives_against_mpmath(name):
    f, reference, x = FUNCTIONS[name]
    ours = osculate.taylor(f, 10)(x).coefficients
    with mpmath.workdps(60):
        exact = [float(c) for c in mpmath.taylor(reference, mpmath.mpf(x), 10)]
    np.testing.assert_allclose(ours, exact, rtol=2e-12, atol=1e-14)


@given(st.integers(1, 12), st.floats(-3, 3), st.lists(st.floats(-2, 2), min_size=1, max_size=9))
def test_polynomials_are_exact(order, x, coefficients):
    polynomial = np.polynomial.Polynomial(coefficients)

    def f(t):
        return sum(c * t**k for k, c in enumerate(coefficients)) + 0 * t

    expected = polynomial.deriv(order)(x)
    size = sum(abs(c) * math.perm(k, min(order, k)) * 3.0**k for k, c in enumerate(coefficients))
    assert osculate.derivative(f, order)(x) == pytest.approx(expected, abs=1e-14 * (1 + size))


def test_the_lectures_examples_from_plain_numpy():
    x = np.linspace(-2, 2, 5)
    np.testing.assert_allclose(osculate.derivative(lambda x: x**4, 2)(x), 12 * x**2, rtol=1e-15)
    assert osculate.derivative(lambda x: x**3 - 3 * x, 2)(1.0) == 6.0
    np.testing.assert_allclose(osculate.taylor(np.exp, 6)(0.0).derivatives, np.ones(7), rtol=1e-15)
    assert str(osculate.taylor(np.sin, 3)(0.0)) == "x - 0.166667 x^3"


def test_high_order_does_not_overflow_on_the_way():
    # d^n/dx^n exp(x/10) = exp(x/10)/10^n: n! alone is not a double beyond 170
    assert osculate.derivative(lambda x: jnp.exp(x / 10), 200)(0.0) == pytest.approx(1e-200, rel=1e-12)


def test_outputs_of_any_shape():
    result = osculate.derivative(lambda t: {"curve": jnp.stack([jnp.cos(t), jnp.sin(t)]), "t": t}, 2)(0.0)
    np.testing.assert_allclose(result["curve"], [-1, 0], atol=1e-16)
    assert result["t"] == 0


def test_elementwise_over_arrays_only():
    x = np.linspace(0.1, 1, 6).reshape(2, 3)
    np.testing.assert_allclose(osculate.derivative(np.log, 3)(x), 2 / x**3, rtol=1e-13)
    with pytest.raises(WrongInput, match="mixes its entries") as caught:
        osculate.derivative(np.cumsum, 1)(x)
    assert "jax.vmap" in caught.value.remedy
    with pytest.raises(WrongInput, match="2 leaves"):
        osculate.derivative(lambda p: p["a"] * p["b"])({"a": 1.0, "b": 2.0})


def test_one_and_no_element():
    np.testing.assert_allclose(osculate.derivative(np.sin)(np.array([0.0])), [1.0])
    with pytest.raises(WrongInput, match="empty"):
        osculate.derivative(np.sin)(np.zeros(0))


@pytest.mark.parametrize("order", [0, -1, 1.5, "2", None, True])
def test_orders_that_are_none(order):
    with pytest.raises(WrongInput, match="the order must be an integer"):
        osculate.derivative(jnp.sin, order)


def test_under_transformations():
    third = osculate.derivative(jnp.tanh, 3)
    x = jnp.linspace(-1.0, 1.0, 5)
    expected = jax.vmap(jax.grad(jax.grad(jax.grad(jnp.tanh))))(x)
    np.testing.assert_allclose(jax.jit(third)(x), expected, atol=2e-6)
    np.testing.assert_allclose(jax.vmap(third)(x), expected, atol=2e-6)
    fourth = jax.vmap(jax.grad(jax.grad(jax.grad(jax.grad(jnp.tanh)))))(x)
    np.testing.assert_allclose(jax.vmap(jax.grad(third))(x), fourth, atol=1e-5)


def test_argnums_and_further_arguments():
    assert osculate.derivative(lambda a, x: a * x**2, 2, argnums=1)(3.0, 1.0) == 6.0


# taylor


def test_taylor_is_callable_and_says_its_order():
    polynomial = osculate.taylor(np.exp, 12)(1.0)
    assert polynomial.order == 12
    assert polynomial(1.3) == pytest.approx(math.exp(1.3), rel=1e-14)
    np.testing.assert_allclose(polynomial(np.array([0.9, 1.1])), np.exp([0.9, 1.1]), rtol=1e-14)


def test_taylor_along_a_direction():
    f = lambda v: jnp.sum(v**3)  # noqa: E731
    along = osculate.taylor(f, 3)(np.array([1.0, 2.0]), np.array([1.0, -1.0]))
    np.testing.assert_allclose(along.coefficients, [9, -9, 9, 0], atol=1e-14)
    assert along(0.5) == pytest.approx(1.5**3 + 1.5**3)
    assert str(along) == "9 - 9 t + 9 t^2"
    with pytest.raises(WrongInput, match="the direction has shape"):
        osculate.taylor(f, 3)(np.array([1.0, 2.0]), np.ones(3))
    assert osculate.taylor(f, 3)(np.array([1.0, 2.0])).variables == 2  # without a direction, in all variables


def test_taylor_elementwise_evaluates_entry_by_entry():
    x = np.array([0.0, 1.0])
    polynomial = osculate.taylor(np.sin, 9)(x)
    np.testing.assert_allclose(polynomial(x + 0.1), np.sin(x + 0.1), rtol=1e-13)


def test_taylor_of_several_outputs():
    polynomial = osculate.taylor(lambda t: jnp.stack([jnp.cos(t), jnp.sin(t)]), 12)(0.0)
    assert polynomial.coefficients.shape == (13, 2)
    np.testing.assert_allclose(polynomial(0.2), [math.cos(0.2), math.sin(0.2)], rtol=1e-14)
    assert polynomial(np.zeros(5)).shape == (5, 2)


def test_taylor_of_order_zero_and_one_argument_only():
    assert osculate.taylor(np.exp, 0)(0.0).coefficients.tolist() == [1.0]
    with pytest.raises(WrongType, match="argnums must be one integer"):
        osculate.taylor(np.exp, 2, argnums=(0, 1))


def test_taylor_prints_around_its_centre():
    assert str(osculate.taylor(lambda x: x**2, 2)(3.0)) == "9 + 6 (x - 3) + (x - 3)^2"
    assert str(osculate.taylor(lambda x: 0 * x, 2)(0.0)) == "0"


@pytest.mark.parametrize(
    ("f", "x", "radius"),
    [
        (lambda x: 1 / (1 - x), 0.0, 1.0),
        (lambda x: 1 / (1 - x), 0.5, 0.5),
        (jnp.log, 2.0, 2.0),
        (jnp.tan, 0.0, math.pi / 2),
        (jnp.sqrt, 3.0, 3.0),
        (lambda x: 1 / (1 + x**2), 0.0, 1.0),
        (lambda x: 1 / (1 + x**2), 0.5, math.sqrt(1.25)),
    ],
)
def test_radius_of_convergence(f, x, radius):
    estimate = osculate.taylor(f, 30)(x).radius()
    assert abs(estimate.value - radius) <= estimate.error + 0.02 * radius
    assert estimate.error <= 0.5 * radius
    assert estimate.how.startswith("estimate")


@pytest.mark.parametrize("f", [jnp.exp, jnp.sin, lambda x: x**3 + 1, lambda x: jnp.exp(-(x**2))])
def test_entire_functions_have_no_radius(f):
    assert osculate.taylor(f, 30)(0.3).radius().value == math.inf


def test_radius_needs_enough_coefficients():
    with pytest.raises(WrongInput, match="at least 8"):
        osculate.taylor(jnp.exp, 4)(0.0).radius()


# partial and derivative_tensor


def mixed(v):
    return jnp.exp(v[0] * v[1]) * jnp.sin(v[2]) + v[0] ** 3 * v[2] ** 2


POINT = np.array([0.3, -0.5, 0.7])


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_derivative_tensor_against_nested_jacobians(order):
    reference = mixed
    for _ in range(order):
        reference = jax.jacfwd(reference)
    with jax.enable_x64(True):
        expected = np.asarray(reference(jnp.asarray(POINT)))
    np.testing.assert_allclose(osculate.derivative_tensor(mixed, order)(POINT), expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("alpha", [(1, 0, 0), (2, 1, 1), (0, 0, 5), (3, 2, 1), (4, 4, 0), (2, 3, 4)])
def test_partials_of_a_product_of_exponentials(alpha):
    rates = np.array([1.0, -1.0, 0.5])
    exact = np.prod(rates ** np.array(alpha)) * math.exp(rates @ POINT)
    result = osculate.partial(lambda v: jnp.exp(v @ rates), alpha)(POINT)
    assert result == pytest.approx(exact, rel=1e-11)


def test_many_partials_from_one_pass():
    alphas = [(0, 0, 0), (1, 0, 0), (0, 2, 0), (1, 1, 1)]
    together = osculate.partial(mixed, alphas)(POINT)
    assert isinstance(together, list)
    for alpha, value in zip(alphas, together, strict=True):
        assert value == pytest.approx(osculate.partial(mixed, alpha)(POINT), rel=1e-12, abs=1e-13)


def test_partial_of_pytrees_and_vector_outputs():
    f = lambda p: jnp.stack([p["a"] ** 2 * p["b"][1], p["b"][0] * p["a"]])  # noqa: E731
    result = osculate.partial(f, (2, 0, 1))({"a": 2.0, "b": np.array([1.0, 5.0])})
    np.testing.assert_allclose(result, [2.0, 0.0], atol=1e-13)


def test_tensor_shapes():
    f = lambda m: jnp.stack([jnp.sum(m**3), jnp.prod(m)])  # noqa: E731
    assert osculate.derivative_tensor(f, 2)(np.ones((2, 2))).shape == (2, 2, 2, 2, 2)
    assert osculate.derivative_tensor(jnp.exp, 3)(0.0).shape == ()


def test_tensor_is_symmetric():
    tensor = osculate.derivative_tensor(mixed, 3)(POINT)
    for order in itertools.permutations(range(3)):
        np.testing.assert_array_equal(tensor, tensor.transpose(order))


@pytest.mark.parametrize("orders", [(1, -1, 0), (0.5, 0, 0), (), "ab"])
def test_multi_indices_that_are_none(orders):
    with pytest.raises(WrongInput, match="multi-index"):
        osculate.partial(mixed, orders)(POINT)


def test_multi_index_of_another_length():
    with pytest.raises(WrongInput, match="the point has 3 variables"):
        osculate.partial(mixed, (1, 1))(POINT)


def test_more_rays_than_go_at_once(monkeypatch):
    monkeypatch.setattr(sys.modules["osculate._jets.directional"], "AT_ONCE", 4)
    x = np.linspace(0.1, 1, 4)
    hessian = osculate.derivative_tensor(lambda v: jnp.sum(jnp.sin(v)) ** 2, 2)(x)
    c = np.cos(x)
    expected = 2 * np.outer(c, c) - 2 * np.sin(x).sum() * np.diag(np.sin(x))
    np.testing.assert_allclose(hessian, expected, rtol=1e-11, atol=1e-12)
