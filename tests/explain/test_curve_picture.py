"""What is in the pictures: every line, in its place; and the cut of the height."""

from typing import Any

import numpy as np
import pytest

from osculate._explain import Curve, explain
from osculate._explain.curve_picture import height, orders
from osculate._explain.surface_picture import levels_of

mpl = pytest.importorskip("matplotlib")


def lines(figure) -> dict[Any, Any]:
    return {line.get_label(): line for line in figure.axes[0].lines}


def test_the_picture_of_a_curve():
    explanation = explain("x^4 - 3x^2 + x")
    figure = explanation.figure()
    (axes,) = figure.axes
    drawn = lines(figure)
    assert {"f(x)", "tangent", "Taylor, order 2", "Taylor, order 4", "osculating circle"} <= drawn.keys()
    assert {"minimum", "maximum", "inflection", "x = 0"} <= drawn.keys()
    assert axes.get_xlim() == (-3, 3)
    assert axes.get_xlabel() == "x"
    assert axes.get_ylabel() == "f(x)"
    assert figure.get_suptitle() == "f(x) = x**4 - 3*x**2 + x"
    assert axes.get_aspect() == 1.0
    x, y = drawn["osculating circle"].get_data()
    assert isinstance(explanation.data, Curve)
    center, radius = explanation.data.center, explanation.data.radius
    assert center is not None
    np.testing.assert_allclose(np.hypot(x - center[0], y - center[1]), radius, rtol=1e-12)
    x, y = drawn["Taylor, order 2"].get_data()
    np.testing.assert_allclose(y, x - 3 * x**2, atol=1e-12)


def test_a_pole_parts_the_line():
    figure = explain("1/x").figure()
    x, y = lines(figure)["f(x)"].get_data()
    assert np.isnan(y).any()
    assert not ((x[:-1] < 0) & (x[1:] > 0) & np.isfinite(y[:-1]) & np.isfinite(y[1:])).any()


def test_no_circle_and_no_polynomials_where_derivatives_mean_nothing():
    assert "osculating circle" not in lines(explain("sin(x)").figure())
    assert not [label for label in lines(explain("abs(x)").figure()) if "Taylor" in str(label) or label == "tangent"]


def test_matplotlibs_settings_are_put_back():
    before = dict(mpl.rcParams)
    explain("x^2", at=1).html()
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize("text", ["x^4 - 3x^2 + x", "100x^2", "2x + 1", "0x + 3", "e^x", "tan(x)", "1e-9 x^2", "x^20"])
def test_the_height_shows_the_point_the_extrema_and_the_inflections(text):
    curve = explain(text, at=0.5).data
    assert isinstance(curve, Curve)
    bottom, top, _ = height(curve)
    shown = [curve.derivatives[0], *(place.value for place in (*curve.extrema, *curve.inflections))]
    assert bottom < min(shown)
    assert max(shown) < top
    assert top - bottom < 1e9


def test_at_most_three_polynomials():
    assert orders(np.array([1.0, 1, 1, 1, 1, 1])) == [1, 2, 5]
    assert orders(np.array([0.0, 1, 0, 2, 0, 3])) == [1, 3, 5]
    assert orders(np.array([0.0, 0, 0, 0])) == [1]


def test_the_picture_of_a_surface():
    figure = explain("x**2 + 3*x*y - y**4", at="0,0").figure()
    drawn = lines(figure)
    assert {"saddle", "quadratic model", "λ₁ = −2.162: bends down", "λ₂ = 4.162: bends up"} <= drawn.keys()
    assert figure.axes[0].get_xlim() == (-2, 2)
    assert (figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()) == ("x", "y")
    x, y = drawn["λ₁ = −2.162: bends down"].get_data()
    direction = np.array([np.ptp(x), -np.ptp(y)]) / np.hypot(np.ptp(x), np.ptp(y))
    hessian = np.array([[2.0, 3.0], [3.0, 0.0]])
    np.testing.assert_allclose(hessian @ direction, np.linalg.eigvalsh(hessian)[0] * direction, atol=1e-12)


@pytest.mark.parametrize(
    ("z", "value"),
    [
        (np.linspace(-3, 5, 1000), 0.0),
        (np.linspace(0, 1e-9, 1000), 0.0),
        (np.linspace(0, 10, 1000) ** 8, 0.0),
        (np.full(10, 3.0), 3.0),
        (np.full(10, np.nan), 3.0),
        (np.array([0.0] * 99 + [1.0]), 0.0),
    ],
)
def test_levels_rise_and_hold_the_points_own_height(z, value):
    levels = levels_of(z, value)
    assert value in levels
    assert (np.diff(levels) > 0).all()
    assert 2 <= len(levels) < 40


@pytest.mark.parametrize("text", ["0x + 0y", "x + y", "x^2 + 1e6 y^2", "sqrt(x) + y^2", "e^(-50(x^2 + y^2))"])
def test_odd_surfaces_have_a_picture(text):
    assert "<svg" in explain(text).html()
