"""How many eigenvalues are positive, negative and zero, from factorisations whose signs are certain."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .factor import EPSILON
from .factorise import factorise
from .form import Form

SMALL = 2000
"""Sizes up to which all eigenvalues are computed where nothing else is certain."""


class _Counts(NamedTuple):
    positive: int
    negative: int
    zero: int


class Inertia(_Counts):
    """How many eigenvalues are positive, negative and zero: a named tuple of three.

    Attributes
    ----------
    positive, negative, zero : int
        The counts; they sum to n.
    how : str
        How they were obtained.
    tolerance : float
        Eigenvalues of at most this absolute value count as zero; 0.0 where none is that close.

    Notes
    -----
    Sylvester's law of inertia: H and L D Lᵀ = H have as many negative eigenvalues as D. The counts are given only if
    the rounding of the factorisation cannot have moved an eigenvalue across zero; otherwise H ± tolerance·I are
    factorised, and what lies between is counted as zero.

    Examples
    --------
    >>> import numpy as np, osculate
    >>> positive, negative, zero = osculate.hessian_operator(lambda x: x[0] ** 2 - x[1] ** 2)(np.zeros(2)).inertia()
    >>> positive, negative, zero
    (1, 1, 0)
    """

    how: str
    tolerance: float

    def __new__(cls, positive: int, negative: int, zero: int, how: str = "", tolerance: float = 0.0) -> Inertia:
        """Three counts, with how they were obtained."""
        counts = super().__new__(cls, positive, negative, zero)
        counts.how, counts.tolerance = how, tolerance
        return counts

    def __repr__(self) -> str:
        within = f", |λ| ≤ {self.tolerance:.2g} counts as zero" if self.tolerance else ""
        counts = f"positive={self.positive}, negative={self.negative}, zero={self.zero}"
        return f"Inertia({counts}; {self.how}{within})"


class Undecided(Exception):
    """The signs of the eigenvalues cannot be told from rounding."""


def inertia(form: Form, tolerance: float | None = None) -> Inertia:
    """The inertia of a form; raises ``Undecided`` rather than guess."""
    n = form.size
    if tolerance is None:
        if form.kind == "diagonal" and not form.corner.size and not form.signs.size:
            positive, negative = (int(np.count_nonzero(side * form.core > 0)) for side in (1, -1))
            return Inertia(positive, negative, n - positive - negative, "the signs of the diagonal")
        factor = factorise(form)
        if factor.negative is not None and factor.certain:
            return Inertia(n - factor.negative, factor.negative, 0, f"the signs of the pivots: {factor.how}")
    scale = form.norm()
    if scale == 0:
        return Inertia(0, 0, n, "all entries are zero")
    first = max(EPSILON, form.epsilon) * scale
    count = 3 if n <= SMALL else 9  # wider than that, all eigenvalues tell more
    widths = [first * 8 * 10**k for k in range(count)] if tolerance is None else [tolerance]
    for width in widths:
        found = _between(form, width)
        if found is not None:
            return found
    if n <= SMALL:
        return _dense(form, tolerance)
    raise Undecided(f"the factorisations of the matrix ± {widths[-1]:.2g} are not certain of their signs either")


def _between(form: Form, width: float) -> Inertia | None:
    """The counts where eigenvalues of absolute value up to ``width`` are zero; None where that is not certain."""
    above, below = factorise(form.shifted(width)), factorise(form.shifted(-width))
    if above.negative is None or below.negative is None or not (above.certain and below.certain):
        return None
    negative, positive = above.negative, form.size - below.negative
    how = f"the signs of the pivots of H ± {width:.2g}: {above.how}"
    return Inertia(positive, negative, form.size - positive - negative, how, width)


def _dense(form: Form, tolerance: float | None) -> Inertia:
    values = np.linalg.eigvalsh(form.product(np.eye(form.size)))
    least = form.size * max(EPSILON, form.epsilon) * float(np.abs(values).max())
    width = max(least, tolerance or 0.0)
    positive, negative = int(np.count_nonzero(values > width)), int(np.count_nonzero(values < -width))
    return Inertia(positive, negative, form.size - positive - negative, "all eigenvalues", width)
