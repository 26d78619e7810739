"""Points and windows as written on a command line."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osculate._errors import WrongInput
from osculate._formula import parse_point, parse_window


def test_points():
    assert parse_point("1") == (1.0,)
    assert parse_point("0, -1/4") == (0.0, -0.25)
    assert parse_point("x=0,y=pi/2") == {"x": 0.0, "y": math.pi / 2}
    assert parse_point("sqrt(2)") == (math.sqrt(2),)
    assert parse_point("atan2(1, 1), 2") == (pytest.approx(math.pi / 4), 2.0)
    assert str(parse_point("-0")) == "(0.0,)"


def test_windows():
    assert parse_window("-3:3") == (-3.0, 3.0)
    assert parse_window("-pi : 2pi") == (-math.pi, 2 * math.pi)
    assert parse_window("-3:3, 0:1") == ((-3.0, 3.0), (0.0, 1.0))
    assert parse_window("x=-3:3, y=0:1") == {"x": (-3.0, 3.0), "y": (0.0, 1.0)}


@pytest.mark.parametrize(
    ("text", "problem", "place"),
    [
        ("", "empty", 0),
        ("1, x=2", "some coordinates have a name", 3),
        ("x=1, x=2", "`x` is given twice", 5),
        ("x=x", "`x` has no value here", 2),
        ("-1/0", "is -inf, not a finite number", 0),
        ("1:2", "`:` cannot stand here", 1),
        ("x=", "ends where a value is expected", 2),
        ("1,", "ends where a value is expected", 2),
    ],
)
def test_points_that_cannot_be_read(text, problem, place):
    check(parse_point, text, problem, place)


@pytest.mark.parametrize(
    ("text", "problem", "place"),
    [
        ("3:-3", "this window runs from 3 to -3", 0),
        ("1:1", "this window runs from 1 to 1", 0),
        ("3", "a window has two ends", 1),
        ("a:b", "`a` has no value here", 0),
        ("0:1/0", "is inf, not a finite number", 2),
    ],
)
def test_windows_that_cannot_be_read(text, problem, place):
    check(parse_window, text, problem, place)


def check(reader, text, problem, place):
    with pytest.raises(WrongInput) as caught:
        reader(text)
    first, _, caret = caught.value.problem.split("\n")
    assert problem in first
    assert caret == " " * (4 + place) + "^"


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_numbers_come_back_as_printed(a, b):
    assert parse_point(f"{a!r}, y_2={b!r}".replace("y_2=", "")) == (a, b)
    if a < b:
        assert parse_window(f"{a!r}:{b!r}") == (a, b)
