"""The entrance and what an explanation can become: text, JSON, Rich, files; and what it says without an extra."""

import ast
import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from osculate._errors import MissingExtra, Unreadable, WrongInput
from osculate._explain import Curve, Explanation, explain


@pytest.fixture(scope="module")
def quartic():
    return explain("x^4 - 3x^2 + x")


@pytest.fixture(scope="module")
def saddle():
    return explain("x**2 + 3*x*y - y**4", at="x=0,y=0")


@pytest.fixture(scope="module")
def many():
    return explain(lambda w: np.sum(w**2) + w[0] * w[1], at=np.zeros(10))


def row(explanation, label):
    """The text after a label at the start of a line."""
    lines = [line.strip() for line in explanation.text().splitlines()]
    return next(line.removeprefix(label).strip() for line in lines if line.startswith(label))


def test_text_of_a_curve(quartic):
    text = quartic.text()
    assert text.splitlines()[:3] == [
        "f(x) = x**4 - 3*x**2 + x",
        "  `^` is read as power",
        "  `3x^2` is read as 3*x**2",
    ]
    assert row(quartic, "f″(0)") == "−6"
    assert row(quartic, "f⁽⁴⁾(0)") == "24"
    assert row(quartic, "order 2, 3") == "x − 3·x²"
    assert row(quartic, "order 4, 5") == "x − 3·x² + x⁴"
    assert row(quartic, "concavity") == "concave: the graph bends downwards (f″ < 0)"
    assert row(quartic, "curvature κ") == "2.1213203 = |f″| / (1 + f′²)^(3/2)"
    assert row(quartic, "maximum") == "x = 0.16993844 ± 4e−16, f = 0.084135221"
    assert "found, not proven complete" in text
    assert "exact: algorithmic derivatives, rounding only" in text
    assert "\x1b" not in text


def test_text_of_the_lecture():
    assert row(explain("sin(x)", order=4), "order 3, 4") == "x − x³/6"
    assert row(explain("e^x", order=3), "order 3") == "1 + x + x²/2 + x³/6"
    cubic = explain("x^3 - 3x", at=1, order=3)
    assert row(cubic, "f″(1)") == "6"
    assert row(cubic, "kind") == "a minimum (f′ = 0, f″ > 0)"
    assert row(cubic, "minimum") == "x = 1 ± 9e−16, f = −2"


def test_text_of_a_surface(saddle):
    text = saddle.text()
    assert "  Hessian   2  3\n            3  0\n" in text
    assert row(saddle, "kind") == "a saddle of index 1: ∇f = 0, and f falls in one direction"
    assert row(saddle, "definiteness") == "indefinite"
    assert row(saddle, "λ₁").startswith("−2.1622777  along (")
    assert row(saddle, "Gaussian") == "−9, their product"


def test_text_of_special_places():
    assert row(explain("1/x"), "break") == "x = 0 ± 9e−16: a pole, a jump or a hole"
    assert row(explain("abs(x)"), "minimum, corner") == "x = 0 ± 4e−16, f = 0"
    assert row(explain("x^4"), "kind").startswith("a minimum (f′ = f″ = 0; decided by higher derivatives")
    assert row(explain("x^4"), "circle") == "none: the osculating circle is the tangent line here"
    assert row(explain("sqrt(x)", on="-1:1"), "no value") == "f is not finite from about −1 to 0"
    waves = explain("sin(20x)", at=0.1)
    assert isinstance(waves.data, Curve)
    assert "… and 26 more extrema" in waves.text()
    assert len(waves.data.extrema) == 38


def test_text_of_many_variables(many):
    assert row(many, "Hessian") == "10 × 10, trace 20; in full in .data.hessian"
    assert row(many, "picture") == "none: 10 variables have no contour picture"
    assert row(many, "…") == "4 between"
    with pytest.raises(WrongInput, match="10 variables have no contour picture"):
        many.figure()


def test_the_page_of_many_variables_has_no_picture(many):
    pytest.importorskip("jinja2")
    assert "<svg" not in many.html()


def test_representation_is_the_text(quartic):
    assert repr(quartic) == quartic.text()


def test_json_is_the_data(quartic, saddle):
    read = json.loads(quartic.json())
    assert read == quartic.to_dict()
    assert read["derivatives"] == quartic.data.derivatives.tolist()
    assert read["extrema"][0]["at"]["value"] == float(quartic.data.extrema[0].at)
    assert read["extrema"][0]["at"]["how"].startswith("numerical ± bracket")
    assert not {"x", "y", "grid"} & read.keys()
    assert json.loads(saddle.json())["hessian"] == [[2.0, 3.0], [3.0, 0.0]]
    flat = json.loads(explain("x").json())
    assert flat["radius"] is None
    assert flat["center"] is None
    assert flat["kappa"] == 0.0


def test_rich_says_the_same(quartic, saddle):
    console_type = pytest.importorskip("rich.console").Console

    for explanation in (quartic, saddle):
        output = io.StringIO()
        console = console_type(file=output, width=200, color_system=None)
        console.print(explanation.rich())
        printed = [" ".join(line.split()) for line in output.getvalue().splitlines()]
        assert printed == [" ".join(line.split()) for line in explanation.text().splitlines()]


@pytest.mark.parametrize(
    ("ending", "start"),
    [
        (".html", b"<!DOCTYPE html>"),
        (".json", b"{"),
        (".txt", b"f(x) = "),
        (".svg", b"<?xml"),
        (".png", b"\x89PNG"),
        (".pdf", b"%PDF"),
    ],
)
def test_saves_as_the_ending_says(quartic, tmp_path, ending, start):
    if ending not in (".json", ".txt"):
        pytest.importorskip("matplotlib")
        pytest.importorskip("jinja2")
    path = quartic.save(tmp_path / f"quartic{ending}")
    assert path.read_bytes().startswith(start)


@pytest.mark.parametrize("name", ["quartic.doc", "quartic"])
def test_endings_that_are_unknown(quartic, tmp_path, name):
    with pytest.raises(WrongInput, match=r"use \.html, \.json, \.txt"):
        quartic.save(tmp_path / name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("package", "use"),
    [
        ("rich.console", Explanation.rich),
        ("matplotlib", Explanation.figure),
        ("matplotlib", Explanation.html),
        ("jinja2", Explanation.html),
    ],
)
def test_without_the_extra_the_install_line_is_given(quartic, monkeypatch, package, use):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtra, match=r'python -m pip install "osculate\[report\]"'):
        use(quartic)
    assert quartic.text().startswith("f(x)")
    assert quartic.json().startswith("{")


def test_optional_packages_are_loaded_where_they_are_used():
    for file in (Path(explain.__globals__["__file__"]).parent).glob("*.py"):
        top = [node for node in ast.parse(file.read_text(encoding="utf-8")).body if isinstance(node, ast.Import)]
        assert not {alias.name.split(".")[0] for node in top for alias in node.names} & {"matplotlib", "rich", "jinja2"}


def test_what_cannot_be_read_names_the_line():
    def with_math(x):
        import math

        return math.sin(x)

    with pytest.raises(Unreadable) as caught:
        explain(with_math, at=1.0)
    assert "test_explanation.py" in str(caught.value)
