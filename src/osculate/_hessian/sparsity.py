"""The sparsity pattern of a Hessian, and a picture of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
import scipy.sparse

from osculate._arguments import Argnums, Point, transform
from osculate._errors import Unreadable, WrongInput
from osculate._structure import Fallback, TooManyTerms, entries, index_constants

from .pattern import entries_by_sets
from .structured import structure_of

_ASKED = "osculate.sparsity"
_HEIGHT, _WIDTH = 16, 32
_QUARTERS = " ▘▝▀▖▌▞▛▗▚▐▜▄▙▟█"


@dataclass(frozen=True, eq=False)
class Sparsity:
    """Which entries of a Hessian may differ from zero, whatever the point; printing it shows a picture.

    Attributes
    ----------
    shape : (int, int)
        n rows and n columns, in the order of ``jax.flatten_util.ravel_pytree``.
    rows, cols : ndarray of int
        The entries, row by row.
    fallbacks : tuple
        The steps of the function that were read as depending on all of their inputs, each with the user's line: there
        the pattern may hold more entries than needed, never fewer.
    """

    shape: tuple[int, int]
    rows: np.ndarray[Any, Any]
    cols: np.ndarray[Any, Any]
    fallbacks: tuple[Fallback, ...]

    @property
    def nnz(self) -> int:
        """How many entries there are."""
        return len(self.rows)

    def to_scipy(self) -> scipy.sparse.csr_array:
        """The pattern as a matrix of booleans."""
        return scipy.sparse.csr_array((np.ones(self.nnz, bool), (self.rows, self.cols)), shape=self.shape)

    def __str__(self) -> str:
        n = self.shape[0]
        dense = ", ".join(f"{f.primitive} ({f.where})" if f.where else f.primitive for f in self.fallbacks)
        lines = [f"{n} × {n}, {self.nnz} entries ({self.nnz / n**2:.2%})", *_picture(self)]
        return "\n".join([*lines, f"read as dense: {dense}"] if dense else lines)


def _picture(pattern: Sparsity) -> list[str]:
    """Four entries, or squares of entries, to a character."""
    n = pattern.shape[0]
    height, width = min(2 * _HEIGHT, n + n % 2), min(2 * _WIDTH, n + n % 2)
    scale = max(n, 2)
    down, across = (pattern.rows * min(height, n)) // scale, (pattern.cols * min(width, n)) // scale
    cells = np.zeros((height, width), int)
    cells[down, across] = 1
    quarters = cells[::2, ::2] + 2 * cells[::2, 1::2] + 4 * cells[1::2, ::2] + 8 * cells[1::2, 1::2]
    frame = "─" * quarters.shape[1]
    rows = ["│" + "".join(_QUARTERS[q] for q in row) + "│" for row in quarters]
    return [f"┌{frame}┐", *rows, f"└{frame}┘"]


def sparsity(f: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Sparsity]:
    """Sparsity pattern of the Hessian of a scalar function: all (i, j) at which ∂²f/∂xᵢ∂xⱼ may differ from zero.

    Parameters
    ----------
    f : callable
        Returns one real number; written with JAX or with plain NumPy.
    argnums : int or sequence of int
        The positional arguments to differentiate with respect to.

    Returns
    -------
    callable
        Takes the arguments of ``f``; returns a ``Sparsity``. Only the shapes of the point matter, and the values of the
        indices that f closes over.

    Raises
    ------
    WrongInput, WrongType, Unreadable
        When called: for an f with several outputs, a point of integers, an f that cannot be traced, and a pattern that
        is too large to be read.

    Notes
    -----
    Edge pushing on whole arrays (Gower and Mello, *A new framework for the computation of Hessians*, Optimization
    Methods and Software 27, 2012). It never misses an entry; where values cancel it may hold one too many. Where its
    terms outgrow their limits, the pattern comes from the sets of inputs that each entry of the gradient depends on.

    Examples
    --------
    A chain couples each variable with its neighbours:

    >>> import numpy as np, osculate
    >>> print(osculate.sparsity(lambda x: ((x[1:] - x[:-1]) ** 2).sum())(np.zeros(6)))
    6 × 6, 16 entries (44.44%)
    ┌───┐
    │█▖ │
    │▝█▖│
    │ ▝█│
    └───┘
    """
    return transform(_ASKED, f, _sparsity, argnums=argnums)


def _sparsity(point: Point) -> Sparsity:
    point.require_scalar()
    structure = structure_of(point.trace, index_constants(point.trace))
    remedy = "osculate.hessian_operator(f)(x) gives products with the Hessian, without a pattern"
    size = sum(leaf.size for leaf in jax.tree.leaves(point.primals))
    if isinstance(structure, TooManyTerms):
        by_sets = entries_by_sets(point)
        if isinstance(by_sets, str):
            reason = f"the structure is too large to be read: {structure.reason}, and {by_sets}"
            raise point.error(Unreadable, reason, remedy)
        return Sparsity((size, size), *by_sets, ())
    try:
        found = entries(structure)
    except MemoryError as error:
        raise point.error(WrongInput, str(error), remedy) from error
    return Sparsity((size, size), found.rows, found.columns, structure.fallbacks)
