"""Dense symmetric matrices, by LAPACK: Cholesky, or Bunch and Kaufman's pivots of size one and two."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg

from .factor import EPSILON, Factor, LogDeterminant, Numbers, of_pivots


def dense_cholesky(matrix: Numbers, epsilon: float = EPSILON) -> Factor | None:
    """Cholesky's factorisation; None if a pivot is not positive."""
    try:
        lower = np.tril(scipy.linalg.cho_factor(matrix, lower=True, check_finite=False)[0])
    except np.linalg.LinAlgError:
        return None
    size = len(matrix)
    pivots = np.diag(lower) ** 2

    def apply(right: Numbers) -> Numbers:
        return scipy.linalg.cho_solve((lower, True), right, check_finite=False)

    determinant = LogDeterminant(1.0, float(np.log(pivots).sum()))
    return Factor(size, "dense Cholesky", apply, determinant, 0, _error(matrix, epsilon), lower, pivots)


def dense_ldl(matrix: Numbers, epsilon: float = EPSILON) -> Factor:
    """L D Lᵀ by the pivots of Bunch and Kaufman (1977)."""
    size = len(matrix)
    made: Any = scipy.linalg.get_lapack_funcs(("sytrf", "sytrs", "sytrf_lwork"), (matrix,))
    sytrf, sytrs, lwork = made
    factors, exchanged, _ = sytrf(matrix, lower=1, lwork=int(lwork(size, lower=1)[0].real))

    def apply(right: Numbers) -> Numbers:
        solution, _ = sytrs(factors, exchanged, right, lower=1)
        return np.reshape(solution, right.shape)

    pivots = _eigenvalues(np.diag(factors).copy(), np.diag(factors, -1), exchanged < 0)
    negative = int(np.count_nonzero(pivots < 0))
    return Factor(
        size, "dense L D Lᵀ (Bunch–Kaufman)", apply, of_pivots(pivots), negative, _error(matrix, epsilon), None, pivots
    )


def _eigenvalues(pivots: Numbers, below: Numbers, paired: Numbers) -> Numbers:
    """The pivots of size one, and the two eigenvalues of each pivot of size two."""
    row = 0
    while row < len(pivots):
        if not paired[row]:
            row += 1
            continue
        block = np.array([[pivots[row], below[row]], [below[row], pivots[row + 1]]])
        pivots[row : row + 2] = np.linalg.eigvalsh(block)
        row += 2
    return pivots


def _error(matrix: Numbers, epsilon: float) -> float:
    return float(((10 + len(matrix)) * EPSILON + epsilon) * np.abs(matrix).sum(axis=0).max(initial=0.0))
