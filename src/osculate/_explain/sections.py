"""An explanation in words: sections of rows, which the terminal and the page set each in its own way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from osculate._results import Estimate

from .data import EXACT, SOLVED, Curve, Place, Surface
from .numbers import derivative_name, number, polynomial, vector

MOST_PLACES = 12
MOST_ROWS_OF_A_MATRIX = 8
_WINDOW_HOW = "numerical ± bracket: changes of sign of f′ and f″; found, not proven complete"


@dataclass(frozen=True)
class Row:
    """A name and what it is; ``value`` may have several lines."""

    label: str
    value: str


@dataclass(frozen=True)
class Section:
    """Rows under a title, with how their numbers were obtained."""

    title: str
    how: str
    rows: tuple[Row, ...]


def sections(data: Curve | Surface) -> tuple[Section, ...]:
    """All that is told about a curve or a surface, in order."""
    if isinstance(data, Curve):
        return (_derivatives(data), _taylor(data), _bending(data), _window(data))
    return (_second_order(data), _eigenvalues(data), _graph(data))


def _derivatives(curve: Curve) -> Section:
    at = number(curve.at)
    rows = [Row(f"{derivative_name(k)}({at})", number(float(value))) for k, value in enumerate(curve.derivatives)]
    rows.append(Row("kind", _kind_of_point(curve)))
    return Section(f"At {curve.name} = {at}", EXACT, tuple(rows))


def _kind_of_point(curve: Curve) -> str:
    if curve.kind == "regular":
        return "rising (f′ > 0)" if curve.derivatives[1] > 0 else "falling (f′ < 0)"
    if curve.kind == "irregular":
        return "irregular: f, f′ or f″ jumps here, and derivatives decide nothing"
    if curve.kind == "undecided":
        return f"level (f′ = 0); the derivatives up to order {curve.order} do not decide whether it is an extremum"
    if curve.kind in ("minimum", "maximum") and curve.concavity != "straight":
        return f"a {curve.kind} (f′ = 0, f″ {'>' if curve.kind == 'minimum' else '<'} 0)"
    article = "an inflection with a level tangent" if curve.kind == "stationary inflection" else f"a {curve.kind}"
    return f"{article} (f′ = f″ = 0; decided by higher derivatives, or by the change of sign of f′)"


def _taylor(curve: Curve) -> Section:
    texts = [polynomial(curve.coefficients[: k + 1], curve.name, curve.at) for k in range(curve.order + 1)]
    # The same polynomial under several orders is told once: order 1 and 2 of sin(x).
    first = [k for k in range(1, len(texts)) if k == 1 or texts[k] != texts[k - 1]]
    last = [k - 1 for k in first[1:]] + [curve.order]
    rows = tuple(
        Row(f"order {k}" if k == end else f"order {k}{'–' if end > k + 1 else ', '}{end}", texts[k])
        for k, end in zip(first, last, strict=True)
    )
    return Section(f"Taylor polynomials at {curve.name} = {number(curve.at)}", EXACT, rows)


def _bending(curve: Curve) -> Section:
    words = {
        "convex": "convex: the graph bends upwards (f″ > 0)",
        "concave": "concave: the graph bends downwards (f″ < 0)",
        "straight": "straight to second order (f″ = 0)",
        "undefined": "none: f, f′ or f″ jumps here",
    }
    if curve.concavity == "undefined":
        return Section("Curvature", EXACT, (Row("curvature κ", words["undefined"]),))
    rows = [
        Row("concavity", words[curve.concavity]),
        Row("curvature κ", f"{number(curve.kappa)} = |f″| / (1 + f′²)^(3/2)"),
    ]
    if curve.center is not None:
        rows.append(Row("radius 1/κ", number(curve.radius)))
        rows.append(Row("centre", f"{vector(curve.center)}, of the osculating circle"))
    else:
        rows.append(Row("circle", "none: the osculating circle is the tangent line here"))
    return Section("Curvature", EXACT, tuple(rows))


def _window(curve: Curve) -> Section:
    low, high = curve.window
    rows = _places(curve.extrema, curve.name, "extrema") + _places(curve.inflections, curve.name, "inflections")
    for place in curve.breaks[:MOST_PLACES]:
        rows.append(Row("break", f"{_where(place, curve.name)}: a pole, a jump or a hole"))
    if len(curve.breaks) > MOST_PLACES:
        rows.append(Row("", f"… and {len(curve.breaks) - MOST_PLACES} more breaks"))
    for start, end in curve.undefined:
        rows.append(Row("no value", f"f is not finite from about {number(start, 4)} to {number(end, 4)}"))
    return Section(f"From {curve.name} = {number(low)} to {number(high)}", _WINDOW_HOW, tuple(rows))


def _places(places: Sequence[Place], name: str, what: str) -> list[Row]:
    if not places:
        return [Row(what, "none found")]
    rows = [
        Row(_called(place), f"{_where(place.at, name)}, f = {number(place.value)}") for place in places[:MOST_PLACES]
    ]
    if len(places) > MOST_PLACES:
        rows.append(Row("", f"… and {len(places) - MOST_PLACES} more {what}"))
    return rows


def _called(place: Place) -> str:
    if place.smooth:
        return "inflection, level" if place.kind == "stationary inflection" else place.kind
    return f"{place.kind}, {'corner' if place.kind in ('minimum', 'maximum') else 'f″ jumps'}"


def _where(place: Estimate, name: str) -> str:
    return f"{name} = {number(float(place.value))} ± {number(float(place.error), 1)}"


def _second_order(surface: Surface) -> Section:
    names = ", ".join(surface.names) if len(surface.names) <= 6 else f"{surface.names[0]}, …, {surface.names[-1]}"
    rows = (
        Row("f", number(surface.value)),
        Row("gradient", vector(surface.gradient)),
        Row("Hessian", _matrix(surface.hessian)),
        Row("kind", _kind_of_critical_point(surface)),
    )
    return Section(f"At ({names}) = {vector(surface.at)}", EXACT, rows)


def _kind_of_critical_point(surface: Surface) -> str:
    if surface.kind == "irregular":
        return "irregular: f, ∇f or the Hessian jumps here, and derivatives decide nothing"
    size = f"‖∇f‖ = {number(surface.gradient_norm, 3)}"
    if surface.kind == "regular":
        return f"a regular point: {size}, so f falls along −∇f"
    level = (
        f"the gradient is zero to rounding ({size} ≤ {number(surface.gradient_tolerance, 2)})"
        if surface.gradient_norm
        else "∇f = 0"
    )
    if surface.kind == "saddle":
        count = "one direction" if surface.index == 1 else f"{surface.index} directions"
        return f"a saddle of index {surface.index}: {level}, and f falls in {count}"
    if surface.kind == "degenerate":
        return f"degenerate: {level}, and the Hessian is singular, so second derivatives do not decide"
    return f"a {surface.kind}: {level}, and the Hessian is {surface.definiteness}"


def _eigenvalues(surface: Surface) -> Section:
    rows = [Row("definiteness", surface.definiteness)]
    rows += _directed("λ", surface.eigenvalues, surface.eigenvectors)
    return Section("Eigenvalues of the Hessian, with their directions", SOLVED, tuple(rows))


def _graph(surface: Surface) -> Section:
    n = len(surface.names)
    rows = _directed("κ", surface.principal, surface.directions)
    rows.append(Row("mean", f"{number(surface.mean)}, the average of the principal curvatures"))
    rows.append(Row("Gaussian", f"{number(surface.gaussian)}, their product"))
    if n != 2:
        rows.append(Row("picture", f"none: {n} variables have no contour picture"))
    return Section("Principal curvatures of the graph, seen from above", SOLVED, tuple(rows))


def _directed(letter: str, values: np.ndarray, directions: np.ndarray) -> list[Row]:
    n = len(values)
    shown = range(n) if n <= MOST_ROWS_OF_A_MATRIX else [0, 1, 2, n - 3, n - 2, n - 1]
    rows: list[Row] = []
    for i in shown:
        if n > MOST_ROWS_OF_A_MATRIX and i == n - 3:
            rows.append(Row("…", f"{n - 6} between"))
        rows.append(
            Row(
                f"{letter}{_subscript(i + 1)}",
                f"{number(float(values[i]))}  along {vector(np.round(directions[:, i], 4), 4)}",
            )
        )
    return rows


def _subscript(index: int) -> str:
    return str(index).translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))


def _matrix(matrix: np.ndarray) -> str:
    n = len(matrix)
    if n > MOST_ROWS_OF_A_MATRIX:
        return f"{n} × {n}, trace {number(float(np.trace(matrix)))}; in full in .data.hessian"
    cells = [[number(float(value)) for value in row] for row in matrix]
    widths = [max(len(row[j]) for row in cells) for j in range(n)]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in cells)
