"""Cholesky's factorisation, kept in the storage of the matrix's form."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.sparse

from .banded import lower_as_sparse
from .factor import Factor, LogDeterminant, Numbers
from .factorise import factorise
from .form import Form


class NotPositiveDefinite(Exception):
    """The matrix has no Cholesky factorisation; ``factor`` is what was found instead."""

    def __init__(self, factor: Factor) -> None:
        self.factor = factor
        super().__init__("not positive definite")


@dataclass(frozen=True, eq=False)
class Cholesky:
    """H[p][:, p] = L Lᵀ.

    Attributes
    ----------
    L : array, sparse array, or None
        Lower triangular (n, n): a NumPy array for dense matrices, otherwise a ``scipy.sparse`` one. None for a form
        with outer products, whose triangular factor is full; ``solve`` and ``logdet`` work all the same.
    permutation : array of int (n,)
        p: the row of H at each row of L.
    how : str
        The method.

    Examples
    --------
    >>> import numpy as np, osculate
    >>> H = osculate.hessian_operator(lambda x: (x**2).sum() + x[0] * x[1])(np.zeros(2))
    >>> factor = H.cholesky()
    >>> np.asarray(factor.L @ factor.L.T)
    array([[2., 1.],
           [1., 2.]])
    >>> factor.solve(np.array([3.0, 3.0])).round(12)
    array([1., 1.])
    """

    L: Any = field(repr=False)
    permutation: Numbers = field(repr=False)
    how: str
    factor: Factor = field(repr=False)

    def solve(self, v: Any) -> Numbers:
        """H⁻¹ v in float64, for v of shape (n,) or (n, m)."""
        return self.factor.apply(np.asarray(v, np.float64))

    def logdet(self) -> LogDeterminant:
        """Sign (1.0) and logarithm of the determinant."""
        return self.factor.determinant


def cholesky(form: Form) -> Cholesky:
    """Factorise; raises ``NotPositiveDefinite`` where a pivot is not positive, or positive only by rounding."""
    factor = factorise(form)
    if not (factor.positive_definite and factor.certain):
        raise NotPositiveDefinite(factor)
    order = np.arange(form.size) if factor.order is None else factor.order
    return Cholesky(_lower(form, factor), order, factor.how, factor)


def _lower(form: Form, factor: Factor) -> Any:
    if form.signs.size or (factor.lower is None and factor.how != "diagonal"):
        return None
    if isinstance(factor.lower, tuple):
        return _arrow(factor)
    return triangle(factor)


def triangle(factor: Factor) -> Any:
    """L of a factorisation without a border."""
    if factor.pivots is None:
        return None
    if factor.lower is None:
        return scipy.sparse.diags_array(np.sqrt(factor.pivots)).tocsc()
    if factor.how == "banded Cholesky":
        return lower_as_sparse(factor.lower)
    if isinstance(factor.lower, np.ndarray):
        return factor.lower
    return scipy.sparse.csc_array(factor.lower @ scipy.sparse.diags_array(np.sqrt(factor.pivots)))


def _arrow(factor: Factor) -> Any:
    """[[L, 0], [(Lᵀ X)ᵀ, L of the Schur complement]] with X the core's solution for the border."""
    core, inverse, schur = factor.lower
    inner = triangle(core)
    if inner is None:
        return None
    placed = inverse if core.order is None else inverse[core.order]
    below = scipy.sparse.csr_array((inner.T @ placed).T)
    corner = scipy.sparse.csr_array(np.linalg.cholesky(schur))
    return scipy.sparse.block_array([[inner, None], [below, corner]], format="csc")
