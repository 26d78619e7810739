"""A few eigenvalues at the ends of a spectrum, each with a bound on its error."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import jax
import numpy as np
import numpy.typing as npt

from osculate._errors import WrongInput
from osculate._spectrum.keys import generator
from osculate._spectrum.product import Floats, Product, product_of, whole_number
from osculate._spectrum.search import RISK, Search, Wanted, allowance, search

_ASKED = "osculate.eigenvalues"


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class Eigenvalues:
    """Eigenvalues with their error bounds and eigenvectors.

    Attributes
    ----------
    value : array (m,)
        Largest first for "largest", smallest first for "smallest"; for "both", the k largest and then the k smallest.
    error : array (m,)
        Bound on |value − eigenvalue|, rounding included.
    vectors : array (n, m)
        Unit eigenvectors, in the order of ``value``.
    residuals : array (m,)
        ‖Hv − λv‖ of each pair.
    converged : array (m,) of bool
        Whether the pair reached the tolerance within the budget.
    how : str
        The method, whether the budget ended it, and whether repeated eigenvalues were looked for.
    products : int
        Products spent.
    """

    value: Floats
    error: Floats
    vectors: Floats
    residuals: Floats
    converged: npt.NDArray[np.bool_]
    how: str = field(metadata={"static": True})
    products: int = field(metadata={"static": True})

    def __len__(self) -> int:
        return len(self.value)

    def __float__(self) -> float:
        return float(self.value.item())

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        return np.array(self.value, dtype=dtype) if copy else np.asarray(self.value, dtype=dtype)

    def __str__(self) -> str:
        lines = [
            f"{value:.10g} ± {error:.2g}{'' if done else '  (not converged)'}"
            for value, error, done in zip(self.value, self.error, self.converged, strict=True)
        ]
        return "\n".join([*lines, f"({self.how}, {self.products} products)"])


def eigenvalues(
    op: Any,
    k: int = 1,
    which: Literal["largest", "smallest", "both"] = "largest",
    *,
    products: int | None = None,
    key: Any = 0,
    tolerance: float | None = None,
) -> Eigenvalues:
    """Eigenvalues at the ends of the spectrum, by Lanczos that is always fully reorthogonalised.

    A pair (θ, y) with residual r = ‖Hy − θy‖ has an eigenvalue within r of θ, and within r²/gap once it is
    established that no other eigenvalue is nearer than the gap. Repeated eigenvalues are found with their
    multiplicity: after the wanted pairs have converged, a run from a new random vector, orthogonal to all earlier
    ones, looks for what was missed. "Largest" and "smallest" are meant with the sign.

    Parameters
    ----------
    op : CurvatureOperator, scipy.sparse.linalg.LinearOperator or array, shape (n, n)
        Symmetric. Only ``op.shape``, ``op.dtype`` and ``op @ v`` are used. The work is in float64; the precision of
        the result is that of ``op.dtype``.
    k : int
        How many, at each end asked for; at most n.
    which : {"largest", "smallest", "both"}
        Which end.
    products : int, optional
        Budget. The default stops at convergence, and at min(n, max(300, 20 k)) at the latest. The basis takes
        8 n bytes a product.
    key : int or JAX key
        Seeds the starting vectors.
    tolerance : float, optional
        Stop when every error bound is below ``tolerance`` · ‖H‖. The default is n·ε: as far as rounding allows.

    Returns
    -------
    Eigenvalues

    Raises
    ------
    WrongType
        If ``op`` is no operator, is complex or is traced, or ``k`` is no integer.
    WrongInput
        If ``op`` is not square or not symmetric, ``k`` > n, ``products`` < k, or a product is not finite.

    References
    ----------
    B. N. Parlett, The Symmetric Eigenvalue Problem (SIAM 1998), sections 11.7 (bounds) and 13 (Lanczos).
    J. Kuczyński and H. Woźniakowski, Estimating the largest eigenvalue by the power and Lanczos algorithms with a
    random start, SIAM J. Matrix Anal. Appl. 13 (1992), theorem 4.2.

    Examples
    --------
    The second difference on three points has the eigenvalues 2 + √2, 2 and 2 − √2:

    >>> import numpy as np
    >>> second_difference = np.array([[2.0, -1.0, 0.0], [-1.0, 2.0, -1.0], [0.0, -1.0, 2.0]])
    >>> found = eigenvalues(second_difference, k=2)
    >>> bool(np.all(abs(found.value - [2 + np.sqrt(2), 2]) <= found.error))
    True
    >>> bool(np.all(found.error < 1e-14))
    True
    """
    product = product_of(op, _ASKED)
    wanted = _wanted(product, k, which)
    least = min(product.size, wanted.largest + wanted.smallest)
    if products is None:
        budget = min(product.size, max(300, 20 * k))
    else:
        budget = whole_number(
            products, "products", _ASKED, least=least, why=f"{least} eigenvalues take at least {least} products"
        )
    if tolerance is not None and not tolerance >= 0:
        raise WrongInput(_ASKED, f"`tolerance` is {tolerance}", remedy="pass a number ≥ 0, relative to ‖H‖, or None")
    found = search(product, wanted, budget, tolerance, generator(key, _ASKED))
    indices = wanted.indices(len(found.pairs.values))
    bounds = found.bounds()[indices]
    converged = bounds <= allowance(product, tolerance)
    return Eigenvalues(
        value=found.pairs.values[indices],
        error=bounds + product.rounding,
        vectors=found.vectors(indices),
        residuals=found.pairs.residuals[indices],
        converged=converged,
        how=_how(found, converged, product),
        products=product.count,
    )


def _wanted(product: Product, k: int, which: str) -> Wanted:
    count = whole_number(k, "k", _ASKED, least=1, why="at least one eigenvalue must be asked for")
    if count > product.size:
        raise WrongInput(
            _ASKED,
            f"`k` is {count}, but an operator of shape ({product.size}, {product.size}) has {product.size} eigenvalues",
            remedy=f"pass k={product.size} or less",
        )
    if which not in ("largest", "smallest", "both"):
        raise WrongInput(
            _ASKED, f"`which` is {which!r}", remedy='pass which="largest", which="smallest" or which="both"'
        )
    return Wanted(count if which != "smallest" else 0, count if which != "largest" else 0)


def _how(found: Search, converged: npt.NDArray[np.bool_], product: Product) -> str:
    if found.complete:
        return "numerical ± rounding: Lanczos, fully reorthogonalised, over the whole space"
    reached = "all" if converged.all() else f"{converged.sum()} of {len(converged)}"
    stopped = "" if found.verified and found.converged else f" when the budget of {product.count} ended it"
    missing = f"none missed (probability ≥ {1 - RISK:.1%})" if found.verified else "repeated ones may be missing"
    return f"estimate ± residual bound: Lanczos, fully reorthogonalised; {reached} converged{stopped}; {missing}"
