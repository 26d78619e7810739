"""The form of a symmetric matrix: a core, a border of a few dense rows, and a few outer products."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import scipy.sparse
from scipy.sparse.csgraph import reverse_cuthill_mckee

from .factor import EPSILON, Numbers, rowwise

MOST_BORDER = 128
"""Dense rows that are set aside at most."""

NARROW = 24
"""Half bandwidths up to which a band is taken even if it is mostly zeros."""

DENSE_SHARE = 0.3
"""Share of nonzero entries from which a matrix is treated as dense."""


@dataclass(frozen=True, eq=False)
class Form:
    """P [[core, border], [borderᵀ, corner]] Pᵀ + low diag(signs) lowᵀ, n × n.

    Attributes
    ----------
    size : int
        n.
    kind : str
        ``"diagonal"``, ``"banded"``, ``"sparse"`` or ``"dense"``: how the core is kept (an array (m,), two sparse
        arrays, an array (m, m)).
    why : str
        How the form was found.
    order : array of int or None
        The number of the row at each place: those of the core, then those of the border. None: as they are.
    border, corner : arrays (m, k) and (k, k)
        The k dense rows.
    low, signs : arrays (n, r) and (r,)
        The outer products, in the places of ``order``, with signs ±1.
    bandwidth : int
        Half the bandwidth of the core.
    epsilon : float
        The relative error with which the entries are known.
    """

    size: int
    kind: str
    why: str
    core: Any = field(repr=False)
    order: Numbers | None = field(repr=False)
    border: Numbers = field(repr=False)
    corner: Numbers = field(repr=False)
    low: Numbers = field(repr=False)
    signs: Numbers = field(repr=False)
    bandwidth: int = 0
    epsilon: float = EPSILON

    @property
    def name(self) -> str:
        """The form in words."""
        words = f"banded, half bandwidth {self.bandwidth}" if self.kind == "banded" else self.kind
        if self.corner.size:
            words = f"arrow: {words}, bordered by {len(self.corner)} dense rows"
        return words + (f" plus rank {len(self.signs)}" if self.signs.size else "")

    def __str__(self) -> str:
        return f"{self.name}: {self.why} ({self.stored:,} numbers for n = {self.size:,})"

    @property
    def stored(self) -> int:
        """How many numbers are kept."""
        core = self.core.nnz if scipy.sparse.issparse(self.core) else self.core.size
        return int(core) + self.border.size + self.corner.size + self.low.size

    def placed(self, v: Numbers) -> Numbers:
        """The rows of v in the places of ``order``."""
        return v if self.order is None else v[self.order]

    def returned(self, v: Numbers) -> Numbers:
        """The inverse of ``placed``."""
        if self.order is None:
            return v
        result = np.empty_like(v)
        result[self.order] = v
        return result

    def product(self, v: Numbers) -> Numbers:
        """The matrix times (n,) or (n, m)."""
        v = self.placed(v)
        m = self.size - len(self.corner)
        inner = rowwise(self.core, v[:m]) if self.kind == "diagonal" else self.core @ v[:m]
        result = np.concatenate([inner + self.border @ v[m:], self.border.T @ v[:m] + self.corner @ v[m:]])
        if self.signs.size:
            result = result + self.low @ rowwise(self.signs, self.low.T @ v)
        return self.returned(result)

    def diagonal(self) -> Numbers:
        """The diagonal (n,)."""
        inner = self.core if self.kind == "diagonal" else self.core.diagonal()
        return self.returned(np.concatenate([inner, np.diag(self.corner)]) + self.low**2 @ self.signs)

    def norm(self) -> float:
        """An upper bound on the largest absolute eigenvalue."""
        inner = np.abs(self.core) if self.kind == "diagonal" else np.asarray(abs(self.core).sum(axis=1)).reshape(-1)
        outer = np.abs(self.border)
        rows = np.concatenate([inner + outer.sum(1), outer.sum(0) + np.abs(self.corner).sum(1)])
        return float(rows.max(initial=0.0)) + float((self.low**2).sum())

    def shifted(self, shift: float) -> Form:
        """The matrix plus ``shift`` times the identity."""
        if shift == 0:
            return self
        m = self.size - len(self.corner)
        core = self.core + shift if self.kind == "diagonal" else self.core + shift * _identity(self.kind, m)
        return replace(self, core=core, corner=self.corner + shift * np.eye(len(self.corner)))

    def extended(self) -> tuple[Numbers, Numbers]:
        """Border and corner of the larger matrix [[matrix without low, low], [lowᵀ, −diag(signs)]]."""
        m = self.size - len(self.corner)
        low = self.low[m:]
        corner = np.block([[self.corner, low], [low.T, -np.diag(self.signs)]])
        return np.concatenate([self.border, self.low[:m]], axis=1), corner


def _identity(kind: str, size: int) -> Any:
    return np.eye(size) if kind == "dense" else scipy.sparse.eye_array(size, format="csr")


def form_of(
    matrix: Any, vectors: Numbers | None = None, weights: Numbers | None = None, epsilon: float = EPSILON
) -> Form:
    """The form of ``matrix`` + ``vectors`` ``weights`` ``vectors``ᵀ.

    Parameters
    ----------
    matrix : array (n, n), sparse array (n, n) or array (n,)
        Symmetric; a vector stands for a diagonal.
    vectors : array (n, r), optional
    weights : array (r, r), optional
        Symmetric.
    epsilon : float
        The relative error of all these numbers.
    """
    size = matrix.shape[0]
    low, signs = _outer(size, vectors, weights, epsilon)
    if scipy.sparse.issparse(matrix):
        matrix = scipy.sparse.csr_array(matrix, dtype=np.float64)
        matrix.sum_duplicates()
        return _of_sparse(matrix, low, signs, epsilon)
    matrix = np.asarray(matrix, np.float64)
    kind = "diagonal" if matrix.ndim == 1 else "dense"
    return Form(size, kind, "as given", matrix, None, *_no_border(size), low, signs, 0, epsilon)


def _no_border(size: int) -> tuple[Numbers, Numbers]:
    return np.zeros((size, 0)), np.zeros((0, 0))


def _outer(size: int, vectors: Numbers | None, weights: Numbers | None, epsilon: float) -> tuple[Numbers, Numbers]:
    """V W Vᵀ as V' diag(±1) V'ᵀ: by a QR decomposition, then the eigenvalues of a small matrix."""
    if vectors is None or weights is None or not np.any(weights):
        return np.zeros((size, 0)), np.zeros(0)
    vectors, weights = np.asarray(vectors, np.float64), np.asarray(weights, np.float64)
    if vectors.shape[1] == 1:
        return vectors * np.sqrt(abs(weights[0, 0])), np.sign(weights[0])
    q, r = np.linalg.qr(vectors)
    values, turned = np.linalg.eigh(r @ weights @ r.T)
    kept = np.abs(values) > 8 * epsilon * np.linalg.norm(r) ** 2 * np.linalg.norm(weights)
    values, turned = values[kept], turned[:, kept]
    return q @ (turned * np.sqrt(np.abs(values))), np.sign(values)


def _of_sparse(matrix: Any, low: Numbers, signs: Numbers, epsilon: float) -> Form:
    n = matrix.shape[0]
    if (matrix.indices == np.repeat(np.arange(n), np.diff(matrix.indptr))).all():
        return Form(
            n, "diagonal", "no entry off the diagonal", matrix.diagonal(), None, *_no_border(n), low, signs, 0, epsilon
        )
    crowded = _crowded(np.diff(matrix.indptr))
    rest = np.setdiff1d(np.arange(n), crowded)
    core = matrix[rest][:, rest] if crowded.size else matrix
    kind, inner, width, why = _core(core, alone=not crowded.size and not signs.size)
    if inner is not None:
        core = core[inner][:, inner] if kind != "diagonal" else core
        rest = rest[inner]
    order = np.concatenate([rest, crowded]) if crowded.size or inner is not None else None
    border = matrix[rest][:, crowded].toarray() if crowded.size else np.zeros((len(rest), 0))
    corner = matrix[crowded][:, crowded].toarray() if crowded.size else np.zeros((0, 0))
    kept = core.diagonal() if kind == "diagonal" else core.toarray() if kind == "dense" else core
    low = low if order is None else low[order]
    if crowded.size:
        why += f"; {len(crowded)} rows have far more entries than the rest"
    return Form(n, kind, why, kept, order, border, corner, low, signs, width, epsilon)


def _crowded(counts: Numbers) -> Numbers:
    """The rows with far more entries than most: the border of an arrow."""
    typical = float(np.quantile(counts, 0.9))
    found = np.flatnonzero(counts > 20 + 10 * typical)
    if not 0 < len(found) <= min(MOST_BORDER, len(counts) // 4):
        typical = float(np.median(counts))
        found = np.flatnonzero(counts > 8 * typical) if len(counts) > 8 else found[:0]
    return found if 0 < len(found) <= min(MOST_BORDER, len(counts) // 8) else found[:0]


def _core(core: Any, alone: bool) -> tuple[str, Numbers | None, int, str]:
    """Kind, order, half bandwidth of a sparse matrix, and why."""
    m = core.shape[0]
    rows = np.repeat(np.arange(m), np.diff(core.indptr))
    if (rows == core.indices).all():
        return "diagonal", None, 0, "no entry off the diagonal"
    share = core.nnz / m**2
    width = _width(rows, core.indices)
    short = _narrow(width, core.nnz, m) and 4 * width < m
    if share > DENSE_SHARE and (alone or m <= 500) and not short:
        return "dense", None, m - 1, f"{share:.0%} of the entries are nonzero"
    if _narrow(width, core.nnz, m):
        return "banded", None, width, "in the order of the variables"
    order = reverse_cuthill_mckee(core, symmetric_mode=True)
    place = np.empty(m, np.int64)
    place[order] = np.arange(m)
    turned = _width(place[rows], place[core.indices])
    if _narrow(turned, core.nnz, m):
        return "banded", np.asarray(order, np.int64), turned, "after reverse Cuthill–McKee"
    return "sparse", None, width, f"{core.nnz / m:.3g} entries a row, in no narrow band ({turned} at best)"


def _width(rows: Numbers, columns: Numbers) -> int:
    return int(np.abs(rows - columns).max(initial=0))


def _narrow(width: int, entries: int, size: int) -> bool:
    """Whether a band is no more work than the entries in it."""
    return width <= max(1, size - 1) and (2 * width + 1) * size <= max(
        4 * entries, min(2 * NARROW + 1, size // 4) * size
    )
