"""Lanczos, always fully reorthogonalised, one step at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from osculate._spectrum.product import Floats, Product


@dataclass(frozen=True)
class Krylov:
    """m steps of Lanczos: H Q = Q T + r eₘᵀ, with T tridiagonal and r orthogonal to Q.

    Attributes
    ----------
    basis : array (n, m)
        Q, orthonormal to rounding, and orthogonal to whatever the run was told to avoid.
    alpha, beta : arrays (m,), (m − 1,)
        The diagonal and the off-diagonal of T.
    residual : array (n,)
        r, what the last product adds to the space.
    invariant : bool
        Whether r is zero to rounding: the space is closed under H, and Ritz values are eigenvalues.
    """

    basis: Floats
    alpha: Floats
    beta: Floats
    residual: Floats
    invariant: bool

    @property
    def steps(self) -> int:
        """m, the number of products."""
        return len(self.alpha)

    def tridiagonal(self) -> Floats:
        """T, shape (m, m)."""
        return np.diag(self.alpha) + np.diag(self.beta, 1) + np.diag(self.beta, -1)

    def quadrature(self) -> tuple[Floats, Floats]:
        """Nodes and weights of the Gauss rule for the measure Σ (q₁·uᵢ)² δ(λᵢ) (Golub and Welsch 1969)."""
        nodes, vectors = np.linalg.eigh(self.tridiagonal())
        return nodes, vectors[0] ** 2


def lanczos(product: Product, start: Floats, avoid: Floats | None = None) -> Iterator[Krylov]:
    """Run Lanczos from ``start`` and show the Krylov space after every step.

    Each new vector is orthogonalised twice against all earlier ones (twice is enough: Giraud, Langou, Rozložník and
    van den Eshof 2005). Without that, converged eigenvalues come back as ghosts.

    Parameters
    ----------
    product : Product
        The operator, shape (n, n).
    start : array (n,)
        Where to begin; it need not have length one.
    avoid : array (n, p), optional
        Orthonormal columns that are projected out: the run sees (I − PPᵀ) H (I − PPᵀ).

    Yields
    ------
    Krylov
        After each product. The run ends by itself when the space is invariant or full; it is the caller who stops it
        earlier. Arrays are views of one buffer that only grows: keep them, do not write into them.
    """
    size = product.size
    avoided = np.empty((0, size)) if avoid is None else np.ascontiguousarray(avoid.T)
    room = size - len(avoided)
    rows = np.empty((min(room, 32), size))
    alpha, beta = np.empty(0), np.empty(0)
    vector = _orthogonalise(start / np.linalg.norm(start), avoided, rows[:0])
    for step in range(room):
        if step == len(rows):
            rows = np.concatenate([rows, np.empty((min(room - step, step), size))])
        rows[step] = vector / np.linalg.norm(vector)
        image = product(rows[step])
        overlaps = rows[: step + 1] @ image
        product.check_symmetry(_asymmetry(overlaps, beta))
        alpha = np.append(alpha, overlaps[step])
        vector = _orthogonalise(image, avoided, rows[: step + 1])
        remainder = float(np.linalg.norm(vector))
        invariant = remainder <= product.rounding
        yield Krylov(rows[: step + 1].T, alpha, beta, vector, invariant)
        if invariant:
            return
        beta = np.append(beta, remainder)


def _orthogonalise(vector: Floats, avoided: Floats, rows: Floats) -> Floats:
    for _ in range(2):
        vector = vector - (avoided @ vector) @ avoided
        vector = vector - (rows @ vector) @ rows
    return vector


def _asymmetry(overlaps: Floats, beta: Floats) -> float:
    """Distance between the last column of QᵀHQ and what symmetry says it is: zeros, then the last beta."""
    expected = np.zeros(len(overlaps) - 1)
    if len(expected):
        expected[-1] = beta[-1]
    return float(np.linalg.norm(overlaps[:-1] - expected))
