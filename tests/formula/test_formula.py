"""The reader of formulas against an independent evaluator, and against text that means harm."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osculate._errors import WrongInput
from osculate._formula import parse
from osculate._formula.names import FUNCTIONS


def value(text, **variables):
    formula = parse(text)
    with jax.enable_x64(True):
        return float(formula.function(*(variables[name] for name in formula.names)))


@pytest.mark.parametrize(
    ("text", "reading"),
    [
        ("x^4 - 3x^2 + x", "x**4 - 3*x**2 + x"),
        ("1/2x", "(1/2)*x"),
        ("1/(2x)", "1/(2*x)"),
        ("-x^2", "-x**2"),
        ("(-x)^2", "(-x)**2"),
        ("2^-x^2", "2**-x**2"),
        ("x^2^3", "x**2**3"),
        ("(x^2)^3", "(x**2)**3"),
        ("x**-2", "x**-2"),
        ("x^(-2)", "x**-2"),
        ("e^2x", "exp(2)*x"),
        ("e² + e⁻¹", "exp(2) + exp(-1)"),
        ("e^(2x)", "exp(2*x)"),
        ("(x+1)(x-1)", "(x + 1)*(x - 1)"),
        ("x(x+1)", "x*(x + 1)"),
        ("x sin(x)", "x*sin(x)"),
        ("3 x y", "3*x*y"),
        ("2pi x", "2*pi*x"),
        ("√2x", "sqrt(2)*x"),
        ("√(2x)", "sqrt(2*x)"),
        ("∛x", "cbrt(x)"),
        ("3·x² × y³ − x⁻¹", "3*x**2*y**3 - x**-1"),
        ("x¹⁰", "x**10"),
        ("6÷x", "6/x"),
        ("πx + τ", "pi*x + tau"),
        ("ln(x) + arcsin(y)", "log(x) + asin(y)"),
        (".5x + 2. + 1e-3", "0.5*x + 2 + 0.001"),
        ("2e^x", "2*exp(x)"),
        ("2e3x", "2000*x"),
        ("a - (b - c)", "a - (b - c)"),
        ("a/(b*c)/d", "(a/(b*c))/d"),
        ("--x + +x", "--x + x"),
        ("max(x, 1, y)", "max(x, 1, y)"),
        ("\tx\n+ 1", "x + 1"),
        ("x_1 x_max θ theta", "x_1*x_max*θ*theta"),
    ],
)
def test_reads_as(text, reading):
    formula = parse(text)
    assert formula.reading == reading
    assert parse(reading).steps == formula.steps


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("x^2", "`^` is read as power"),
        ("3x", "`3x` is read as 3*x"),
        ("1/2x", "`1/2x` is read as (1/2)*x"),
        ("e^2x", "`e^2x` is read as exp(2)*x"),
        ("log(x)", "`log` is the natural logarithm; log10 and log2 are the others"),
        ("e^x", "e to a power is read as exp(x)"),
        ("x" + "(x+1)" * 20, "factors side by side are multiplied"),
    ],
)
def test_says_what_it_chose(text, note):
    assert note in parse(text).notes


def test_says_nothing_where_nothing_was_chosen():
    assert parse("x**2 + 3*x*y - sin(y)").notes == ()


def test_names_come_in_the_order_of_their_first_appearance():
    assert parse("y^2 + x y + a").names == ("y", "x", "a")
    assert parse("2 + pi").names == ()


@pytest.mark.parametrize(
    ("text", "problem", "place"),
    [
        ("x^4 - 3y zz", "unknown name `zz`", 9),
        ("2*sni(x)", "unknown name `sni`", 2),
        ("__import__('os')", "'_' cannot stand", 0),
        ("x.real", "'.' cannot stand", 1),
        ("lambda x: x", "unknown name `lambda`", 0),
        ("lambda_1: x", "unknown name `lambda_1`", 0),
        ("exec(x)", "unknown name `exec`", 0),
        ("x[0]", "'[' cannot stand", 1),
        ("{x}", "'{' cannot stand", 0),
        ("x; y", "';' cannot stand", 1),
        ("'x'", '"\'" cannot stand', 0),
        ("x @ y", "'@' cannot stand", 2),
        ("f(x)", "`f(` calls a function", 0),
        ("y = x^2", "`=` cannot stand here", 2),
        ("(x + (1)", "this bracket is never closed", 0),
        ("x + 1)", "`)` cannot stand here", 5),
        ("()", "`)` cannot stand here", 1),
        ("", "the formula is empty", 0),
        ("x +", "ends where a value is expected", 3),
        ("x * / 2", "`/` cannot stand here", 4),
        ("1e999", "too large for double precision", 0),
        ("2 3", "a number right after another factor", 2),
        ("x2.5", "a number right after another factor", 2),
        ("1.2.3", "a number right after another factor", 3),
        ("1,5", "`,` cannot stand here", 1),
        ("sin x", "`sin` is a function", 0),
        ("sin²(x)", "`sin` is a function", 0),
        ("gamma + 1", "`gamma` is a function", 0),
        ("x + log(x, 2)", "`log` takes 1 argument, not 2", 4),
        ("max(x)", "`max` takes 2 or more arguments, not 1", 0),
        ("atan2(x)", "`atan2` takes 2 arguments, not 1", 0),
        ("x + ½", "'½' cannot stand", 4),
        ("x²²²²²²²²²²", "an exponent this large", 1),
        ("x + \x00", "'�' cannot stand", 4),
    ],
)
def test_points_at_what_it_cannot_read(text, problem, place):
    with pytest.raises(WrongInput) as caught:
        parse(text)
    first, line, caret = caught.value.problem.split("\n")
    assert problem in first
    assert line[4:] == text.replace("\x00", "�")
    assert caret == " " * (4 + place) + "^"
    assert caught.value.remedy


def test_suggests_the_name_that_was_meant():
    with pytest.raises(WrongInput, match=r"did you mean `sqrt`\?"):
        parse("sqr(x)")
    with pytest.raises(WrongInput, match=r"did you mean `sin`\?"):
        parse("Sin(x)")


def test_caret_stands_right_under_wide_characters_and_in_long_text():
    with pytest.raises(WrongInput) as caught:
        parse("x + 円")
    assert caught.value.problem.split("\n")[2] == " " * 8 + "^"
    with pytest.raises(WrongInput) as caught:
        parse("x + " * 400 + "?")
    _, line, caret = caught.value.problem.split("\n")
    assert len(line) < 120
    assert line[len(caret) - 1] == "?"


@pytest.mark.parametrize("opening", ["(", "-", "x^", "sin(", "√"])
def test_depth_is_limited(opening):
    with pytest.raises(WrongInput, match="more than 40 levels"):
        parse(opening * 300 + "x")


def test_length_is_limited_and_long_sums_are_no_problem():
    assert value("+".join(["x"] * 900), x=1.0) == 900.0
    with pytest.raises(WrongInput, match="at most 2,000"):
        parse("x+" * 1000 + "x")


def test_huge_powers_neither_hang_nor_raise():
    assert value("9^9^9^9 + x", x=1.0) == math.inf
    assert value("x^99999999", x=1.0) == 1.0
    assert value("1/0 + x", x=1.0) == math.inf


def test_integer_exponents_are_integer_powers():
    assert [str(step.value) for step in parse("x^3 + x^-2 + x^2.0").steps if step.action == "integer power"] == [
        "3",
        "-2",
        "2",
    ]
    with jax.enable_x64(True):
        third = jax.grad(jax.grad(jax.grad(parse("x^3").function)))
        assert float(third(0.0)) == 6.0
        assert float(jax.grad(parse("x^0").function)(0.0)) == 0.0


def test_keeps_the_dtype_of_its_variable():
    function = parse("sin(2)*x^2 + pi/3*exp(x) - e^2").function
    assert function(jnp.float32(0.5)).dtype == jnp.float32
    with jax.enable_x64(True):
        assert function(jnp.float32(0.5)).dtype == jnp.float32
        assert function(np.float64(0.5)).dtype == jnp.float64


def test_function_wants_every_variable():
    with pytest.raises(TypeError, match=r"2 arguments \(x, y\), not 1"):
        parse("x + y").function(1.0)


# The same functions, from another library.
ORACLE = {
    "sec": mpmath.sec,
    "csc": mpmath.csc,
    "cot": mpmath.cot,
    "sech": mpmath.sech,
    "csch": mpmath.csch,
    "coth": mpmath.coth,
    "log1p": mpmath.log1p,
    "log2": lambda x: mpmath.log(x, 2),
    "abs": abs,
    "heaviside": lambda x: mpmath.mpf(x > 0) if x else mpmath.mpf(0.5),
    "max": max,
    "min": min,
    "lgamma": lambda x: mpmath.log(abs(mpmath.gamma(x))),
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "relu": lambda x: max(x, mpmath.mpf(0)),
    "softplus": lambda x: mpmath.log(1 + mpmath.exp(x)),
}


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_each_function_is_the_one_it_is_called(name):
    oracle: Callable[..., Any] = ORACLE.get(name) or getattr(mpmath, name)
    points = [1.25, 2.5] if name in ("acosh", "coth", "gamma") else [0.25, 0.75]
    for point in points:
        if FUNCTIONS[name].fewest == 2:
            assert value(f"{name}(x, 0.5)", x=point) == pytest.approx(float(oracle(mpmath.mpf(point), mpmath.mpf(0.5))))
        else:
            assert value(f"{name}(x)", x=point) == pytest.approx(float(oracle(mpmath.mpf(point))), rel=1e-12)


numbers = st.sampled_from(["0.5", "1", "2", "3", ".25", "1.5e0", "pi", "e"])
leaves = st.one_of(numbers.map(lambda text: ("number", text)), st.sampled_from("xy").map(lambda name: ("name", name)))
trees = st.recursive(
    leaves,
    lambda parts: st.one_of(
        st.tuples(st.sampled_from("+-*/"), parts, parts),
        st.tuples(st.just("^"), parts, st.integers(-3, 3)),
        st.tuples(st.just("neg"), parts),
        st.tuples(st.sampled_from(["sin", "cos", "tanh", "atan", "exp"]), parts),
    ),
    max_leaves=12,
)
STRENGTH = {"+": 1, "-": 1, "*": 2, "/": 2, "neg": 3, "^": 4}


def written(tree, draw):
    """Write a tree down with as few brackets as the usual rules need, in a random spelling."""
    kind = tree[0]
    if kind in ("number", "name"):
        return tree[1]
    if kind == "neg":
        return "-" + inside(tree[1], 3, draw)
    if kind == "^":
        return inside(tree[1], 5, draw) + draw(st.sampled_from(["^", "**", " ^ "])) + str(tree[2])
    if kind in STRENGTH:
        sign = draw(st.sampled_from({"*": ["*", " * ", "·", "×"], "-": ["-", " − "]}.get(kind, [kind, f" {kind} "])))
        return inside(tree[1], STRENGTH[kind], draw) + sign + inside(tree[2], STRENGTH[kind] + 1, draw)
    return f"{kind}({written(tree[1], draw)})"


def inside(tree, least, draw):
    text = written(tree, draw)
    return text if STRENGTH.get(tree[0], 5) >= least else f"({text})"


def computed(tree, point):
    """Value in 30 digits, and the largest magnitude met on the way."""
    kind = tree[0]
    if kind == "number":
        constant = {"pi": mpmath.pi, "e": mpmath.e}.get(tree[1])
        return +constant if constant is not None else mpmath.mpf(tree[1])
    if kind == "name":
        return mpmath.mpf(point[tree[1]])
    left = computed(tree[1], point)
    if kind == "^":
        result = left ** tree[2]
    elif kind == "neg":
        result = -left
    elif kind in STRENGTH:
        right = computed(tree[2], point)
        result = {"+": left + right, "-": left - right, "*": left * right}.get(kind)
        if result is None:
            if abs(right) < 0.1:
                raise ZeroDivisionError
            result = left / right
    else:
        result = getattr(mpmath, kind)(left)
    if abs(result) > 50 or (result and abs(result) < 1e-2):
        raise OverflowError
    return result


@settings(max_examples=150, deadline=None)
@given(tree=trees, data=st.data())
def test_a_written_tree_is_read_back(tree, data):
    text = written(tree, data.draw)
    formula = parse(text)
    assert parse(formula.reading).steps == formula.steps
    point = {"x": 0.7, "y": -1.3}
    try:
        with mpmath.workdps(30):
            wanted = float(computed(tree, point))
    except (ZeroDivisionError, OverflowError):
        return
    assert value(text, **point) == pytest.approx(wanted, rel=1e-9, abs=1e-9)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=60), st.text(alphabet="xyesin0123456789.+-*/^(), ²√πlog=:_", max_size=60)))
def test_any_text_is_read_or_refused(text):
    try:
        formula = parse(text)
    except WrongInput:
        return
    assert parse(formula.reading).steps == formula.steps
