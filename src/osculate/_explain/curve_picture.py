"""The graph of a function with its osculating circle and Taylor polynomials, its extrema and inflections."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .data import Array, Curve, Place
from .numbers import number
from .palette import BLUE, GREEN, INK, MUTED, ORANGE, PAPER, RED

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_POLYNOMIALS = ((BLUE, (0, (1, 1.6))), (ORANGE, (0, (5, 2))), (GREEN, (0, (7, 2, 1.5, 2))))
_MARKERS = {"maximum": "^", "minimum": "v", "inflection": "D"}
_MOST_MARKED = 60
# Wide enough for the larger letters of a page on a narrow screen.
_SPACING = 5
# Height of a picture with equal scales, in which the circle is round, as a part of its width.
EQUAL = 0.78


def draw_curve(axes: Axes, curve: Curve) -> None:
    """Draw a curve; the height is cut to what matters: the point, its circle, extrema and inflections."""
    low, high = curve.window
    bottom, top, equal = height(curve)
    axes.set_xlim(low, high)
    axes.set_ylim(bottom, top)
    axes.grid(visible=True)
    _draw_graph(axes, curve)
    _draw_polynomials(axes, curve)
    _draw_circle(axes, curve)
    _draw_places(axes, (*curve.extrema, *curve.inflections))
    point = (curve.at, curve.derivatives[0])
    axes.plot(
        *point,
        "o",
        color=RED,
        markeredgecolor=PAPER,
        markersize=8,
        zorder=6,
        label=f"{curve.name} = {number(curve.at, 4)}",
    )
    axes.set_xlabel(curve.name)
    axes.set_ylabel(f"f({curve.name})")
    if equal:
        axes.set_aspect("equal")
    finish(axes, curve.title, 3)


def finish(axes: Axes, title: str, columns: int) -> None:
    """Put the title above and the legend below the axes."""
    axes.figure.suptitle(title if len(title) <= 70 else f"{title[:67]}…", fontsize=11)  # pyright: ignore[reportAttributeAccessIssue]
    axes.figure.legend(
        *axes.get_legend_handles_labels(), loc="outside lower center", ncols=columns, columnspacing=_SPACING
    )


def height(curve: Curve) -> tuple[float, float, bool]:
    """Lower and upper end of the picture, and whether both axes have the same scale.

    The features come first: the point, its circle, extrema and inflections. Where they fit, the scales are equal and
    the circle is round; otherwise as much of the graph is shown as does not make the features small.
    """
    finite = curve.y[np.isfinite(curve.y)]
    features = [float(curve.derivatives[0])]
    features += [place.value for place in (*curve.extrema, *curve.inflections) if np.isfinite(place.value)]
    width = curve.window[1] - curve.window[0]
    if curve.center is not None and curve.radius <= width / 3:
        features += [float(curve.center[1]) - curve.radius, float(curve.center[1]) + curve.radius]
    bottom, top = min(features), max(features)
    lowest, low, high, highest = (float(q) for q in np.quantile(finite, [0, 0.1, 0.9, 1]))
    small = top - bottom < 0.02 * (high - low)
    fits = min(highest, max(top, high)) - max(lowest, min(bottom, low)) > 0.15 * width
    if fits and top - bottom <= 0.92 * EQUAL * width:
        below, above = _shared(EQUAL * width - (top - bottom), bottom - lowest, highest - top)
        return bottom - below, top + above, True
    # The middle of the graph, but no more than the features' own height beyond them, where they have one.
    reach = np.inf if small else top - bottom
    bottom, top = min(bottom, max(low, bottom - reach)), max(top, min(high, top + reach))
    if top - bottom <= 1e-12 * (abs(top) + abs(bottom)):
        bottom, top = bottom - 1, top + 1
    margin = 0.08 * (top - bottom)
    return bottom - margin, top + margin, False


def _shared(space: float, below: float, above: float) -> tuple[float, float]:
    """Share out free space below and above: half and half, but to where the graph goes on, and a margin to each."""
    half, margin = space / 2, space / 4
    low, high = min(max(below, margin), half), min(max(above, margin), half)
    rest = space - low - high
    if below > half >= above:
        return low + rest, high
    if above > half >= below:
        return low, high + rest
    return low + rest / 2, high + rest / 2


def _draw_graph(axes: Axes, curve: Curve) -> None:
    x, y = curve.x, curve.y.copy()
    for place in curve.breaks:
        # A line across a pole or a jump would be a part of the graph that does not exist.
        after = min(int(np.searchsorted(x, float(place))), len(x) - 1)
        x, y = np.insert(x, after, float(place)), np.insert(y, after, np.nan)
        axes.axvline(float(place), color=MUTED, linewidth=0.8, linestyle=(0, (2, 3)))
    y[~np.isfinite(y)] = np.nan
    bottom, top = axes.get_ylim()
    far = 10 * (top - bottom)
    axes.plot(x, np.clip(y, bottom - far, top + far), color=INK, linewidth=2.2, zorder=4, label=f"f({curve.name})")


def _draw_polynomials(axes: Axes, curve: Curve) -> None:
    if curve.concavity == "undefined":
        return
    low, high = curve.window
    x = np.linspace(low, high, 401)
    for order, (colour, dashes) in zip(orders(curve.coefficients), _POLYNOMIALS, strict=False):
        y = np.polynomial.polynomial.polyval(x - curve.at, curve.coefficients[: order + 1])
        label = "tangent" if order == 1 else f"Taylor, order {order}"
        axes.plot(x, y, color=colour, linestyle=dashes, linewidth=1.6, zorder=4.5, label=label)


def orders(coefficients: Array) -> list[int]:
    """At most three orders worth drawing: tangent, second or the next that differs, and the last that differs."""
    different = [k for k in range(1, len(coefficients)) if k == 1 or coefficients[k] != 0]
    return different if len(different) <= 3 else [*different[:2], different[-1]]


def _draw_circle(axes: Axes, curve: Curve) -> None:
    if curve.center is None:
        return
    x, y = (float(c) for c in curve.center)
    # Points crowd where the circle touches the graph, so that a huge circle is round there too.
    touch = np.arctan2(curve.derivatives[0] - y, curve.at - x)
    angle = touch + np.pi * np.linspace(-1, 1, 801) ** 3
    outline = x + curve.radius * np.cos(angle), y + curve.radius * np.sin(angle)
    axes.plot(*outline, color=RED, linewidth=1.4, zorder=2, label="osculating circle")
    axes.plot(x, y, "+", color=RED, markersize=7, zorder=2)


def _draw_places(axes: Axes, places: tuple[Place, ...]) -> None:
    drawn: set[str] = set()
    for place in places[:_MOST_MARKED]:
        kind = "inflection" if place.kind == "stationary inflection" else place.kind
        axes.plot(
            float(place.at),
            place.value,
            marker=_MARKERS[kind],
            markersize=6 if kind == "inflection" else 8,
            linestyle="none",
            color=INK,
            markerfacecolor=PAPER if kind == "inflection" else INK,
            zorder=5,
            label=None if kind in drawn else kind,
        )
        drawn.add(kind)
