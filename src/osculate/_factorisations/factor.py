"""A factorised symmetric matrix: what it can answer, and how far its rounding may have moved the matrix."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

Numbers = np.ndarray[Any, Any]

MARGIN = 10.0
"""How much an estimated norm of the inverse may lie below the norm."""

EPSILON = float(np.finfo(np.float64).eps)


class LogDeterminant(NamedTuple):
    """Sign and logarithm of the absolute value of a determinant, as ``numpy.linalg.slogdet`` returns them."""

    sign: float
    logabsdet: float


@dataclass(frozen=True, eq=False)
class Factor:
    """A factorisation of a symmetric matrix.

    Attributes
    ----------
    size : int
        n.
    how : str
        The method.
    apply : callable
        Solves with right-hand sides (n,) or (n, m).
    determinant : LogDeterminant
        Of the matrix.
    negative : int or None
        How many pivots are negative; None where the method's pivots say nothing about eigenvalues.
    error : float
        Bound on the norm of the difference between what was factorised and the matrix.
    lower : object
        The triangular factor with ones on the diagonal, or Cholesky's, in the method's own storage, and ``pivots``.
    order : array of int or None
        The rows of the matrix in the order in which they were eliminated; None: as they are.
    decided : bool or None
        Whether the signs of the pivots are those of the eigenvalues, where the method knows better than by ``error``.
    """

    size: int
    how: str
    apply: Callable[[Numbers], Numbers] = field(repr=False)
    determinant: LogDeterminant
    negative: int | None
    error: float
    lower: Any = field(default=None, repr=False)
    pivots: Numbers | None = field(default=None, repr=False)
    order: Numbers | None = field(default=None, repr=False)
    decided: bool | None = None

    @property
    def positive_definite(self) -> bool:
        """Whether all pivots are positive."""
        return self.negative == 0 and self.determinant.sign > 0

    @cached_property
    def certain(self) -> bool:
        """Whether the signs of the pivots are those of the eigenvalues, in spite of rounding.

        The factorised matrix is the given one plus E; no eigenvalue crosses zero if ‖E‖ is below the smallest of their
        absolute values, which is 1 / ‖inverse‖ (Weyl's theorem).
        """
        if self.negative is None or self.determinant.sign == 0 or not np.isfinite(self.determinant.logabsdet):
            return False
        if self.decided is not None:
            return self.decided
        return bool(MARGIN * self.error * self.inverse_norm < 1)

    @cached_property
    def inverse_norm(self) -> float:
        """‖inverse‖, estimated from below by power iteration on three vectors."""
        v = np.random.default_rng(0).standard_normal((self.size, 3))
        norm = 0.0
        with np.errstate(all="ignore"):
            for _ in range(5):
                v = self.apply(v / np.linalg.norm(v, axis=0))
                grown = np.linalg.norm(v, axis=0)
                if not np.isfinite(grown).all():
                    return np.inf
                norm = max(norm, float(grown.max()))
                if not grown.min() > 0:
                    return norm
        return norm


def singular(size: int, how: str) -> Factor:
    """What is returned for a matrix with a zero pivot: it solves nothing."""

    def nothing(right: Numbers) -> Numbers:
        return np.full(right.shape, np.nan)

    return Factor(size, how, nothing, LogDeterminant(0.0, -np.inf), None, np.inf)


def of_pivots(pivots: Numbers) -> LogDeterminant:
    """The determinant from pivots."""
    if not np.all(pivots != 0):
        return LogDeterminant(0.0, -np.inf)
    sign = -1.0 if np.count_nonzero(pivots < 0) % 2 else 1.0
    return LogDeterminant(sign, float(np.log(np.abs(pivots)).sum()))


def rowwise(scale: Numbers, values: Numbers) -> Numbers:
    """Each row of a vector or matrix multiplied by its number."""
    return scale * values if values.ndim == 1 else scale[:, None] * values
