"""What an explanation knows: numbers alone, apart from how they are told or drawn."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from osculate._results import Estimate

Array = np.ndarray[Any, Any]
Window = tuple[float, float]

EXACT = "exact: algorithmic derivatives, rounding only"
SOLVED = "exact derivatives, then a dense symmetric eigensolver, rounding only"
FOUND = "numerical ± bracket: changes of sign on a refined grid, halved down to rounding; found, not proven complete"


@dataclass(frozen=True)
class Place:
    """A point of the graph that was found by a change of sign: its ``kind`` and where it is.

    Attributes
    ----------
    kind : str
        For extrema ``minimum`` or ``maximum``; for inflections ``inflection``, or ``stationary inflection`` where also
        f′ = 0.
    at : Estimate
        Where: a number and the bracket it was found in.
    value : float
        f there.
    smooth : bool
        Whether the derivative passes through zero; False at a corner, a cusp, or where f″ jumps.
    """

    kind: Literal["minimum", "maximum", "inflection", "stationary inflection"]
    at: Estimate
    value: float
    smooth: bool


@dataclass(frozen=True, eq=False)
class Curve:
    """A function of one variable, at a point and over a window.

    Attributes
    ----------
    title, name, notes
        The function as understood, ``f(x) = x**4``; its variable; and how it was read and looked at.
    at : float
        The point.
    derivatives, coefficients : array (order + 1,)
        f⁽ᵏ⁾ and f⁽ᵏ⁾/k! at the point. Exact.
    kind : str
        ``regular``, ``minimum``, ``maximum``, ``stationary inflection`` (f′ = 0 and no extremum), ``undecided`` (all
        derivatives up to the order vanish to rounding) or ``irregular`` (f, f′ or f″ jumps there).
    concavity : str
        ``convex`` (f″ > 0), ``concave`` (f″ < 0), ``straight`` (f″ = 0 to rounding) or ``undefined`` (it jumps there).
    kappa, radius : float
        |f″|/(1 + f′²)^{3/2} and its inverse. Exact; NaN where f, f′ or f″ jumps.
    center : array (2,) or None
        Centre of the osculating circle; None where the graph is straight to second order.
    window : (float, float)
        Where extrema and inflections were looked for.
    extrema, inflections : tuple of Place
        Those found, from left to right; not proven complete.
    breaks : tuple of Estimate
        Poles, jumps and holes that were met on the way.
    undefined : tuple of (float, float)
        Stretches of the window where f has no finite value.
    x, y : array (N,)
        The graph, sampled.
    """

    title: str
    name: str
    notes: tuple[str, ...]
    at: float
    derivatives: Array
    coefficients: Array
    kind: str
    concavity: str
    kappa: float
    radius: float
    center: Array | None
    window: Window
    extrema: tuple[Place, ...]
    inflections: tuple[Place, ...]
    breaks: tuple[Estimate, ...]
    undefined: tuple[Window, ...]
    x: Array = field(repr=False)
    y: Array = field(repr=False)

    @property
    def order(self) -> int:
        """Highest derivative at the point."""
        return len(self.derivatives) - 1


@dataclass(frozen=True, eq=False)
class Surface:
    """A function of several variables, at a point.

    Attributes
    ----------
    title, names, notes
        The function as understood, ``f(x, y) = x*y``; its variables; and how it was read and looked at.
    at : array (n,)
        The point.
    value, gradient, hessian : float, array (n,), array (n, n)
        f and its first two derivatives. Exact.
    kind : str
        ``minimum``, ``maximum``, ``saddle``, ``degenerate``, ``regular`` (the gradient is not zero) or
        ``irregular`` (f or one of its first two derivatives jumps there).
    index : int
        Number of negative eigenvalues of the Hessian.
    gradient_norm, gradient_tolerance, eigenvalue_tolerance : float
        ‖∇f‖, and up to which size it, and an eigenvalue of the Hessian, count as zero.
    eigenvalues, eigenvectors : array (n,), array (n, n)
        Of the Hessian, from the smallest; a vector a column.
    principal, directions : array (n,), array (n, n)
        Principal curvatures of the graph, with the upward normal, and their directions.
    mean, gaussian : float
        Mean of the principal curvatures, and their product.
    windows : tuple of (float, float)
        Of the picture.
    grid : tuple of arrays or None
        x (m,), y (m,), z (m, m) for two variables.
    """

    title: str
    names: tuple[str, ...]
    notes: tuple[str, ...]
    at: Array
    value: float
    gradient: Array
    hessian: Array
    kind: str
    index: int
    gradient_norm: float
    gradient_tolerance: float
    eigenvalue_tolerance: float
    eigenvalues: Array
    eigenvectors: Array
    principal: Array
    directions: Array
    mean: float
    gaussian: float
    windows: tuple[Window, ...]
    grid: tuple[Array, Array, Array] | None = field(repr=False)

    @property
    def definiteness(self) -> str:
        """Word for the signs of the Hessian's eigenvalues."""
        small = self.eigenvalue_tolerance
        positive, negative = (self.eigenvalues > small).sum(), (self.eigenvalues < -small).sum()
        if positive and negative:
            return "indefinite"
        if not positive and not negative:
            return "zero"
        word = "positive" if positive else "negative"
        return f"{word} definite" if positive + negative == len(self.eigenvalues) else f"{word} semidefinite"
