"""Banded symmetric matrices, by LAPACK: Cholesky where it is positive definite, otherwise LU within the band."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg
import scipy.sparse

from .factor import EPSILON, Factor, LogDeterminant, Numbers, of_pivots


def band(matrix: Any, width: int) -> Numbers:
    """The lower band of a sparse symmetric matrix in LAPACK's storage: entry (i, j) at [i − j, j]."""
    coo = matrix.tocoo()
    rows, columns = coo.coords
    stored = np.zeros((width + 1, matrix.shape[0]))
    below = rows >= columns
    stored[(rows - columns)[below], columns[below]] = coo.data[below]
    return stored


def banded_cholesky(stored: Numbers, epsilon: float = EPSILON) -> Factor | None:
    """Cholesky's factorisation of a lower band; None if a pivot is not positive."""
    width, size = stored.shape[0] - 1, stored.shape[1]
    try:
        lower = scipy.linalg.cholesky_banded(stored, lower=True, check_finite=False)
    except np.linalg.LinAlgError:
        return None
    if not np.isfinite(lower[0]).all():
        return None

    def apply(right: Numbers) -> Numbers:
        return scipy.linalg.cho_solve_banded((lower, True), right, check_finite=False)

    determinant = LogDeterminant(1.0, 2 * float(np.log(lower[0]).sum()))
    # |L||Lᵀ| is at most the largest diagonal entry in each place, so there is no growth (Higham 2002, section 10.1)
    error = ((width + 2) * EPSILON + epsilon) * (2 * width + 1) * float(np.abs(stored[0]).max())
    return Factor(size, "banded Cholesky", apply, determinant, 0, error, lower, lower[0] ** 2)


def banded_lu(stored: Numbers) -> Factor:
    """LU with row exchanges within the band: solves and determinants of indefinite matrices, no inertia."""
    width, size = stored.shape[0] - 1, stored.shape[1]
    full = np.zeros((3 * width + 1, size))
    for k in range(width + 1):
        full[2 * width + k, : size - k] = stored[k, : size - k]
        full[2 * width - k, k:] = stored[k, : size - k]
    gbtrf, gbtrs = scipy.linalg.get_lapack_funcs(("gbtrf", "gbtrs"), (full,))
    factors, exchanged, _ = gbtrf(full, width, width)

    def apply(right: Numbers) -> Numbers:
        solution, _ = gbtrs(factors, width, width, right, exchanged)
        return np.reshape(solution, right.shape)

    pivots = factors[2 * width]
    determinant = of_pivots(pivots)
    if np.count_nonzero(exchanged != np.arange(size)) % 2:
        determinant = LogDeterminant(-determinant.sign, determinant.logabsdet)
    return Factor(size, "banded LU with row exchanges", apply, determinant, None, np.inf)


def lower_as_sparse(lower: Numbers) -> Any:
    """A triangular factor in LAPACK's storage as a sparse array."""
    size = lower.shape[1]
    offsets = [-k for k in range(lower.shape[0])]
    return scipy.sparse.dia_array((lower, offsets), shape=(size, size)).tocsc()
