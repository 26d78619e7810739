"""Numbers and Taylor polynomials as text."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osculate._explain.numbers import derivative_name, number, polynomial, vector


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (2.0, "2"),
        (-1 / 3, "−0.33333333"),
        (1e-9, "1e−9"),
        (-6.123233995736766e-17, "−6.123234e−17"),
        (1.5e300, "1.5e300"),
        (math.inf, "∞"),
        (-math.inf, "−∞"),
        (math.nan, "nan"),
    ],
)
def test_numbers(value, text):
    assert number(value) == text


@given(st.floats(-1e12, 1e12))
def test_numbers_keep_their_digits(value):
    assert float(number(value).replace("−", "-")) == pytest.approx(value, rel=1e-7)


def test_long_vectors_are_shortened():
    assert vector(list(range(20))) == "(0, 1, 2, 3, …, 19)"


@pytest.mark.parametrize(
    ("coefficients", "at", "text"),
    [
        ([0, 1, 0, -1 / 6, 0, 1 / 120], 0, "x − x³/6 + x⁵/120"),
        ([1, 1, 1 / 2, 1 / 6, 1 / 24], 0, "1 + x + x²/2 + x³/6 + x⁴/24"),
        ([0, 1, 0, 1 / 3, 0, 2 / 15], 0, "x + x³/3 + 2·x⁵/15"),
        ([-2, 0, 3, 1], 1, "−2 + 3·(x − 1)² + (x − 1)³"),
        ([-1, -1], -0.5, "−1 − (x + 0.5)"),
        ([0.5], 0, "1/2"),
        ([0, math.pi], 0, "3.14159·x"),
        ([0, 0, 0], 0, "0"),
        ([0, 1e-300], 0, "1e−300·x"),
    ],
)
def test_polynomials(coefficients, at, text):
    assert polynomial([float(c) for c in coefficients], "x", float(at)) == text


def test_an_entry_of_a_vector_is_put_in_brackets():
    assert polynomial([0.0, 0.0, 1.0], "x[0]", 0.0) == "(x[0])²"
    assert polynomial([0.0, 0.0, 1.0], "x[0]", 2.0) == "(x[0] − 2)²"


@given(st.integers(1, 999), st.integers(1, 999))
def test_fractions_are_recognised(above, below):
    fraction = Fraction(above, below)
    wanted = "x" if fraction.numerator == 1 else f"{fraction.numerator}·x"
    assert polynomial([0.0, above / below], "x", 0.0) == wanted + (
        f"/{fraction.denominator}" if fraction.denominator > 1 else ""
    )


def test_names_of_high_derivatives():
    assert derivative_name(12) == "f⁽¹²⁾"
