"""The trace of an operator from few products: XTrace, with a standard error that is right on average."""

from __future__ import annotations

from typing import Any

import numpy as np

from osculate._results import Estimate
from osculate._spectrum.keys import generator
from osculate._spectrum.product import Floats, product_of, whole_number
from osculate._spectrum.sketch import Sketch, sketch, student_widening

_ASKED = "osculate.hessian_operator(…).trace"


def trace(op: Any, products: int = 98, key: Any = 0) -> Estimate:
    """Estimate tr H = Σ Hᵢᵢ by XTrace: exact on the sketched range, stochastic on the rest only.

    Half of the products sketch the range of H, half multiply its basis; each probe is then tested against the sketch
    made without it. The estimate is exact to rounding once ``products`` ≥ 2 rank H.

    The published error bar takes the leave-one-out estimates tᵢ as independent, which is too small by up to a third.
    Here their covariance is estimated too: with tᵢⱼ the estimate from probe i against the sketch without i and j, the
    differences δᵢⱼ = tᵢ − tᵢⱼ satisfy Cov(tᵢ, tⱼ) = E[δᵢⱼ δⱼᵢ], because tᵢ − tr H has mean zero given all probes but
    the i-th. The bar is widened by Student's factor, so that two bars cover 95 %.

    Parameters
    ----------
    op : CurvatureOperator, scipy.sparse.linalg.LinearOperator or array, shape (n, n)
        Symmetric.
    products : int
        Budget, at least 4; an odd one leaves one unspent. From n on, the trace is computed from the matrix.
    key : int or JAX key
        Seeds the probes, which are uniform on the sphere.

    Returns
    -------
    Estimate

    Raises
    ------
    WrongType
        If ``op`` is no operator, is complex or is traced, or ``products`` is no integer.
    WrongInput
        If ``op`` is not square or not symmetric, the budget is too small, or a product is not finite.

    References
    ----------
    E. N. Epperly, J. A. Tropp and R. J. Webber, XTrace: Making the most of every sample in stochastic trace
    estimation, SIAM J. Matrix Anal. Appl. 45 (2024) 1–23: XTrace, with normalised test vectors.

    Examples
    --------
    An operator of rank one has its trace from four products:

    >>> import numpy as np
    >>> u = np.arange(1.0, 11.0)
    >>> estimate = trace(np.outer(u, u), products=4)
    >>> round(float(estimate), 9) == 385.0
    True
    """
    product = product_of(op, _ASKED)
    if product.size <= whole_number(products, "products", _ASKED, least=1, why="it takes products to see an operator"):
        exact = np.trace(product.matrix())
        return Estimate(
            float(exact), product.rounding, "numerical ± rounding: exact trace of the whole matrix", product.count
        )
    count = whole_number(products, "products", _ASKED, least=4, why="XTrace needs two probes of two products each") // 2
    probes = generator(key, _ASKED).standard_normal((product.size, count))
    probes *= np.sqrt(product.size) / np.linalg.norm(probes, axis=0)
    made = sketch(product, probes)
    estimates = _leave_one_out(made)
    error = np.sqrt(_variance_of_mean(estimates, _leave_two_out(made)))
    return Estimate(
        float(np.mean(estimates)),
        float(error) * student_widening(count) + product.rounding,
        f"estimate ± standard error: XTrace, {count} probes",
        product.count,
    )


def _leave_one_out(made: Sketch) -> Floats:
    """The estimates tᵢ, shape (m,): trace on the range of the sketch without i, plus the rest seen by probe i."""
    size, count = made.probes.shape
    S, R, W, G = made.removed, made.triangle, made.overlaps, made.projected
    inside = W - S * _diagonal(S, W)  # coordinates of the part of each probe in its own reduced range
    rest = _diagonal(W, R) - 2 * _diagonal(inside, R) + _diagonal(inside, G @ inside)
    # the part outside has a length of its own; rescaling it to the expected one removes its variance
    scale = (size - count + 1) / (size - np.sum(inside**2, axis=0))
    return np.trace(G) - _diagonal(S, G @ S) + rest * scale


def _leave_two_out(made: Sketch) -> Floats:
    """The estimates tᵢⱼ, shape (m, m): probe i against the sketch without i and j; the diagonal means nothing.

    What is removed is the span of sᵢ and sⱼ. Its projector is [sᵢ sⱼ] M⁻¹ [sᵢ sⱼ]ᵀ with M = [[1, c], [c, 1]]; (p, q)
    are the coordinates in it of probe i.
    """
    size, count = made.probes.shape
    S, R, W, G = made.removed, made.triangle, made.overlaps, made.projected
    A, B, C, D = S.T @ G @ S, (S.T @ W).T, S.T @ S, (S.T @ G @ W).T
    a, b, d = np.diag(A), np.diag(B)[:, None], np.diag(D)[:, None]
    # parallel directions, in a sketch beyond the rank of H, are one direction: M has no inverse, no more to remove
    square = 1 - C**2
    parallel = square <= count * np.finfo(np.float64).eps
    inverse = 1 / np.where(parallel, 1.0, square)
    p = np.where(parallel, b, (b - C * B) * inverse)
    q = np.where(parallel, 0.0, (B - C * b) * inverse)
    removed = np.where(parallel, a[:, None], (a[:, None] + a[None, :] - 2 * C * A) * inverse)
    whole = (_diagonal(W, R) - 2 * _diagonal(W, R) + _diagonal(W, G @ W))[:, None]
    linear = 2 * p * _diagonal(S, R)[:, None] - 2 * (p * d + q * D)
    quadratic = p**2 * a[:, None] + 2 * p * q * A + q**2 * a[None, :]
    inside = np.sum(W**2, axis=0)[:, None] - (p * b + q * B)
    return np.trace(G) - removed + (whole + linear + quadratic) * (size - count + 2) / (size - inside)


def _variance_of_mean(estimates: Floats, left_two_out: Floats) -> float:
    """Estimate of Var(mean tᵢ) = s²/m + the mean covariance of two of them (s² falls short of σ² by as much)."""
    count = len(estimates)
    differences = estimates[:, None] - left_two_out
    np.fill_diagonal(differences, 0.0)
    covariance = float(np.sum(differences * differences.T)) / (count * (count - 1))
    return float(np.var(estimates, ddof=1)) / count + max(covariance, 0.0)


def _diagonal(left: Floats, right: Floats) -> Floats:
    """The diagonal of leftᵀ right."""
    return np.sum(left * right, axis=0)
