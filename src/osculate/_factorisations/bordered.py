"""A matrix with a border, by the Schur complement of its core: arrows, and outer products as a border.

With M = base + V S Vᵀ and S a diagonal of signs, the matrix [[base, V], [Vᵀ, −S]] has M as one Schur complement and
−S − Vᵀ base⁻¹ V as the other. That is Woodbury's formula for solves, the determinant lemma, and by Haynsworth (1968),
"Determination of the inertia of a partitioned Hermitian matrix", In(M) = In(base) + In(−S − Vᵀ base⁻¹ V) − In(−S).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg

from .dense import dense_ldl
from .factor import EPSILON, Factor, LogDeterminant, Numbers, of_pivots, rowwise, singular

MOST_MOVED = 256
"""Weak entries of a diagonal that are moved into the border at most."""

WEAK = 1e4
"""How much more than usual an entry of a diagonal may add to the Schur complement."""


def bordered(
    core: Factor, product: Any, absolute: Any, border: Numbers, corner: Numbers, signs: Numbers, epsilon: float
) -> Factor:
    """The factorisation of the matrix of which [[core, border], [borderᵀ, corner]] is the larger one.

    Parameters
    ----------
    core : Factor
        Of the core.
    product, absolute : callable
        The core, and the core of absolute values, times a matrix.
    border, corner : arrays (m, k) and (k, k)
        The last ``len(signs)`` columns are outer products.
    signs : array (r,)
        Theirs.
    epsilon : float
        Relative error of all numbers.
    """
    k, r, m = len(corner), len(signs), len(border)
    if core.determinant.sign == 0:
        return singular(m + k - r, f"Schur complement on {core.how}")
    inverse = core.apply(border)
    residual = border - product(inverse)
    inverse = inverse + core.apply(residual)
    residual = np.abs(border - product(inverse))
    inner = border.T @ inverse
    schur = corner - (inner + inner.T) / 2
    size_of = np.abs(corner) + np.abs(border).T @ np.abs(inverse)
    doubt = (4 + np.log2(1 + m)) * (EPSILON + epsilon)
    wrong = doubt * size_of + np.abs(inverse).T @ (residual + doubt * (absolute(np.abs(inverse)) + np.abs(border)))
    small = dense_ldl(schur)
    kept = k - r

    def apply(right: Numbers) -> Numbers:
        first, last = right[:m], right[m:]
        last = np.concatenate([last, np.zeros((r, *right.shape[1:]))])
        last = small.apply(last - inverse.T @ first)
        return np.concatenate([core.apply(first) - inverse @ last, last[:kept]])

    ones = int(np.count_nonzero(signs > 0))
    negative = None if core.negative is None or small.negative is None else core.negative + small.negative - ones
    sign = core.determinant.sign * small.determinant.sign * (-1.0 if ones % 2 else 1.0)
    determinant = LogDeterminant(sign, core.determinant.logabsdet + small.determinant.logabsdet)
    ways = ["Schur complement"] * (k > r) + ["Woodbury"] * (r > 0)
    return Factor(
        m + kept,
        f"{' and '.join(ways)} on {core.how}",
        apply,
        determinant,
        negative,
        core.error,
        (core, inverse, schur),
        decided=core.negative is not None and core.certain and _decided(schur, size_of, wrong),
    )


def _decided(schur: Numbers, size_of: Numbers, wrong: Numbers) -> bool:
    """Whether no eigenvalue of the Schur complement can change its sign, scaled so that all its rows are alike."""
    scale = 1 / np.sqrt(np.maximum(np.diag(size_of), np.finfo(np.float64).tiny))
    scaled = scale[:, None] * schur * scale
    bound = (
        np.abs(scale[:, None] * wrong * scale).sum(axis=0).max() + len(schur) * EPSILON * np.abs(scaled).sum(0).max()
    )
    if not np.isfinite(scaled).all() or not np.isfinite(bound):
        return False
    return bool(np.abs(scipy.linalg.eigvalsh(scaled)).min() > 2 * bound)


def diagonal_factor(diagonal: Numbers) -> Factor:
    """The factorisation of a diagonal, whose signs are known whatever the rounding."""

    def apply(right: Numbers) -> Numbers:
        with np.errstate(divide="ignore", invalid="ignore"):
            return rowwise(1 / diagonal, right)

    negative = int(np.count_nonzero(diagonal < 0))
    return Factor(
        len(diagonal),
        "diagonal",
        apply,
        of_pivots(diagonal),
        negative,
        0.0,
        None,
        diagonal,
        decided=bool(diagonal.all()),
    )


def weak_rows(diagonal: Numbers, border: Numbers) -> Numbers:
    """The entries of a diagonal that would swamp the others in the Schur complement."""
    with np.errstate(divide="ignore", invalid="ignore"):
        added = (border**2).sum(axis=1) / np.abs(diagonal)
    zero = diagonal == 0
    finite = added[~zero & (added > 0)]
    usual = float(np.median(finite)) if finite.size else 0.0
    found = np.flatnonzero(zero | (added > WEAK * usual))
    if len(found) > MOST_MOVED:
        found = np.flatnonzero(zero)
    return found if len(found) <= MOST_MOVED else found[:0]
