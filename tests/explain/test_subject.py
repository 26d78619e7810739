"""Points and windows in all their spellings, and what is said of those that do not fit."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from osculate._errors import WrongInput, WrongType
from osculate._explain.subject import subject_of, windows_of
from osculate._formula import parse


def two(x, y):
    return x * y


def vector(w):
    return w @ w


@pytest.mark.parametrize("at", [1, 1.0, (1,), [1.0], {"x": 1}, "1", "x=1", np.float32(1), jnp.asarray(1.0), np.ones(1)])
def test_one_variable(at):
    subject = subject_of("x^2", at)
    assert (subject.at, subject.several, subject.names) == (1.0, False, ("x",))


@pytest.mark.parametrize("at", [(1, 2), np.array([1.0, 2.0]), {"y": 2, "x": 1}, "1, 2", "y=2, x=1", jnp.array([1, 2])])
@pytest.mark.parametrize("what", ["x + y", parse("x y"), two])
def test_two_variables(what, at):
    subject = subject_of(what, at)
    np.testing.assert_array_equal(subject.at, [1.0, 2.0])
    assert subject.several
    assert subject.names == ("x", "y")
    assert subject.function(np.array([3.0, 2.0])) == (5.0 if what == "x + y" else 6.0)


def test_functions_by_signature_and_point():
    assert not subject_of(np.sin, 1.0).several
    assert subject_of(vector, np.ones(3)).names == ("w[0]", "w[1]", "w[2]")
    assert subject_of(functools.partial(two, 2.0), 1.0).names == ("y",)
    assert subject_of(lambda x, scale=2.0: scale * x, None).at is None
    single = subject_of(vector, [2.0])
    assert (single.several, single.names, single.at) == (False, ("w[0]",), 2.0)
    assert float(single.function(3.0)) == 9.0


def test_titles():
    assert subject_of("x^2", None).title == "f(x) = x**2"
    assert subject_of("y x", None).title == "f(y, x) = y*x"
    assert subject_of(vector, np.ones(2)).title == "vector(w)"
    assert subject_of(lambda t: t, None).title == "f(t)"


@pytest.mark.parametrize(
    ("what", "at", "problem"),
    [
        ("x + y", 1.0, r"shape \(1,\), but the variables are x, y"),
        ("x + y", {"x": 1}, "the point names x, the variables are x, y"),
        ("x^2", {"y": 1}, "the point names y, the variables are x"),
        ("x^2", (1, 2), r"shape \(2,\), but the variables are x"),
        ("x^2", "y", "`y` has no value here"),
        ("x^2", np.nan, "not finite: x = nan"),
        ("x + y", (np.inf, 0), "not finite: x = inf"),
        (vector, np.ones((2, 2)), r"shape \(2, 2\); one number or one vector"),
        (vector, [], r"shape \(0,\); one number or one vector"),
        (vector, [1.0, np.nan], r"not finite: w\[1\] = nan"),
        ("2 + pi", None, "`2 \\+ pi` has no variable"),
    ],
)
def test_points_that_do_not_fit(what, at, problem):
    with pytest.raises(WrongInput, match=problem):
        subject_of(what, at)


@pytest.mark.parametrize(("what", "at"), [(3.0, None), (None, 1.0), ("x", object()), ("x", 1j), (vector, [[1.0], 2.0])])
def test_what_is_no_function_or_point(what, at):
    with pytest.raises(WrongType):
        subject_of(what, at)


def test_refuses_tracers():
    with pytest.raises(WrongType, match=r"osculate\.explain: the point is traced"):
        jax.jit(lambda x: subject_of("x^2", x))(1.0)


def test_windows():
    assert windows_of(None, ("x",)) is None
    assert windows_of("-3:3", ("x",)) == ((-3.0, 3.0),)
    assert windows_of((0, 1), ("x", "y")) == ((0.0, 1.0), (0.0, 1.0))
    assert windows_of(((0, 1), (2, 3)), ("x", "y")) == ((0.0, 1.0), (2.0, 3.0))
    assert windows_of({"y": (2, 3), "x": (0, 1)}, ("x", "y")) == ((0.0, 1.0), (2.0, 3.0))
    assert windows_of("y=2:3, x=0:1", ("x", "y")) == ((0.0, 1.0), (2.0, 3.0))


@pytest.mark.parametrize(
    ("on", "problem"),
    [
        ((1, 0), "from a smaller to a larger"),
        ((0, np.inf), "from a smaller to a larger"),
        ((0, 1, 2), r"shape \(3,\)"),
        ({"y": (0, 1)}, "the window names y, the variables are x"),
        ("3", "a window has two ends"),
    ],
)
def test_windows_that_do_not_fit(on, problem):
    with pytest.raises(WrongInput, match=problem):
        windows_of(on, ("x",))


def test_windows_of_other_things():
    with pytest.raises(WrongType, match="cannot be read as real numbers"):
        windows_of(["a", "b"], ("x",))
