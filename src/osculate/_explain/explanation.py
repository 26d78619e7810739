"""The entrance: from a formula or a function to an ``Explanation``."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from osculate._errors import MissingExtra, WrongInput
from osculate._formula import Formula
from osculate._results import Estimate

from .curve import curve_of
from .data import EXACT, Curve, Surface
from .subject import ASKED, subject_of, windows_of
from .surface import surface_of
from .text import plain, rich_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_DERIVATIVES = 30
_UNTOLD = ("x", "y", "grid")


@dataclass(frozen=True, eq=False, repr=False)
class Explanation:
    """A function explained: numbers in ``data``, and text, page and picture made from them.

    Attributes
    ----------
    data : Curve or Surface
        The numbers, for one and for several variables.
    """

    data: Curve | Surface

    def text(self) -> str:
        """Plain lines, without colour; needs no optional package."""
        return plain(self.data)

    def __repr__(self) -> str:
        return self.text()

    def rich(self) -> Any:
        """Return a Rich renderable, for ``rich.print``."""
        return rich_text(self.data)

    def to_dict(self) -> dict[str, Any]:
        """All numbers but the samples of the picture, as plain Python values; what is not finite is None."""
        told = {name: value for name, value in vars(self.data).items() if name not in _UNTOLD}
        return {**_plain_values(told), "how": EXACT}

    def json(self) -> str:
        """``to_dict`` as JSON."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)

    def figure(self) -> Figure:
        """Picture of the graph with its circle and polynomials, or of the contours with the Hessian's directions.

        Raises
        ------
        WrongInput
            For three or more variables.
        MissingExtra
            Without Matplotlib.
        """
        from .drawing import draw

        return draw(self.data)

    def html(self) -> str:
        """Return a fragment of HTML with its picture and style inside it; no network, no script.

        Raises
        ------
        MissingExtra
            Without Matplotlib or Jinja2.
        """
        from .page import fragment

        return fragment(self.data)

    def _repr_html_(self) -> str | None:
        try:
            return self.html()
        except MissingExtra:  # a notebook then shows the text
            return None

    def save(self, path: str | Path) -> Path:
        """Write the explanation as the ending says: .html (a page), .json, .txt, .svg, .png or .pdf.

        Returns
        -------
        Path
            Where it was written.
        """
        path = Path(path)
        if path.suffix == ".html":
            from .page import page

            path.write_text(page(self.data), encoding="utf-8")
        elif path.suffix in (".json", ".txt"):
            path.write_text((self.json() if path.suffix == ".json" else self.text()) + "\n", encoding="utf-8")
        elif path.suffix in (".svg", ".png", ".pdf"):
            self.figure().savefig(path)
        else:
            problem = f"no explanation can be written as {path.suffix or 'a file without an ending'!r}."
            raise WrongInput(f"{ASKED}(…).save", problem, remedy="use .html, .json, .txt, .svg, .png or .pdf.")
        return path


def explain(formula: str | Formula | Callable[..., Any], at: Any = None, on: Any = None, order: int = 5) -> Explanation:
    """Explain a formula or a function: what its derivatives say at a point and over a window.

    In one variable: f, f′, …, f⁽ᵒʳᵈᵉʳ⁾ and the Taylor polynomials at the point, concavity, the curvature
    κ = |f″| / (1 + f′²)^(3/2) with its osculating circle, and over the window extrema and inflections, found by changes
    of sign and not proven complete. In several variables: gradient, Hessian, the kind of point, eigenvalues and the
    principal curvatures of the graph.

    Parameters
    ----------
    formula : str, Formula or callable
        ``"x^4 - 3x^2 + x"``, or a function of one number, of several numbers, or of one vector, written with NumPy or
        JAX, that returns one number.
    at : number, sequence, dict or str, optional
        The point: ``1.0``, ``(0.0, 1.0)``, ``{"x": 0.0, "y": 1.0}``, ``"x=0, y=pi/2"``. By default 0, or a point near
        it where f is smooth.
    on : pair, pairs, dict or str, optional
        The window: ``(-3, 3)`` or ``"-3:3"``, one for all variables or one for each. By default 3 to both sides of the
        point (2 in several variables).
    order : int
        Highest derivative, 1 to 30; for one variable.

    Returns
    -------
    Explanation
        ``.text()``, ``.rich()``, ``.html()``, ``.figure()``, ``.json()``, ``.save(path)``, and the numbers in
        ``.data``, computed in double precision. It shows itself in a notebook.

    Raises
    ------
    WrongInput
        For a formula that cannot be read (with a caret under the place), a point or window that does not fit its
        variables, and where f or one of its first two derivatives is not finite.
    WrongType
        For something that is neither formula nor function, and for a point that is traced.

    Notes
    -----
    M. P. do Carmo, *Differential Geometry of Curves and Surfaces*, 2nd edition, Dover 2016, sections 1-5 and 3-3.

    Examples
    --------
    >>> import osculate
    >>> told = osculate.explain("x^3 - 3x", at=1, order=3)
    >>> told.data.derivatives
    array([-2.,  0.,  6.,  6.])
    >>> [(place.kind, float(place.at)) for place in told.data.extrema]
    [('maximum', -1.0), ('minimum', 1.0)]
    >>> print(osculate.explain("sin(x)", order=3).text().split("order 3  ")[1].splitlines()[0])
    x − x³/6
    """
    if order not in range(1, MOST_DERIVATIVES + 1) or isinstance(order, bool):
        raise WrongInput(ASKED, f"order is {order!r}.", remedy=f"choose a whole number from 1 to {MOST_DERIVATIVES}.")
    subject = subject_of(formula, at)
    windows = windows_of(on, subject.names)
    with jax.enable_x64(True):
        if subject.several:
            return Explanation(surface_of(subject, windows))
        return Explanation(curve_of(subject, windows[0] if windows else None, order))


def _plain_values(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain_values(entry) for key, entry in value.items()}
    if isinstance(value, Estimate):
        return _plain_values(vars(value))
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_plain_values(entry) for entry in value]
    if isinstance(value, (float, np.floating)):
        return float(value) + 0.0 if np.isfinite(value) else None
    if isinstance(value, np.integer):
        return int(value)
    return value if isinstance(value, (int, str)) or value is None else _plain_values(asdict(value))
