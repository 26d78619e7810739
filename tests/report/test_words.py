"""A number as written says the number it stands for."""

import math
import re

from hypothesis import given
from hypothesis import strategies as st

from osculate._report.words import number, percent, ratio


def read(text):
    """The written number, read back by a parser of its own."""
    plain = text.replace(",", "").replace("−", "-")
    mantissa, _, exponent = plain.partition("·10")
    digits = exponent.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789"))
    return float(mantissa) * 10.0 ** int(digits or 0)


@given(st.floats(min_value=1e-300, max_value=1e300), st.sampled_from([1, -1]), st.integers(2, 7))
def test_number_is_within_its_digits(size, sign, digits):
    text = number(sign * size, digits)
    assert math.isclose(read(text), sign * size, rel_tol=0.51 * 10.0 ** (1 - digits))
    assert re.fullmatch(r"−?[\d,.]+(·10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)?", text)


@given(st.floats(min_value=1e-4, max_value=9.9))
def test_ratio_has_three_decimals(value):
    assert abs(float(ratio(value)) - value) <= 5.1e-4


@given(st.floats(min_value=0, max_value=1))
def test_percent_is_near(share):
    text = percent(share)
    if text.startswith("<"):
        assert 0 < share < 1e-5
    else:
        assert math.isclose(float(text.removesuffix(" %")) / 100, share, rel_tol=0.51, abs_tol=0)
        assert abs(float(text.removesuffix(" %")) / 100 - share) <= 0.0051


def test_what_is_no_number():
    assert number(None) == number(float("nan")) == percent(None) == ratio(None) == "—"
    assert number(float("-inf")) == "−∞"
    assert number(999_999.7) == "1,000,000"
    assert number(20.0) == "20"
    assert number(20.0013) == "20.00"
