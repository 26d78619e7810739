"""Changes of sign against polynomials whose roots are given, and against graphs with poles, corners and jumps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.polynomial import Polynomial

from osculate._explain.search import crossings, irregular_order, jumps, sample, undefined


def jets_of(*functions):
    def jets(x):
        with np.errstate(all="ignore"):
            return np.stack([np.broadcast_to(f(x), x.shape).astype(float) for f in functions])

    return jets


def polynomial_jets(polynomial):
    return jets_of(*(polynomial.deriv(k) if k else polynomial for k in range(4)))


def found(jets, k, low=-3.0, high=3.0):
    return crossings(jets, sample(jets, low, high), k)


@given(st.lists(st.integers(-58, 58), min_size=1, max_size=7, unique=True), st.floats(-0.04, 0.04))
def test_every_separated_root_of_the_derivative_is_found(places, shift):
    roots = np.sort(np.array(places) / 20 + shift)
    jets = polynomial_jets(Polynomial.fromroots(roots).integ())
    crossed = found(jets, 1)
    np.testing.assert_allclose([c.x for c in crossed], roots, atol=1e-9)
    assert {c.nature for c in crossed} == {"zero"}
    rising = np.sign(Polynomial.fromroots(roots)(-4.0))
    np.testing.assert_array_equal([c.before for c in crossed], rising * (-1) ** np.arange(len(roots)))


@given(st.floats(-2.9, 2.9))
def test_brackets_hold_the_root(root):
    crossed = found(polynomial_jets(Polynomial([-root, 1.0]).integ()), 1)
    assert len(crossed) == 1
    assert abs(crossed[0].x - root) <= crossed[0].error <= 1e-15


def test_short_decimals_are_preferred():
    crossed = found(polynomial_jets(Polynomial([0, -3, 0, 1])), 1)
    assert [c.x for c in crossed] == [-1.0, 1.0]


def test_two_roots_inside_one_interval_are_found_through_the_next_derivative():
    jets = polynomial_jets(Polynomial.fromroots([0.001, 0.0012]).integ())
    samples = sample(jets, -3.0, 3.0)
    assert crossings(jets, samples, 1) == []
    between = np.array([c.x for c in crossings(jets, samples, 2)])
    crossed = crossings(jets, samples.joined(between, jets(between)), 1)
    np.testing.assert_allclose([c.x for c in crossed], [0.001, 0.0012], atol=1e-12)


@pytest.mark.parametrize("power", [3, 5, 4, 8])
def test_even_touches_are_no_crossings(power):
    jets = polynomial_jets(Polynomial([0] * power + [1.0]))
    assert [c.x for c in found(jets, 1)] == ([] if power % 2 else [0.0])
    assert [c.x for c in found(jets, 2)] == ([0.0] if power % 2 else [])


def test_rounding_noise_is_no_crossing():
    noise = np.random.default_rng(0)
    jets = jets_of(np.ones_like, *(lambda x: 1e-16 * noise.standard_normal(x.shape) for _ in range(3)))
    assert found(jets, 1) == []
    assert found(jets, 2) == []


def test_stretches_of_zero_are_no_crossing():
    def clipped(x):
        return np.where(x < -1, x + 1, np.where(x > 1, x - 1, 0.0))

    flat = jets_of(lambda x: clipped(x) ** 2 / 2, clipped, lambda x: (np.abs(x) > 1) + 0.0, np.zeros_like)
    assert found(flat, 1) == []


POLES = [
    (lambda x: x**-2.0, lambda x: -2 * x**-3.0, lambda x: 6 * x**-4.0, lambda x: -24 * x**-5.0),
    (lambda x: np.log(np.abs(x)), lambda x: 1 / x, lambda x: -(x**-2.0), lambda x: 2 * x**-3.0),
]


@pytest.mark.parametrize("pole", POLES)
@pytest.mark.parametrize("place", [0.0, 0.3, np.sqrt(2)])
def test_poles_are_breaks(pole, place):
    jets = jets_of(*(lambda x, f=f: f(x - place) for f in pole))
    crossed = found(jets, 1)
    assert [(c.nature, c.x) for c in crossed] == [("break", pytest.approx(place, abs=1e-14))]


@pytest.mark.parametrize("place", [0.0, 0.3, np.sqrt(2)])
@pytest.mark.parametrize("power", [1.0, 0.5, 2 / 3])
def test_corners_and_cusps_are_corners(place, power):
    jets = jets_of(
        lambda x: np.abs(x - place) ** power,
        lambda x: power * np.abs(x - place) ** (power - 1) * np.where(x >= place, 1, -1),
        lambda x: power * (power - 1) * np.abs(x - place) ** (power - 2),
        np.zeros_like,
    )
    assert [(c.nature, c.x, c.before) for c in found(jets, 1)] == [("corner", pytest.approx(place, abs=1e-12), -1)]


def test_one_tangent_with_a_jump_of_the_second_derivative_is_a_bend():
    half_parabolas = jets_of(lambda x: x * np.abs(x), lambda x: 2 * np.abs(x), lambda x: 2 * np.sign(x), np.zeros_like)
    vertical = jets_of(
        np.cbrt,
        lambda x: np.cbrt(x) ** -2.0 / 3,
        lambda x: -2 / 9 * np.cbrt(x) ** -5.0,
        lambda x: 10 / 27 * np.cbrt(x) ** -8.0,
    )
    for jets in (half_parabolas, vertical):
        assert [(c.nature, c.x) for c in found(jets, 2)] == [("bend", 0.0)]


def test_holes_are_breaks():
    jets = jets_of(lambda x: np.where(x == 0, np.nan, x**2), lambda x: 2 * x, lambda x: 2 + 0 * x, np.zeros_like)
    assert undefined(jets, sample(jets, -3.0, 3.0)) == []
    assert [(c.nature, c.x) for c in found(jets, 1)] == [("break", 0.0)]
    moved = jets_of(lambda x: np.where(x == 0, 1.0, np.abs(x)), np.sign, np.zeros_like, np.zeros_like)
    assert [c.nature for c in found(moved, 1)] == ["break"]


def test_jumps_are_found_where_derivatives_are_silent():
    jets = jets_of(np.floor, np.zeros_like, np.zeros_like, np.zeros_like)
    assert [x for x, _ in jumps(jets, sample(jets, -1.5, 2.5))] == [-1.0, 0.0, 1.0, 2.0]
    smooth = jets_of(np.sin, np.cos, lambda x: -np.sin(x), lambda x: -np.cos(x))
    assert jumps(smooth, sample(smooth, -1.5, 2.5)) == []
    steep = jets_of(np.cbrt, lambda x: np.cbrt(x) ** -2.0 / 3, lambda x: -2 / 9 * np.cbrt(x) ** -5.0, np.zeros_like)
    assert jumps(steep, sample(steep, -1.0, 1.5)) == []


def test_stretches_without_value_end_where_the_function_begins():
    jets = jets_of(
        lambda x: np.sqrt(np.abs(x) - np.sqrt(2)), *(lambda x: np.sqrt(np.abs(x) - np.sqrt(2)) for _ in range(3))
    )
    ((low, high),) = undefined(jets, sample(jets, -3.0, 3.0))
    assert [low, high] == pytest.approx([-np.sqrt(2), np.sqrt(2)], abs=1e-14)
    logarithm = jets_of(np.log, lambda x: 1 / x, lambda x: -(x**-2.0), lambda x: 2 * x**-3.0)
    assert undefined(logarithm, sample(logarithm, -2.0, 4.0)) == [(-2.0, 0.0)]


@pytest.mark.parametrize(
    ("jets", "order"),
    [
        (jets_of(np.sin, np.cos, lambda x: -np.sin(x), lambda x: -np.cos(x)), None),
        (jets_of(np.exp, np.exp, np.exp, np.exp), None),
        (jets_of(lambda x: 1e9 * x**3, lambda x: 3e9 * x**2, lambda x: 6e9 * x, lambda x: 6e9 + 0 * x), None),
        (jets_of(np.floor, np.zeros_like, np.zeros_like, np.zeros_like), 0),
        (jets_of(np.abs, lambda x: np.where(x >= 0, 1.0, -1.0), np.zeros_like, np.zeros_like), 1),
        (jets_of(lambda x: x * np.abs(x), lambda x: 2 * np.abs(x), lambda x: 2 * np.sign(x), np.zeros_like), 2),
    ],
)
def test_what_jumps_at_a_point(jets, order):
    assert irregular_order(jets, 0.0, 0.006) == order


def test_fast_waves_are_sampled_finely_enough():
    k = 300
    jets = jets_of(
        lambda x: np.sin(k * x),
        lambda x: k * np.cos(k * x),
        lambda x: -(k**2) * np.sin(k * x),
        lambda x: -(k**3) * np.cos(k * x),
    )
    crossed = found(jets, 1, 0.0, 1.0)
    np.testing.assert_allclose([c.x for c in crossed], (np.arange(95) + 0.5) * np.pi / k, atol=1e-13)


def test_brackets_are_as_wide_as_rounding_makes_them():
    noise = np.random.default_rng(0)
    jets = jets_of(
        lambda x: (x - 0.7001) ** 2 / 2,
        lambda x: x - 0.7001 + 1e-7 * noise.uniform(-1, 1, x.shape),
        np.ones_like,
        np.zeros_like,
    )
    (crossed,) = found(jets, 1)
    assert abs(crossed.x - 0.7001) <= crossed.error
    assert 1e-9 < crossed.error < 1e-6


@pytest.mark.parametrize("power", [6, 7])
def test_rounding_around_a_multiple_root_is_no_crowd_of_crossings(power):
    # In expanded form, (x − 1)ᵖ is rounding around 1.
    jets = polynomial_jets(Polynomial.fromroots(np.ones(power)))
    crossed = found(jets, 2)
    assert len(crossed) == power % 2
    for crossing in crossed:
        assert abs(crossing.x - 1) <= crossing.error < 0.1
