"""The diagonal of an operator from few products: XDiag, in the form that symmetry allows."""

from __future__ import annotations

from typing import Any

import numpy as np

from osculate._results import Estimate
from osculate._spectrum.keys import generator
from osculate._spectrum.product import Floats, Product, product_of, whole_number
from osculate._spectrum.sketch import Sketch, sketch, student_widening

_ASKED = "osculate.hessian_operator(…).diagonal"
_ROWS = 128  # entries over which the covariance of two estimates is pooled


def diagonal(op: Any, products: int = 98, key: Any = 0) -> Estimate:
    """Estimate diag H by XDiag: exact on the sketched range P, stochastic on (I − P) H (I − P) only.

    Each probe ω of random signs gives diag(PH + HP − PHP) + ω ⊙ (I − P)H(I − P)ω, with P from the other probes; the
    answer is their mean. The published XDiag projects on one side only; for a symmetric H both sides come at the same
    cost and leave less to chance. Exact to rounding once ``products`` ≥ 2 rank H.

    Parameters
    ----------
    op : CurvatureOperator, scipy.sparse.linalg.LinearOperator or array, shape (n, n)
        Symmetric.
    products : int
        Budget, at least 4; an odd one leaves one unspent. From n on, the diagonal is read off the matrix.
    key : int or JAX key
        Seeds the probes.

    Returns
    -------
    Estimate
        Value and error of shape (n,). The errors are standard errors of each entry over the probes, with the
        covariance of the leave-one-out estimates (see ``trace``) and Student's factor.

    Raises
    ------
    WrongType
        If ``op`` is no operator, is complex or is traced, or ``products`` is no integer.
    WrongInput
        If ``op`` is not square or not symmetric, the budget is too small, or a product is not finite.

    References
    ----------
    E. N. Epperly, J. A. Tropp and R. J. Webber, XTrace: Making the most of every sample in stochastic trace
    estimation, SIAM J. Matrix Anal. Appl. 45 (2024) 1–23: XDiag.

    Examples
    --------
    >>> import numpy as np
    >>> u = np.arange(1.0, 11.0)
    >>> estimate = diagonal(np.outer(u, u), products=4)
    >>> bool(np.allclose(estimate.value, u**2))
    True
    """
    product = product_of(op, _ASKED)
    if product.size <= whole_number(products, "products", _ASKED, least=1, why="it takes products to see an operator"):
        exact = np.diag(product.matrix()).copy()
        how = "numerical ± rounding: exact diagonal of the whole matrix"
        return Estimate(exact, np.full(product.size, product.rounding), how, product.count)
    least = whole_number(products, "products", _ASKED, least=4, why="XDiag needs two probes of two products each")
    return estimate_diagonal(product, least // 2, generator(key, _ASKED))


def estimate_diagonal(product: Product, count: int, random: np.random.Generator) -> Estimate:
    """XDiag with ``count`` probes, 2·count products."""
    before = product.count
    probes = random.choice(np.array([-1.0, 1.0]), (product.size, count))
    made = sketch(product, probes)
    estimates = _estimates(made, slice(None), (made.removed,))
    sample = random.choice(product.size, min(product.size, _ROWS), replace=False)
    variance = np.var(estimates, axis=1, ddof=1) / count * _inflation(made, estimates[sample], sample)
    return Estimate(
        np.mean(estimates, axis=1),
        np.sqrt(variance) * student_widening(count) + product.rounding,
        f"estimate ± standard error: XDiag, {count} probes",
        product.count - before,
    )


def _estimates(made: Sketch, rows: Any, removed: tuple[Floats, ...]) -> Floats:
    """Estimates of some entries of the diagonal, one column for each probe, shape (rows, m).

    Column i of each array in ``removed`` is a direction that P leaves out for probe i; those of one probe are
    orthonormal: P = Q(I − Σ ddᵀ)Qᵀ.
    """
    Q, Z, G = made.basis[rows], made.basis_image[rows], made.projected
    inside = made.overlaps
    for direction in removed:
        inside = inside - direction * np.sum(direction * inside, axis=0)
    back = made.triangle - G @ inside
    for direction in removed:
        back = back - direction * np.sum(direction * back, axis=0)
    rest = made.image[rows] - Z @ inside - Q @ back  # (I − P)H(I − P)ω
    one_side = np.sum(Q * Z, axis=1)[:, None]
    both_sides = np.sum(Q * (Q @ G), axis=1)[:, None]
    for direction in removed:
        one_side = one_side - (Q @ direction) * (Z @ direction)
        both_sides = both_sides - 2 * (Q @ direction) * (Q @ (G @ direction))
        for other in removed:
            both_sides = both_sides + (Q @ direction) * (Q @ other) * np.sum(direction * (G @ other), axis=0)
    return 2 * one_side - both_sides + made.probes[rows] * rest


def _inflation(made: Sketch, estimates: Floats, rows: Any) -> float:
    """Factor for the variance of the mean: 1 + m Cov/s², the covariance of two estimates pooled over some rows.

    As for the trace, Cov(dᵢ, dⱼ) = E[δᵢⱼ δⱼᵢ] with δᵢⱼ the change of dᵢ when probe j is left out of the sketch too.
    """
    count = estimates.shape[1]
    first = made.removed
    changes = np.zeros((count, *estimates.shape))  # [j, row, i]
    for index in range(count):
        cosines = first.T @ first[:, index]
        sines = np.sqrt(np.maximum(1 - cosines**2, 0.0))
        # a parallel direction, in a sketch beyond the rank of H, is removed already
        second = (first[:, [index]] - first * cosines) / np.where(sines > 1e-8, sines, np.inf)
        changes[index] = estimates - _estimates(made, rows, (first, second))
        changes[index, :, index] = 0.0
    covariance = float(np.sum(changes * changes.transpose(2, 1, 0))) / (count * (count - 1))
    variance = float(np.sum(np.var(estimates, axis=1, ddof=1)))
    return 1 + count * max(covariance, 0.0) / variance if variance > 0 else 1.0
