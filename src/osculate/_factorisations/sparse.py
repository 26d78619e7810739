"""Sparse symmetric matrices, by SuperLU with pivots on the diagonal: L D Lᵀ, whose signs are those of the eigenvalues.

Without exchanges L D Lᵀ may grow. So its error is bounded from the computed factors, pairs of rows with small diagonal
entries are rotated before (an orthogonal change of variables in place of 2 × 2 pivots), and where the bound is still
too large LU with row exchanges solves, without saying the signs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse
from scipy.sparse.csgraph import connected_components, structural_rank
from scipy.sparse.linalg import splu

from .factor import EPSILON, Factor, LogDeterminant, Numbers, of_pivots, singular

SMALL_PIVOT = 0.1
"""Diagonal entries below this share of the largest entry of their row are paired with that row."""


def sparse_ldl(matrix: Any, natural: bool = False, epsilon: float = EPSILON) -> Factor | None:
    """P L D Lᵀ Pᵀ without exchanges; None where a pivot is zero. ``natural`` keeps the order of the rows."""
    matrix = scipy.sparse.csc_array(matrix)
    size = matrix.shape[0]
    try:
        lu = _superlu(matrix, permc_spec="NATURAL" if natural else "MMD_AT_PLUS_A", diag_pivot_thresh=0.0)
    except RuntimeError:  # SuperLU's word for an exactly zero pivot
        return None
    if not (lu.perm_r == lu.perm_c).all():
        return None
    lower, upper = scipy.sparse.csc_array(lu.L), scipy.sparse.csc_array(lu.U)
    pivots = upper.diagonal()
    if not np.isfinite(pivots).all() or not pivots.all():
        return None
    error = _rounding(lower, upper, pivots) + epsilon * _norm(matrix)
    order = np.argsort(lu.perm_c)
    negative = int(np.count_nonzero(pivots < 0))
    name = "sparse Cholesky (L D Lᵀ)" if not negative else "sparse L D Lᵀ"
    return Factor(size, name, lu.solve, of_pivots(pivots), negative, error, lower, pivots, order)


def _superlu(matrix: Any, **options: Any) -> Any:
    """``splu``, but never of a matrix that its zeros alone make singular: SuperLU writes beyond its arrays then."""
    if not matrix.diagonal().all() and structural_rank(matrix) < matrix.shape[0]:
        raise RuntimeError("structurally singular")
    return splu(matrix, **options)


def rotated_ldl(matrix: Any, epsilon: float = EPSILON) -> Factor | None:
    """L D Lᵀ after rotating pairs of rows with small diagonal entries, as saddle-point matrices have."""
    matrix = scipy.sparse.csr_array(matrix)
    turn = rotation(matrix)
    if turn is None:
        return None
    inner = sparse_ldl(turn.T @ matrix @ turn, epsilon=4 * epsilon)
    if inner is None:
        return None

    def apply(right: Numbers) -> Numbers:
        return turn @ inner.apply(turn.T @ right)

    return Factor(
        inner.size,
        "sparse L D Lᵀ of rotated pairs of rows",
        apply,
        inner.determinant,
        inner.negative,
        inner.error,
    )


def rotation(matrix: Any) -> Any:
    """The orthogonal matrix that makes the 2 × 2 blocks of matched rows diagonal; None where no row needs it."""
    diagonal = matrix.diagonal()
    partner = matched(matrix, diagonal)
    rows = np.flatnonzero(partner > np.arange(len(partner)))
    if not rows.size:
        return None
    others = partner[rows]
    beside = np.asarray(matrix[rows, others]).reshape(-1)
    angles = 0.5 * np.arctan2(2 * beside, diagonal[rows] - diagonal[others])
    cosines = np.ones(len(diagonal))
    cosines[rows] = cosines[others] = np.cos(angles)
    sines = np.sin(angles)
    places = np.concatenate([np.arange(len(diagonal)), rows, others])
    across = np.concatenate([np.arange(len(diagonal)), others, rows])
    return scipy.sparse.csr_array((np.concatenate([cosines, -sines, sines]), (places, across)), shape=matrix.shape)


def matched(matrix: Any, diagonal: Numbers) -> Numbers:
    """For each row its partner (or itself): rows with small diagonal entries take their largest free neighbour."""
    starts, columns, values = matrix.indptr, matrix.indices, np.abs(matrix.data)
    partner = np.arange(len(diagonal))
    filled = np.flatnonzero(np.diff(starts))
    largest = np.zeros(len(diagonal))
    largest[filled] = np.maximum.reduceat(values, starts[filled]) if filled.size else 0.0
    weak = np.flatnonzero((np.abs(diagonal) < SMALL_PIVOT * largest) & (largest > 0))
    for row in weak[np.argsort(np.diff(starts)[weak], kind="stable")]:
        if partner[row] != row:
            continue
        here = slice(starts[row], starts[row + 1])
        free = (partner[columns[here]] == columns[here]) & (columns[here] != row) & (values[here] > 0)
        if free.any():
            other = columns[here][free][np.argmax(values[here][free])]
            partner[row], partner[other] = other, row
    return partner


def sparse_lu(matrix: Any) -> Factor:
    """LU with row exchanges: solves and determinants, no inertia."""
    how = "sparse LU with row exchanges"
    matrix = scipy.sparse.csc_array(matrix)
    try:
        lu = _superlu(matrix)
    except RuntimeError:
        return singular(matrix.shape[0], how)
    determinant = of_pivots(scipy.sparse.csc_array(lu.U).diagonal())
    if (_is_odd(lu.perm_r) + _is_odd(lu.perm_c)) % 2:
        determinant = LogDeterminant(-determinant.sign, determinant.logabsdet)
    return Factor(matrix.shape[0], how, lu.solve, determinant, None, np.inf)


def _is_odd(permutation: Numbers) -> bool:
    size = len(permutation)
    graph = scipy.sparse.csr_array((np.ones(size), (np.arange(size), permutation)), shape=(size, size))
    cycles = connected_components(graph, directed=True, connection="weak")[0]
    return bool((size - cycles) % 2)


def _rounding(lower: Any, upper: Any, pivots: Numbers) -> float:
    """Bound on ‖L D Lᵀ − matrix‖: that of L U by the usual analysis, and what U differs from D Lᵀ.

    Higham, *Accuracy and Stability of Numerical Algorithms* (2nd ed., 2002), theorem 9.3: |L U − A| ≤ γ |L| |U|, with γ
    the square root of the length of the sums times epsilon (Higham and Mary 2019, "A new approach to probabilistic
    rounding error analysis", *SIAM J. Sci. Comput.* 41). The norm of a matrix of positive numbers B is at most the
    largest (B x) / x, whatever the positive x (Collatz).
    """
    terms = 2 + float(np.diff(lower.tocsr().indptr).max(initial=1)) ** 0.5
    difference = abs(upper - scipy.sparse.diags_array(pivots) @ lower.T)
    left, right = abs(lower), abs(upper) * (terms * EPSILON) + difference
    x, bound = np.ones(len(pivots)), np.inf
    with np.errstate(all="ignore"):
        for _ in range(4):
            y = left @ (right @ x)
            bound = min(bound, float((y / x).max()))
            x = y / y.max() + EPSILON
    return bound if np.isfinite(bound) else np.inf


def _norm(matrix: Any) -> float:
    return float(np.asarray(abs(matrix).sum(axis=0)).max(initial=0.0))
