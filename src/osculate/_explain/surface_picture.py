"""Contours of a function of two variables, with the Hessian's directions and its quadratic model at the point."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .curve_picture import finish
from .data import Array, Surface
from .numbers import number
from .palette import BLUE, INK, MUTED, ORANGE, PAPER, RED

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LEVELS = 15
_DOUBLINGS = 9
_SKEWED = 25
_REACH = 0.3


def draw_surface(axes: Axes, surface: Surface) -> None:
    """Draw a surface from above: bands of equal height, the point, and which way the graph bends there."""
    assert surface.grid is not None
    x, y, z = surface.grid
    z = np.where(np.isfinite(z), z, np.nan)
    levels = levels_of(z, surface.value)
    from matplotlib.colors import BoundaryNorm

    colours = BoundaryNorm(levels.tolist(), 256, extend="both")
    bands = axes.contourf(x, y, z, levels=levels, cmap="cividis", norm=colours, alpha=0.75, extend="both")
    axes.contour(x, y, z, levels=levels, colors=PAPER, linewidths=0.6)
    bar = axes.figure.colorbar(bands, ax=axes, label=f"f({', '.join(surface.names)})", shrink=0.9, spacing="uniform")
    bar.outline.set_visible(False)  # pyright: ignore[reportCallIssue]
    bar.set_ticks(levels[1:-1:2].tolist(), labels=[number(float(level), 4) for level in levels[1:-1:2]])
    _draw_model(axes, surface, levels)
    _draw_directions(axes, surface)
    axes.plot(*surface.at, "o", color=RED, markeredgecolor=PAPER, markersize=9, zorder=6, label=surface.kind)
    axes.set_xlim(*surface.windows[0])
    axes.set_ylim(*surface.windows[1])
    axes.set_xlabel(surface.names[0])
    axes.set_ylabel(surface.names[1])
    width, height = (high - low for low, high in surface.windows)
    if 0.4 <= height / width <= 2.5:
        axes.set_aspect("equal")
    finish(axes, surface.title, 2)


def levels_of(z: Array, value: float) -> Array:
    """Heights of the contours, the point's own among them: in even round steps, or each twice as far as the last.

    Doubling steps are for functions that leave most of the picture in one even step, such as Rosenbrock's.
    """
    finite = z[np.isfinite(z)]
    if not finite.size or np.ptp(finite) == 0:
        return value + np.array([-1.0, 0.0, 1.0])
    near, far = (float(q) for q in np.quantile(np.abs(finite - value), [0.25, 0.92]))
    low, high = (float(q) - value for q in np.quantile(finite, [0.04, 0.96]))
    if low == high == 0:
        low, high = (float(extreme) - value for extreme in (finite.min(), finite.max()))
    if far > _SKEWED * near:
        steps = far / 2.0 ** np.arange(_DOUBLINGS, -1, -1)
        down, up = steps[steps <= -low], steps[steps <= high]
    else:
        step = _round_step((max(high, 0) - min(low, 0)) / _LEVELS)
        down, up = (step * np.arange(1, np.ceil(max(reach, 0) / step) + 1) for reach in (-low, high))
    levels = np.concatenate([-down[::-1], [0.0], up])
    return value + (levels if len(levels) > 1 else np.array([0.0, far or 1.0]))


def _round_step(step: float) -> float:
    """Next step of 1, 2 or 5 times a power of ten."""
    power = 10.0 ** np.floor(np.log10(step))
    return float(power * next(factor for factor in (1, 2, 5, 10) if factor * power >= step))


def _draw_model(axes: Axes, surface: Surface, levels: Array) -> None:
    """Contours of the quadratic model around the point, at the heights of the function's own."""
    assert surface.grid is not None
    x, y, _ = surface.grid
    dx, dy = np.meshgrid(x - surface.at[0], y - surface.at[1])
    (a, b), (_, d) = surface.hessian
    model = (
        surface.value
        + surface.gradient[0] * dx
        + surface.gradient[1] * dy
        + (a * dx**2 + 2 * b * dx * dy + d * dy**2) / 2
    )
    model = np.where(np.hypot(dx, dy) <= 1.2 * _reach(surface), model, np.nan)
    if np.nanmax(model) == np.nanmin(model):
        return
    axes.contour(x, y, model, levels=levels, colors=INK, linewidths=0.9, linestyles=[(0, (4, 3))], alpha=0.7)
    axes.plot([], [], color=INK, linewidth=0.9, linestyle=(0, (4, 3)), label="quadratic model")


def _reach(surface: Surface) -> float:
    return _REACH * min(high - low for low, high in surface.windows)


def _draw_directions(axes: Axes, surface: Surface) -> None:
    """The Hessian's eigenvectors through the point: where the graph bends upwards, downwards, or not at all."""
    reach = _reach(surface)
    for i, (value, vector) in enumerate(zip(surface.eigenvalues, surface.eigenvectors.T, strict=True)):
        bends = value if abs(value) > surface.eigenvalue_tolerance else 0.0
        colour, word = (BLUE, "up") if bends > 0 else (ORANGE, "down") if bends < 0 else (MUTED, "not")
        ends = surface.at + np.outer([-reach, reach], vector)
        label = f"λ{'₁₂'[i]} = {number(float(value), 4)}: bends {word}"
        axes.plot(*ends.T, color=PAPER, linewidth=5, zorder=4, alpha=0.8, solid_capstyle="round")
        axes.plot(*ends.T, color=colour, linewidth=2.6, zorder=5, label=label)
