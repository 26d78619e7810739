"""The pictures of an explanation, made from its numbers alone; Matplotlib is loaded when one is drawn."""

from __future__ import annotations

import io
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from osculate._errors import WrongInput

from .curve_picture import draw_curve, height
from .data import Curve, Surface
from .palette import STYLE
from .subject import ASKED
from .surface_picture import draw_surface
from .text import missing

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(data: Curve | Surface) -> Figure:
    """Draw the picture of a curve, or of a surface over two variables.

    Raises
    ------
    WrongInput
        For three or more variables.
    MissingExtra
        Without Matplotlib.
    """
    with _drawn(data) as figure:
        return figure


def svg(data: Curve | Surface) -> str:
    """Draw the picture as SVG whose text stays text; raises what ``draw`` raises."""
    buffer = io.StringIO()
    with _drawn(data) as figure:
        figure.savefig(buffer, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    return buffer.getvalue()


@contextmanager
def _drawn(data: Curve | Surface) -> Generator[Figure]:
    """A figure in our style, which holds until the end; no pyplot, and Matplotlib's own settings are put back."""
    if isinstance(data, Surface) and data.grid is None:
        problem = f"{len(data.names)} variables have no contour picture."
        raise WrongInput(f"{ASKED}(…).figure", problem, remedy="use .text(); or fix all variables but two.")
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError as error:
        raise missing("Matplotlib", "the picture") from error
    settings: Any = STYLE
    with mpl.rc_context(settings), np.errstate(all="ignore"):
        figure = Figure(figsize=_size(data), layout="constrained")
        if isinstance(data, Curve):
            draw_curve(figure.subplots(), data)
        else:
            draw_surface(figure.subplots(), data)
        yield figure


def _size(data: Curve | Surface) -> tuple[float, float]:
    if isinstance(data, Surface):
        return 6.4, 5.6
    return 7.0, 6.2 if height(data)[2] else 5.2
