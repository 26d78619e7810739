"""Functions of one variable against the lecture's own results, mpmath and closed forms."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest

from osculate._errors import WrongInput, WrongType
from osculate._explain import explain
from osculate._explain.data import FOUND


def curve(what, **options) -> Any:
    return explain(what, **options).data


def places(found):
    return [(place.kind, float(place.at)) for place in found]


def test_the_second_derivative_of_the_fourth_power():
    for x in (-2.0, 0.5):
        assert curve("x^4", at=x).derivatives[2] == 12 * x**2
        assert curve(lambda t: t**4, at=x).derivatives[2] == 12 * x**2


def test_the_cubic_at_its_minimum():
    data = curve("x^3 - 3x", at=1)
    assert data.derivatives.tolist() == [-2.0, 0.0, 6.0, 6.0, 0.0, 0.0]
    assert data.kind == "minimum"
    assert data.concavity == "convex"
    assert (data.kappa, data.radius) == (6.0, 1 / 6)
    np.testing.assert_allclose(data.center, [1, -2 + 1 / 6], rtol=1e-15)
    assert places(data.extrema) == [("maximum", -1.0), ("minimum", 1.0)]
    assert places(data.inflections) == [("inflection", 0.0)]
    assert [place.value for place in data.extrema] == [2.0, -2.0]


def test_the_exponential_and_the_sine():
    np.testing.assert_allclose(
        curve("e^x", order=8).coefficients, [1 / math.factorial(k) for k in range(9)], rtol=1e-15
    )
    sine = curve("sin(x)", order=3)
    np.testing.assert_allclose(sine.coefficients, [0, 1, 0, -1 / 6], rtol=1e-15)
    assert sine.concavity == "straight"
    assert (sine.kappa, sine.radius, sine.center) == (0.0, math.inf, None)


@pytest.mark.parametrize("x", [-1.3, 0.4, 2.0])
def test_curvature_by_its_formula(x):
    data = curve("x^4 - 3x^2 + x", at=x)
    slope, second = 4 * x**3 - 6 * x + 1, 12 * x**2 - 6
    assert data.kappa == pytest.approx(abs(second) / (1 + slope**2) ** 1.5, rel=1e-14)
    assert data.radius * data.kappa == pytest.approx(1.0, rel=1e-15)
    # The circle goes through the point, and its centre lies on the normal.
    assert math.dist(data.center, (x, data.derivatives[0])) == pytest.approx(data.radius, rel=1e-12)
    assert np.dot(data.center - [x, data.derivatives[0]], [1, slope]) == pytest.approx(0, abs=1e-12 * (1 + slope**2))


def test_extrema_and_inflections_of_the_quartic():
    data = curve("x^4 - 3x^2 + x", on=(-3, 3))
    with mpmath.workdps(30):
        roots = [float(mpmath.findroot(lambda x: 4 * x**3 - 6 * x + 1, guess)) for guess in (-1.3, 0.2, 1.1)]
    assert [place.kind for place in data.extrema] == ["minimum", "maximum", "minimum"]
    np.testing.assert_allclose([float(place.at) for place in data.extrema], roots, atol=2e-15)
    np.testing.assert_allclose([float(place.at) for place in data.inflections], [-(0.5**0.5), 0.5**0.5], atol=1e-15)
    for place, root in zip(data.extrema, roots, strict=True):
        assert abs(float(place.at) - root) <= 4 * place.at.error
        assert place.at.how == FOUND
    assert "not proven complete" in FOUND


@pytest.mark.parametrize(
    ("text", "extrema", "inflections", "breaks"),
    [
        ("1/x", [], [], [0]),
        ("1/x^2", [], [], [0]),
        ("tan(x)", [], [0], [-math.pi / 2, math.pi / 2]),
        ("log(abs(x - 1))", [], [], [1]),
        ("x^2/(x^2 - 1)", [0], [], [-1, 1]),
        ("x^4", [0], [], []),
        ("x^5", [], [0], []),
        ("(x - 0.1234)^3", [], [0.1234], []),
        ("floor(x + 0.5)", [], [], [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5]),
        ("sin(x)/x", [], [-2.0815759778181, 2.0815759778181], [0]),
        ("atan(1/x)", [], [], [0]),
        ("x^100", [0], [], []),
        ("exp(-1/x^2)", [], [-((2 / 3) ** 0.5), (2 / 3) ** 0.5], []),
        ("0x + 3", [], [], []),
        ("2x + 1", [], [], []),
        ("sin(x)^2 + cos(x)^2", [], [], []),
        ("relu(x)", [], [], []),
    ],
)
def test_what_is_and_what_is_no_extremum(text, extrema, inflections, breaks):
    data = curve(text, at=2.6, on="-3:3")
    assert [float(place.at) for place in data.extrema] == pytest.approx(extrema, abs=1e-9)
    assert [float(place.at) for place in data.inflections] == pytest.approx(inflections, abs=1e-9)
    assert [float(place) for place in data.breaks] == pytest.approx(breaks, abs=1e-9)


def test_corners_cusps_and_bends():
    (corner,) = curve("abs(x - 0.3)").extrema
    assert (corner.kind, float(corner.at), corner.smooth, corner.value) == ("minimum", 0.3, False, 0.0)
    (cusp,) = curve("sqrt(abs(x - 1))", at=0).extrema
    assert (cusp.kind, float(cusp.at), cusp.smooth) == ("minimum", 1.0, False)
    (bend,) = curve("cbrt(x)", at=1).inflections
    assert (bend.kind, float(bend.at), bend.smooth) == ("inflection", 0.0, False)
    (level,) = curve("(x - 0.1234)^3").inflections
    assert (level.kind, level.smooth) == ("stationary inflection", True)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("x^4", "minimum"),
        ("-x^6", "maximum"),
        ("x^5", "stationary inflection"),
        ("x^7", "stationary inflection"),
        ("0x", "undecided"),
        ("cos(x)", "maximum"),
        ("x", "regular"),
        ("abs(x)", "irregular"),
        ("floor(x)", "irregular"),
        ("abs(x)^3", "minimum"),
        ("x^100", "minimum"),
        ("x abs(x)", "irregular"),
        ("x abs(x) + x", "regular"),
    ],
)
def test_the_kind_of_the_origin(text, kind):
    data = curve(text, at=0, order=6)
    assert data.kind == kind
    assert (data.concavity == "undefined") == ("abs(x)" in text.replace("abs(x)^3", "") or "floor" in text)
    assert math.isnan(data.kappa) == (data.concavity == "undefined")


def test_a_point_is_chosen_where_none_is_given():
    assert curve("x^2").at == 0.0
    logarithm = curve("log(x)")
    assert (logarithm.at, logarithm.window) == (1.0, (0.0, 4.0))
    assert "so it is looked at from x = 1" in " ".join(logarithm.notes)
    assert curve("x^2", on=(1, 5)).at == 3.0
    assert curve("x^2", on=(-1, 5)).at == 0.0
    inside = curve("sqrt(x - 4)", on=(0, 8))
    assert 4 < inside.at <= 8
    assert inside.undefined == ((0.0, 4.0),)
    assert inside.window == (0.0, 8.0)


def test_a_window_around_the_point():
    assert curve("x^2", at=10).window == (7.0, 13.0)
    assert curve("x^2", at=10, on=(-1, 1)).window == (-1.0, 1.0)


@pytest.mark.parametrize(
    ("text", "at", "problem"),
    [
        ("log(x)", -1, "f is nan at x = -1"),
        ("1/x", 0, "f is inf at x = 0"),
        ("sqrt(x)", 0, "f′ is inf at x = 0"),
        ("sqrt(-1 - x^2)", None, "not finite at"),
        ("9^9^9 + x", None, "not finite at"),
    ],
)
def test_points_where_f_is_not_smooth(text, at, problem):
    with pytest.raises(WrongInput, match=problem):
        curve(text, at=at)


def test_windows_where_f_is_nowhere():
    with pytest.raises(WrongInput, match="not finite in the window -3:-1"):
        curve("log(x)", on=(-3, -1))


@pytest.mark.parametrize("order", [0, -1, 31, 2.5, True, "3"])
def test_orders_that_do_not_fit(order):
    with pytest.raises(WrongInput, match="order is"):
        explain("x^2", order=order)


def test_high_orders():
    np.testing.assert_allclose(curve("1/(1 - x)", order=20).coefficients, np.ones(21), rtol=1e-13)
    assert curve("x^2", order=1).derivatives.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("f", [lambda x: np.exp(-(x**2)), lambda x: jnp.exp(-(x**2)), "exp(-x^2)"])
def test_numpy_jax_and_formula_agree(f):
    data = curve(f, at=0.25, order=4)
    hermite = np.polynomial.hermite.Hermite
    wanted = [(-1) ** k * hermite.basis(k)(0.25) * math.exp(-(0.25**2)) for k in range(5)]
    np.testing.assert_allclose(data.derivatives, wanted, rtol=1e-14)
    assert places(data.extrema) == [("maximum", 0.0)]


def test_double_precision_whatever_the_setting():
    before = jax.config.read("jax_enable_x64")
    data = curve("x^2 + 1e-12 x", at=1.0)
    assert data.derivatives[1] == 2 + 1e-12
    assert jax.config.read("jax_enable_x64") == before


def test_functions_that_cannot_be_explained():
    with pytest.raises(WrongInput, match=r"osculate\.explain: .* must return one real number"):
        explain(lambda x: jnp.stack([x, x]), at=1.0)
    with pytest.raises(WrongType, match=r"osculate\.explain: .* must return a real floating-point number"):
        explain(lambda x: 1j * x, at=1.0)


def test_a_function_of_a_vector_asks_for_its_point():
    with pytest.raises(WrongInput, match=r"f\(w\) cannot be called with one number") as caught:
        explain(lambda w: jnp.dot(w[0], w[1]))
    assert "at=[0.0, 1.0]" in caught.value.remedy


def test_errors_of_the_function_itself_pass_through():
    def broken(x):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        explain(broken, at=1.0)
