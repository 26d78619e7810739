"""Arithmetic with Taylor polynomials of one variable, and their picture."""

import io
import math
import sys

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import osculate
from osculate._errors import MissingExtra, WrongInput

X, ORDER = 0.4, 9


def of(f, x=X, order=ORDER):
    return osculate.taylor(f, order)(x)


ALGEBRA = {
    "sum": lambda a, b: a + b,
    "difference": lambda a, b: a - b,
    "numbers": lambda a, b: 2 - 3 * a + b / 4 + 1,
    "product": lambda a, b: a * b,
    "quotient": lambda a, b: a / b,
    "one over": lambda a, b: 1 / b,
    "square": lambda a, b: a**2 + b**0,
    "seventh": lambda a, b: a**7,
    "negative": lambda a, b: b**-3,
    "root": lambda a, b: b**0.5 * a,
    "real": lambda a, b: b**-1.75,
    "signs": lambda a, b: -a + +b,
}


@pytest.mark.parametrize("combine", ALGEBRA.values(), ids=ALGEBRA)
def test_algebra_is_that_of_the_functions(combine):
    f, g = jnp.sin, lambda x: jnp.exp(x) + x**2
    result, expected = combine(of(f), of(g)), of(lambda x: combine(f(x), g(x)))
    assert isinstance(result.coefficients, np.ndarray)
    np.testing.assert_allclose(result.coefficients, expected.coefficients, rtol=1e-11, atol=1e-12)


def test_algebra_from_the_variable_alone_against_mpmath():
    x = of(lambda x: x, order=20)
    ours = of(jnp.exp, float(np.sqrt(1 + X**2)), 20)((1 + x**2) ** 0.5) / (2 - x) ** 3
    with mpmath.workdps(50):
        f = lambda t: mpmath.exp(mpmath.sqrt(1 + t**2)) / (2 - t) ** 3  # noqa: E731
        exact = [float(c) for c in mpmath.taylor(f, mpmath.mpf(X), 20)]
    np.testing.assert_allclose(ours.coefficients, exact, rtol=1e-11, atol=1e-14)


def test_division_by_zero():
    with pytest.raises(ZeroDivisionError):
        of(jnp.sin) / 0.0


@settings(max_examples=15)
@given(*[st.lists(st.integers(-4, 4), min_size=4, max_size=4)] * 2)
def test_products_of_polynomials(a, b):
    one, two = (of(lambda x, c=c: sum(k * x**i for i, k in enumerate(c)) + 0 * x, 0.0, 6) for c in (a, b))
    np.testing.assert_allclose((one * two).coefficients, np.convolve(a, b), atol=1e-12)


def test_powers_where_the_value_is_zero():
    line = of(lambda x: x, 0.0, 4)
    np.testing.assert_array_equal((line**3).coefficients, [0, 0, 0, 1, 0])
    np.testing.assert_array_equal((line**0).coefficients, [1, 0, 0, 0, 0])
    np.testing.assert_array_equal((line**2.0).coefficients, [0, 0, 1, 0, 0])
    for bad in (lambda: line**0.5, lambda: line**-1, lambda: 1 / line, lambda: line / line):
        with pytest.raises(WrongInput, match="not zero at its centre"):
            bad()


def test_numpy_numbers_on_the_left():
    line = of(lambda x: x, 0.0, 2)
    assert str(np.float64(2) * line + np.array(1.0)) == "1 + 2 x"
    assert str(np.float64(2) - line) == "2 - x"


def test_composition():
    inner = of(jnp.sin)
    outer = of(lambda t: jnp.exp(t) * t, float(np.sin(X)))
    expected = of(lambda x: jnp.exp(jnp.sin(x)) * jnp.sin(x))
    np.testing.assert_allclose(outer(inner).coefficients, expected.coefficients, rtol=1e-11, atol=1e-12)
    assert outer(inner).center == inner.center
    assert outer(of(jnp.sin, order=3)).order == 3


def test_composition_about_another_centre_is_refused():
    with pytest.raises(WrongInput, match=r"g is 0\.389\d* at its centre, but f is expanded about 0") as caught:
        of(jnp.exp, 0.0)(of(jnp.sin))
    assert "expand f where g takes it" in caught.value.remedy
    several = of(lambda x: jnp.stack([x, x]))
    with pytest.raises(WrongInput, match="one output"):
        of(jnp.exp)(several)


@pytest.mark.parametrize(
    ("f", "inverse", "x"),
    [
        (jnp.exp, jnp.log, 0.3),
        (jnp.tan, jnp.arctan, 0.5),
        (jnp.sin, jnp.arcsin, 0.0),
        (lambda x: 2 * x + 1, lambda y: (y - 1) / 2, 1.0),
    ],
)
def test_functional_inverse(f, inverse, x):
    found = of(f, x).inverse()
    value = float(of(f, x).coefficients[0])
    assert found.center == value
    np.testing.assert_allclose(found.coefficients, of(inverse, value).coefficients, rtol=1e-10, atol=1e-11)
    identity = found(of(f, x))
    np.testing.assert_allclose(identity.coefficients, [x, 1, *[0] * (ORDER - 1)], atol=1e-11)


def test_no_inverse_where_the_derivative_is_zero():
    with pytest.raises(WrongInput, match="derivative at the centre is zero"):
        of(jnp.cos, 0.0).inverse()
    with pytest.raises(WrongInput, match="one variable"):
        osculate.taylor(lambda v: v[0] + v[1], 2)(np.zeros(2)).inverse()


def test_derivative_and_integral():
    sine = of(jnp.sin)
    np.testing.assert_allclose(sine.derivative().coefficients, of(jnp.cos, order=8).coefficients, rtol=1e-12)
    integral = sine.integral(-math.cos(X))
    np.testing.assert_allclose(integral.coefficients, of(lambda x: -jnp.cos(x), order=10).coefficients, rtol=1e-12)
    assert of(jnp.sin, order=0).derivative().coefficients.tolist() == [0]
    with pytest.raises(WrongInput, match="variable=1"):
        sine.integral(variable=1)


def test_different_centres_and_kinds_are_refused():
    with pytest.raises(WrongInput, match=r"the centres differ: 0\.4 and 0\.5"):
        of(jnp.sin) + of(jnp.sin, 0.5)
    along = osculate.taylor(lambda v: v @ v, 3)(np.ones(2), np.ones(2))
    with pytest.raises(WrongInput, match="along a direction"):
        along * of(jnp.sin, 0.0)
    with pytest.raises(WrongInput, match="centres differ"):
        of(jnp.sin) * osculate.taylor(lambda v: v[0] * v[1], 2)(np.zeros(2))
    with pytest.raises(WrongInput, match="different pytrees"):
        of(lambda x: {"a": x}) + of(jnp.sin)


@pytest.mark.parametrize("other", ["x", None, [1.0], np.ones(2)])
def test_wrong_types_are_not_implemented(other):
    for combine in (
        lambda a, b: a + b,
        lambda a, b: b - a,
        lambda a, b: a * b,
        lambda a, b: a / b,
        lambda a, b: b / a,
        lambda a, b: a**b,
    ):
        with pytest.raises(TypeError, match=r"unsupported operand|Taylor"):
            combine(of(jnp.sin), other)


def test_outputs_of_any_shape():
    pair = of(lambda x: {"a": jnp.stack([jnp.sin(x), jnp.cos(x)])})
    expected = of(lambda x: {"a": jnp.stack([jnp.sin(x), jnp.cos(x)]) ** 2 / (1 + 0 * x)})
    np.testing.assert_allclose((pair * pair).coefficients["a"], expected.coefficients["a"], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("combine", [lambda a, b: a + b, lambda a, b: a * b, lambda a, b: b / a])
def test_one_output_with_several(combine):
    f, g = jnp.exp, lambda x: jnp.stack([jnp.sin(x), jnp.cos(x), x])
    one, three = of(f, order=2), of(g, order=2)  # as many coefficients as outputs
    expected = of(lambda x: combine(f(x), g(x)), order=2)
    np.testing.assert_allclose(combine(one, three).coefficients, expected.coefficients, rtol=1e-12)
    assert combine(three, one).coefficients.shape == (3, 3)


def test_complex_and_real_centres_print():
    assert str(of(lambda z: z**2, 1j, 2)) == "(-1+0j) + (0+2j) (x - (0+1j)) + (1+0j) (x - (0+1j))^2"
    assert str(of(lambda x: x**2, -1.5, 2)) == "2.25 - 3 (x + 1.5) + (x + 1.5)^2"


def test_within_transformations():
    def coefficients(x):
        a, b = osculate.taylor(jnp.sin, 3)(x), osculate.taylor(jnp.exp, 3)(x)
        return (a * b / (1 + a**2) + b**0.5 + b.inverse()(a * 0 + b.coefficients[0]) - a.derivative()).coefficients

    x = jnp.float32(0.3)
    np.testing.assert_allclose(jax.jit(coefficients)(x), coefficients(x), rtol=1e-4, atol=1e-5)
    assert jax.vmap(coefficients)(jnp.ones(3)).shape == (3, 3)
    tangent = jax.jvp(lambda x: (osculate.taylor(jnp.sin, 4)(x) ** 2).coefficients, (x,), (jnp.float32(1),))[1]
    np.testing.assert_allclose(tangent[0], np.sin(0.6), rtol=1e-5)
    assert coefficients(x).dtype == jnp.float32


def test_radius_survives_arithmetic():
    pole = of(lambda x: 1 - x, 0.0, 30)
    assert (1 / pole).radius().value == pytest.approx(1, rel=1e-6)
    assert "Taylor polynomial of order 2" in str(jax.eval_shape(osculate.taylor(jnp.sin, 2), 0.0))


@pytest.mark.parametrize("order", [501, 10**6])
def test_absurd_orders_say_what_they_cost(order):
    for call in (osculate.taylor, osculate.derivative, osculate.derivative_tensor):
        with pytest.raises(WrongInput, match="coefficients, every product") as caught:
            call(jnp.sin, order)
        assert "osculate.taylor" in caught.value.remedy
    with pytest.raises(WrongInput, match="is above 500"):
        osculate.jet(jnp.sin, (0.0,), ([None] * order,), scaling="coefficient")
    with pytest.raises(WrongInput, match="is above 500"):
        osculate.partial(lambda v: v[0] * v[1], (order, 1))


# picture


def drawn(axes):
    buffer = io.BytesIO()
    axes.figure.savefig(buffer, format="png")
    return buffer.getvalue()


def test_plot_of_one_variable():
    pytest.importorskip("matplotlib")
    log = osculate.taylor(jnp.log, 9)(1.0)
    axes = log.plot(np.log)
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == ["f", "Taylor polynomial of order 9", "x = 1"]
    low, high = axes.get_xlim()
    assert (low, high) == (pytest.approx(-0.2, abs=0.1), pytest.approx(2.2, abs=0.1))  # as far as it converges
    line = axes.get_lines()[1]
    np.testing.assert_allclose(line.get_ydata(), log(line.get_xdata()))
    assert drawn(axes).startswith(b"\x89PNG")


def test_plot_along_a_direction_into_given_axes():
    pytest.importorskip("matplotlib")
    from matplotlib.figure import Figure

    axes = Figure().subplots()
    along = osculate.taylor(lambda v: v @ v, 2)(np.ones(2), np.ones(2))
    assert along.plot(window=(-1, 3), axes=axes) is axes
    assert axes.get_xlim() == (-1, 3)
    assert axes.get_xlabel() == "t"


def test_plot_of_two_variables():
    pytest.importorskip("matplotlib")
    f = lambda p: p["a"] * jnp.exp(p["b"])  # noqa: E731
    axes = osculate.taylor(f, 2)({"a": 1.0, "b": 0.5}).plot(f, window=(-1, 2))
    assert axes.get_xlim() == axes.get_ylim() == (-1, 2)
    assert drawn(axes).startswith(b"\x89PNG")


def test_plots_that_are_none(monkeypatch):
    with pytest.raises(WrongInput, match="3 variables"):
        osculate.taylor(jnp.sum, 2)(np.ones(3)).plot()
    with pytest.raises(WrongInput, match="outputs"):
        of(lambda x: jnp.stack([x, x])).plot()
    with pytest.raises(WrongInput, match="no interval"):
        of(jnp.sin).plot(window=(1, 1))
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtra, match="needs Matplotlib") as caught:
        of(jnp.sin).plot()
    assert "osculate[report]" in caught.value.remedy
