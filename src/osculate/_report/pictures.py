"""The pictures of a report: the spectrum, the sharpness over training, the slices of the function."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .data import Number, ReportData, Slice, Spectrum, TrainingRun
from .drawing import BLUE, GREEN, INK, MUTED, ORANGE, RED, canvas, inline_svg
from .words import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[np.float64]
RUNS = (GREEN, BLUE, ORANGE, RED, INK, MUTED)
"""Colours of the runs, in order; the page's legend uses the same."""


def spectrum_picture(data: ReportData) -> str | None:
    """Eigenvalues on a signed-log axis: the density with its error band, or every eigenvalue of a small problem."""
    spectrum = data.spectrum
    if spectrum is None:
        return None
    largest = max(map(abs, spectrum.eigenvalues)) or 1.0
    linear = linear_part(spectrum, largest)
    with canvas(7.0, 3.2) as (figure, (axes,)):
        axes.set_xscale("asinh", linear_width=linear)
        if spectrum.grid:
            draw_density(axes, spectrum, linear, data.size)
        else:
            draw_eigenvalues(axes, spectrum)
        draw_negative(axes, spectrum, linear)
        axes.set_xlabel("eigenvalue λ (signed logarithm)")
        few_ticks(axes, linear, largest)
        draw_threshold(axes, data)
        axes.grid(axis="x", visible=False)
        description = f"Spectrum from {number(spectrum.eigenvalues[0])} to {number(spectrum.eigenvalues[-1])}"
        return inline_svg(figure, "spectrum", description)


def linear_part(spectrum: Spectrum, largest: float) -> float:
    """Where the axis turns linear about 0: at what the density cannot resolve, or at the small eigenvalues."""
    if spectrum.grid:
        return spectrum.resolution
    sizes = np.abs(spectrum.eigenvalues)
    small = sizes[sizes > 1e-6 * largest]
    return float(max(min(small.min(initial=largest), largest / 10), 1e-6 * largest))


def heading(axes: Axes, text: str) -> None:
    """Name the height above its axis, where it is read without turning the head and never runs into the ticks."""
    axes.set_title(text, loc="left", fontsize=10)


def draw_density(axes: Axes, spectrum: Spectrum, linear: float, size: int) -> None:
    """How many eigenvalues there are to a decade of the axis, so that equal areas are equal numbers."""
    grid, density, error = (np.asarray(part) for part in (spectrum.grid, spectrum.density, spectrum.density_error))
    decade = size * np.log(10) * np.hypot(grid, linear)
    low, middle, high = (np.maximum(part * decade, 0.1) for part in (density - error, density, density + error))
    axes.set_yscale("log")
    axes.fill_between(grid, low, high, color=BLUE, alpha=0.25, linewidth=0)
    axes.plot(grid, middle, color=BLUE)
    axes.set_ylim(0.2, 3 * float(high.max()))
    ends = np.asarray(spectrum.eigenvalues)
    axes.plot(ends, np.full(ends.shape, 0.4), "|", color=INK, markersize=9)
    heading(axes, "eigenvalues to a decade")


def draw_eigenvalues(axes: Axes, spectrum: Spectrum) -> None:
    """Every measured eigenvalue as a pin: how many are not above λ."""
    values = np.asarray(spectrum.eigenvalues)
    count = np.arange(1, len(values) + 1)
    axes.vlines(values, 0, count, color=BLUE, linewidth=1 if len(values) > 30 else 1.7, alpha=0.55)
    axes.plot(values, count, "o", color=BLUE, markersize=6 if len(values) <= 30 else 2.5)
    heading(axes, "eigenvalues up to λ" if spectrum.exact else "eigenvalues at the ends, numbered")
    axes.set_ylim(0, 1.12 * len(values))
    if len(values) <= 8:
        axes.set_yticks(range(len(values) + 1))


def draw_negative(axes: Axes, spectrum: Spectrum, linear: float) -> None:
    """Mark the part of the axis with negative curvature."""
    lowest, highest = min(spectrum.eigenvalues), max(spectrum.eigenvalues)
    span = max(abs(lowest), abs(highest), linear)
    left = -max(3 * abs(lowest), linear) if lowest < 0 else -0.6 * linear
    right = max(3 * highest, linear) if highest > 0 else 0.6 * linear
    axes.set_xlim(left, right)
    axes.axvline(0, color=MUTED, linewidth=0.8)
    if lowest < -spectrum.errors[0]:
        axes.axvspan(left, 0, color=RED, alpha=0.10, linewidth=0)
        axes.annotate(
            "negative curvature",
            (left if abs(lowest) > 1e-3 * span else 0, 1),
            xycoords=("data", "axes fraction"),
            xytext=(4 if abs(lowest) > 1e-3 * span else -4, -4),
            textcoords="offset points",
            ha="left" if abs(lowest) > 1e-3 * span else "right",
            va="top",
            color=RED,
            fontsize=9.5,
        )


def draw_threshold(axes: Axes, data: ReportData) -> None:
    """Dashed line at the largest sharpness that the optimizer stands (Adam's lives on another axis)."""
    limit = data.stability.threshold
    if limit is None or data.stability.optimizer == "adam":
        return
    low, high = axes.get_xlim()
    axes.set_xlim(low, max(high, 2 * limit) if limit < 1e3 * high else high)
    if limit <= axes.get_xlim()[1]:
        axes.axvline(limit, color=ORANGE, linestyle=(0, (4, 3)), linewidth=1.3)
        axes.annotate(
            f"threshold {number(limit)}",
            (limit, 1),
            xycoords=("data", "axes fraction"),
            xytext=(0, 4),
            textcoords="offset points",
            ha="right",
            va="bottom",
            color=ORANGE,
            fontsize=9.5,
        )


def few_ticks(axes: Axes, linear: float, largest: float) -> None:
    """Powers of ten, at most four a side, and 0: what a narrow screen can carry."""
    lowest, highest = axes.get_xlim()
    first, last = np.ceil(np.log10(linear)), np.floor(np.log10(3 * largest))
    stride = max(1, int(np.ceil((last - first + 1) / 4)))
    powers = 10.0 ** np.arange(last, first - 0.5, -stride)
    ticks = [0.0, *powers[powers <= highest], *(-powers[-powers >= lowest])]
    axes.set_xticks(ticks, labels=[number(tick, 1).replace("1·", "") for tick in ticks])
    axes.minorticks_off()


def training_picture(data: ReportData) -> str | None:
    """Sharpness over its threshold, with the line at 1, above the losses of the same runs."""
    runs = data.training
    if not runs:
        return None
    losses = any(run.losses for run in runs)
    shape: dict[str, Any] = {"height_ratios": (3, 2)} if losses else {}
    with canvas(7.0, 4.6 if losses else 3.0, 2 if losses else 1, sharex=True, **shape) as (figure, axes):
        draw_sharpness(axes[0], runs)
        if losses:
            draw_losses(axes[1], runs)
        axes[-1].set_xlabel("step")
        axes[-1].set_xlim(left=0)
        last = ", ".join(f"{run.label} ends at {number(run.ratios[-1], 3)}" for run in runs if run.steps)
        return inline_svg(figure, "training", f"Sharpness over its threshold during training: {last}")


def draw_sharpness(axes: Axes, runs: tuple[TrainingRun, ...]) -> None:
    """Ratio of sharpness to threshold for each run, its residual bound as a band."""
    axes.axhline(1, color=INK, linestyle=(0, (4, 3)), linewidth=1.1)
    for run, colour in zip(runs, RUNS * len(runs), strict=False):
        steps, ratio = np.asarray(run.steps), np.asarray(run.ratios)
        error = np.asarray(run.error) / run.threshold
        axes.fill_between(steps, ratio - error, ratio + error, color=colour, alpha=0.25, linewidth=0)
        axes.plot(steps, ratio, color=colour)
    heading(axes, "sharpness / threshold")
    axes.set_ylim(0, max(1.25, min(2.0, 1.1 * max((max(run.ratios, default=0) for run in runs), default=1))))


def draw_losses(axes: Axes, runs: tuple[TrainingRun, ...]) -> None:
    """Losses on a logarithmic axis."""
    positive = True
    for run, colour in zip(runs, RUNS * len(runs), strict=False):
        axes.plot(run.loss_steps, run.losses, color=colour, linewidth=1.2)
        positive = positive and all(loss > 0 for loss in run.losses)
    axes.set_yscale("log" if positive else "linear")
    heading(axes, "loss")


def slice_picture(data: ReportData, piece: Slice) -> str:
    """One slice: the function, the quadratic model over it, and how far the model reaches."""
    value: Number | None = data.number("value")
    with canvas(4.1, 2.7) as (figure, (axes,)):
        if piece.reach is not None:
            axes.axvspan(-piece.reach, piece.reach, color=MUTED, alpha=0.13, linewidth=0)
        axes.plot(piece.distances, piece.values, color=BLUE, linewidth=2.2)
        axes.plot(piece.distances, piece.model, color=ORANGE, linestyle=(0, (4, 3)))
        if value is not None:
            axes.plot([0], [value.value], "o", color=INK, markersize=5)
        axes.set_xlabel("distance t")
        fit_height(axes, np.asarray(piece.values), np.asarray(piece.model))
        axes.locator_params(axis="x", nbins=5)
        axes.locator_params(axis="y", nbins=5)
        return inline_svg(figure, f"slice-{piece.key}", f"{piece.label}: curvature {number(piece.curvature)}")


def fit_height(axes: Axes, values: Array, model: Array) -> None:
    """Show the function whole, and the model as far as it does not dwarf the function."""
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        return
    low, high = float(finite.min()), float(finite.max())
    room = max(high - low, 1e-12 * max(abs(low), abs(high)), 1e-300)
    bottom, top = max(float(model.min()), low - room), min(float(model.max()), high + room)
    low, high = min(low, bottom), max(high, top)
    axes.set_ylim(low - 0.06 * (high - low), high + 0.1 * (high - low))
