"""Taylor polynomials in several variables."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import osculate
from osculate._errors import WrongInput
from osculate._jets.factorial import times_all
from osculate._jets.multivariate import exponents

POINT = np.array([0.3, -0.5, 0.7])


def smooth(v):
    return jnp.exp(v[0] * v[1]) * jnp.sin(v[2]) + v[0] ** 3 * v[2] ** 2


def test_coefficients_are_all_partial_derivatives():
    polynomial = osculate.taylor(smooth, 3)(POINT)
    assert polynomial.exponents == exponents(3, 3)
    assert len(polynomial.exponents) == math.comb(6, 3)
    assert (polynomial.order, polynomial.variables) == (3, 3)
    for alpha, derivative in zip(polynomial.exponents, polynomial.derivatives, strict=True):
        assert derivative == pytest.approx(osculate.partial(smooth, alpha)(POINT), rel=1e-12, abs=1e-13)
    assert isinstance(polynomial.coefficients, np.ndarray)
    assert polynomial.coefficients.dtype == np.float64


@settings(max_examples=10)
@given(st.dictionaries(st.tuples(st.integers(0, 4), st.integers(0, 4)), st.integers(-9, 9), min_size=1, max_size=5))
def test_polynomials_come_back(terms):
    f = lambda v: sum(c * v[0] ** a * v[1] ** b for (a, b), c in terms.items()) + 0 * v[0]  # noqa: E731
    found = osculate.taylor(f, 8)(np.zeros(2))
    for alpha, c in zip(found.exponents, found.coefficients, strict=True):
        assert c == pytest.approx(terms.get(alpha, 0), abs=1e-11)
    elsewhere = osculate.taylor(f, 8)(np.array([0.4, -0.3]))
    x = np.random.default_rng(0).normal(size=(6, 2))
    exact = np.array([f(p) for p in x])
    np.testing.assert_allclose(elsewhere(x), exact, atol=1e-11 * (1 + np.abs(exact).max()))


def test_error_falls_with_the_order():
    x = POINT + np.array([0.05, -0.02, 0.03])
    exact = np.exp(x[0] * x[1]) * np.sin(x[2]) + x[0] ** 3 * x[2] ** 2
    errors = [abs(osculate.taylor(smooth, d)(POINT)(x) - exact) for d in (1, 2, 3)]
    assert errors[0] > 3 * errors[1] > 9 * errors[2]


def test_points_of_any_number():
    polynomial = osculate.taylor(smooth, 2)(POINT)
    points = POINT + np.linspace(-0.1, 0.1, 24).reshape(2, 4, 3)
    values = polynomial(points)
    assert values.shape == (2, 4)
    assert values[1, 2] == pytest.approx(polynomial(points[1, 2]), rel=1e-14)
    assert polynomial(list(POINT)) == pytest.approx(float(smooth(POINT)), rel=1e-6)
    with pytest.raises(WrongInput, match="the points have shape"):
        polynomial(np.ones(2))


def test_gradient_and_hessian_at_the_centre():
    polynomial = osculate.taylor(lambda v: jnp.stack([smooth(v), v @ v]), 2)(POINT)
    np.testing.assert_allclose(polynomial.gradient[1], 2 * POINT, rtol=1e-13)
    np.testing.assert_allclose(polynomial.hessian[0], osculate.hessian(smooth)(POINT), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(polynomial.hessian[1], 2 * np.eye(3), atol=1e-13)
    matrix = osculate.taylor(lambda m: jnp.linalg.det(m), 2)(np.eye(2))
    assert matrix.hessian.shape == (2, 2, 2, 2)
    np.testing.assert_allclose(matrix.gradient, np.eye(2), atol=1e-13)
    with pytest.raises(WrongInput, match="order 0"):
        _ = osculate.taylor(smooth, 0)(POINT).gradient
    with pytest.raises(WrongInput, match="in one variable"):
        _ = osculate.taylor(jnp.sin, 3)(0.0).hessian


def test_pytrees_and_outputs():
    f = lambda p: {"s": p["a"] * p["b"][0], "v": p["b"] ** 2}  # noqa: E731
    polynomial = osculate.taylor(f, 2)({"a": 2.0, "b": np.array([1.0, 5.0])})
    there = {"a": 2.5, "b": np.array([0.5, 4.0])}
    np.testing.assert_allclose(polynomial(there)["s"], 1.25, rtol=1e-14)
    np.testing.assert_allclose(polynomial(there)["v"], [0.25, 16], rtol=1e-14)
    assert polynomial.gradient["v"].shape == (2, 3)
    assert "3 variables" in str(polynomial)
    with pytest.raises(WrongInput, match="the points have shape"):
        polynomial({"a": 2.5, "c": np.ones(2)})


def test_it_prints_itself():
    print_of = lambda f, x, d: str(osculate.taylor(f, d)(np.array(x)))  # noqa: E731
    assert print_of(lambda v: 1 + v[0] - v[0] ** 2 * v[1] / 2, [0.0, 0.0], 3) == "1 + x0 - 0.5 x0^2 x1"
    assert print_of(lambda v: v[0] * v[1], [1.0, -2.0], 2) == "-2 - 2 (x0 - 1) + (x1 + 2) + (x0 - 1) (x1 + 2)"
    assert repr(osculate.taylor(lambda v: v[0] * v[1], 2)(np.zeros(2))) == "<Taylor: x0 x1>"
    long = print_of(lambda v: jnp.exp(jnp.sum(v)), np.zeros(4), 4)
    assert long.endswith("more terms)")


def test_under_transformations():
    x = jnp.asarray(POINT, jnp.float32)
    eager = osculate.taylor(smooth, 2)(x)
    jitted = jax.jit(osculate.taylor(smooth, 2))(x)
    assert eager.coefficients.dtype == jnp.float32
    np.testing.assert_allclose(jitted.coefficients, eager.coefficients, rtol=1e-5, atol=1e-6)
    batched = jax.vmap(osculate.taylor(smooth, 2))(jnp.stack([x, x + 1]))
    np.testing.assert_allclose(
        batched.coefficients[1], osculate.taylor(smooth, 2)(x + 1).coefficients, rtol=1e-5, atol=1e-5
    )
    laplacian = lambda x: jnp.trace(osculate.taylor(smooth, 2)(x).hessian)  # noqa: E731
    expected = jax.grad(lambda x: jnp.trace(jax.hessian(smooth)(x)))(x)
    np.testing.assert_allclose(jax.grad(laplacian)(x), expected, rtol=1e-4, atol=1e-5)


def test_one_variable_in_an_array_and_argnums():
    cube = lambda v: jnp.sum(v) ** 3  # noqa: E731
    np.testing.assert_allclose(osculate.taylor(cube, 3)(np.array([2.0])).coefficients, [8, 12, 6, 1], rtol=1e-14)
    second = osculate.taylor(lambda a, v: a * v[0] * v[1], 2, argnums=1)(3.0, None, np.array([1.0, 2.0]))
    np.testing.assert_allclose(second.gradient, [6, 3], rtol=1e-14)


def test_absurd_counts_are_refused_with_the_count():
    with pytest.raises(WrongInput, match="176,867,830 different") as caught:
        osculate.taylor(lambda v: jnp.sum(v) ** 2, 3)(np.ones(1018))
    assert "osculate.partial" in caught.value.remedy


def test_radius_is_one_along_a_direction():
    f = lambda v: 1 / (1 - v[0] - v[1])  # noqa: E731
    with pytest.raises(WrongInput, match="along each direction") as caught:
        osculate.taylor(f, 8)(np.zeros(2)).radius()
    assert "direction" in caught.value.remedy
    assert osculate.taylor(f, 20)(np.zeros(2), np.array([1.0, 1.0])).radius().value == pytest.approx(0.5, rel=1e-3)


# algebra in several variables, against the polynomial of the whole function


def pair(d=4):
    f = lambda v: jnp.exp(v[0]) + v[1]  # noqa: E731
    g = lambda v: jnp.cos(v[0] * v[1]) - 2 * v[1]  # noqa: E731
    x = np.array([0.2, -0.4])
    return f, g, x, osculate.taylor(f, d)(x), osculate.taylor(g, d)(x)


@pytest.mark.parametrize(
    "combine",
    [
        lambda a, b: a + b,
        lambda a, b: 1.5 - a - b / 4,
        lambda a, b: a * b,
        lambda a, b: a / b,
        lambda a, b: 3 / a + b**3,
        lambda a, b: b**2.5 - a**-2,
    ],
    ids=["sum", "numbers", "product", "quotient", "inverse and cube", "powers"],
)
def test_algebra(combine):
    f, g, x, one, two = pair()
    expected = osculate.taylor(lambda v: combine(f(v), g(v)), 4)(x)
    result = combine(one, two)
    assert result.exponents == expected.exponents
    np.testing.assert_allclose(result.coefficients, expected.coefficients, rtol=1e-10, atol=1e-11)


def test_composition_with_one_variable():
    f, _, x, one, _ = pair()
    outer = osculate.taylor(lambda t: jnp.stack([jnp.sin(t), t**2]), 4)(float(one.coefficients[0]))
    expected = osculate.taylor(lambda v: jnp.stack([jnp.sin(f(v)), f(v) ** 2]), 4)(x)
    np.testing.assert_allclose(outer(one).coefficients, expected.coefficients, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("variable", [0, 1])
def test_derivative_and_integral(variable):
    f, _, x, one, _ = pair()
    expected = osculate.taylor(lambda v: jax.grad(f)(v)[variable], 3)(x)
    np.testing.assert_allclose(one.derivative(variable).coefficients, expected.coefficients, rtol=1e-11, atol=1e-12)
    back = one.integral(7.0, variable).derivative(variable)
    np.testing.assert_allclose(back.coefficients, one.coefficients, rtol=1e-14)
    assert one.integral(7.0, variable).coefficients[0] == 7
    with pytest.raises(WrongInput, match="variable=2"):
        one.derivative(2)


def test_the_lower_order_counts():
    _, _, x, one, two = pair()
    low = osculate.taylor(lambda v: v[0] * v[1], 2)(x)
    assert (one * low).order == (low + two).order == 2
    np.testing.assert_allclose((one * low).coefficients, (one * low)(x) * 0 + (low * one).coefficients)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_factorials_that_no_number_holds(dtype):
    largest = 170 if dtype == np.float64 else 34
    alphas = [(0, 0), (largest + 1, 0), (3, largest)]
    small = np.array([2.0, 1e3 / math.factorial(largest), 10 / math.factorial(largest)]).astype(dtype)
    expected = [2, 1e3 * (largest + 1), 60]
    np.testing.assert_allclose(times_all(small, alphas), expected, rtol=1e-5 if dtype == np.float32 else 1e-13)


def test_exponents_are_graded_and_complete():
    found = exponents(3, 4)
    assert list(map(sum, found)) == sorted(map(sum, found))
    assert set(found) == {e for e in itertools.product(range(5), repeat=3) if sum(e) <= 4}
