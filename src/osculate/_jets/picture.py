"""The picture of a Taylor polynomial: its graph, or its contour lines; Matplotlib is loaded when one is drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from osculate._arguments import refuse_tracers
from osculate._errors import MissingExtra, WrongInput

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .polynomial import Taylor

Array = np.ndarray[Any, Any]

ASKED = "Taylor.plot"
_INK, _MUTED, _BLUE, _RED = "#1a1e24", "#8a94a0", "#1d5fc4", "#c22f4b"
_STYLE: dict[str, Any] = {
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": _MUTED,
    "axes.labelcolor": _INK,
    "xtick.color": _MUTED,
    "ytick.color": _MUTED,
    "xtick.labelcolor": _INK,
    "ytick.labelcolor": _INK,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#dde1e6",
    "grid.linewidth": 0.7,
    "legend.frameon": False,
    "savefig.dpi": 150,
}


def draw(polynomial: Taylor, f: Callable[..., Any] | None, window: Any, axes: Axes | None) -> Axes:
    """Draw a polynomial of one or two variables; see ``Taylor.plot``."""
    leaves = jax.tree.leaves(polynomial.coefficients)
    refuse_tracers(ASKED, leaves)
    scalar = len(leaves) == 1 and leaves[0].ndim == 1 and not np.iscomplexobj(leaves[0])
    if not scalar or polynomial.variables > 2 or (polynomial.exponents is None and np.ndim(polynomial.center)):
        raise WrongInput(
            ASKED,
            f"a picture needs one real output and one or two variables, but there are {polynomial.variables} variables "
            f"and outputs {[leaf.shape[1:] for leaf in leaves]}",
            remedy="osculate.taylor(f, order)(x, direction).plot() shows the polynomial along a line",
        )
    center = np.concatenate([np.ravel(np.asarray(c, float)) for c in jax.tree.leaves(polynomial.center)])
    ends = _window(polynomial, center, window)
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtra(
            ASKED, "the picture needs Matplotlib, which is not installed", remedy='pip install "osculate[report]"'
        ) from error
    settings: Any = _STYLE
    with mpl.rc_context(settings), np.errstate(all="ignore"):
        if axes is None:
            axes = Figure(figsize=(6.4, 4.2 if polynomial.variables == 1 else 5.2), layout="constrained").subplots()
        if polynomial.variables == 1:
            _graph(axes, polynomial, f, center[0], ends[0])
        else:
            _contours(axes, polynomial, f, center, ends)
    return axes


def _window(polynomial: Taylor, center: Array, window: Any) -> Array:
    """The ends of each variable: by default as far as the series converges, or a little way on either side."""
    if window is None:
        reach = 2.0 if polynomial.variables == 1 else 1.0
        if polynomial.exponents is None and polynomial.order >= 7:
            radius = float(polynomial.radius())
            reach = 1.2 * radius if np.isfinite(radius) and radius > 0 else reach
        return np.stack([center - reach, center + reach], axis=1)
    try:
        ends = np.broadcast_to(np.asarray(window, float), (len(center), 2))
    except (TypeError, ValueError):
        ends = np.zeros((len(center), 2))
    if not np.all(ends[:, 0] < ends[:, 1]):
        raise WrongInput(
            ASKED, f"window={window!r} is no interval", remedy="window=(-1, 1), or one pair for each variable"
        )
    return ends


def _graph(axes: Axes, polynomial: Taylor, f: Callable[..., Any] | None, center: float, ends: Array) -> None:
    x = np.linspace(ends[0], ends[1], 401)
    y = np.asarray(polynomial(x), float)
    value = float(np.asarray(jax.tree.leaves(polynomial.coefficients)[0])[0])
    name = "t" if polynomial.directional else "x"
    if f is not None:
        truth = np.array([float(f(point)) for point in x])
        axes.plot(x, truth, color=_MUTED, linewidth=3.5, alpha=0.6, label="f", solid_capstyle="round")
        low, high = (
            np.nanmin(np.where(np.isfinite(truth), truth, np.nan)),
            np.nanmax(np.where(np.isfinite(truth), truth, np.nan)),
        )
        margin = 0.6 * (high - low) + 1e-12
        axes.set_ylim(low - margin, high + margin)
    axes.plot(x, y, color=_BLUE, linewidth=1.8, label=f"Taylor polynomial of order {polynomial.order}")
    axes.plot([center], [value], "o", color=_RED, markersize=6, zorder=5, label=f"{name} = {center:.4g}")
    axes.set_xlim(*ends)
    axes.set_xlabel(name)
    axes.legend(loc="best", fontsize=9)


def _contours(axes: Axes, polynomial: Taylor, f: Callable[..., Any] | None, center: Array, ends: Array) -> None:
    from matplotlib.ticker import MaxNLocator

    across, up = (np.linspace(low, high, 121) for low, high in ends)
    structure = jax.tree.structure(polynomial.center)
    shapes = [np.shape(leaf) for leaf in jax.tree.leaves(polynomial.center)]

    def point(pair: Array) -> Any:
        parts = np.split(pair, np.cumsum([int(np.prod(s)) for s in shapes])[:-1], axis=-1)
        return jax.tree.unflatten(
            structure, [p.reshape(pair.shape[:-1] + s) for p, s in zip(parts, shapes, strict=True)]
        )

    grid = np.stack(np.meshgrid(across, up), axis=-1)
    heights = np.asarray(polynomial(point(grid)), float)
    low, high = np.nanquantile(heights, [0.01, 0.99])
    levels = MaxNLocator(14).tick_values(low, high)
    lines = axes.contour(across, up, heights, levels=levels, cmap="viridis", linewidths=1.4)
    axes.clabel(lines, fontsize=8, fmt="%.3g")
    if f is not None:
        coarse = grid[::3, ::3]
        truth = np.array([[float(f(point(pair))) for pair in row] for row in coarse])
        axes.contour(
            across[::3], up[::3], truth, levels=lines.levels, colors=_MUTED, linestyles="dashed", linewidths=0.9
        )
        axes.plot([], [], color=_MUTED, linestyle="dashed", linewidth=0.9, label="f")
    axes.plot(*center, "o", color=_RED, markersize=6, label=f"({center[0]:.4g}, {center[1]:.4g})")
    axes.plot([], [], color="#31688e", linewidth=1.4, label=f"Taylor polynomial of order {polynomial.order}")
    axes.set_xlabel("x0")
    axes.set_ylabel("x1")
    axes.figure.legend(loc="outside lower center", ncols=3, fontsize=9)  # pyright: ignore[reportAttributeAccessIssue]
