"""The condition number, and what it means for gradient descent and for a diagonal preconditioner."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np

from osculate._spectrum.diagonal import estimate_diagonal
from osculate._spectrum.keys import generator
from osculate._spectrum.product import Floats, Product, product_of, whole_number
from osculate._spectrum.search import RISK, Search, Wanted, search, shortfall

_ASKED = "osculate.condition_number"
_BOTH_ENDS = Wanted(largest=1, smallest=1)


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class Condition:
    """The condition number κ = |λ|max / |λ|min.

    Attributes
    ----------
    value : float
        κ; ``inf`` for an operator that is singular to rounding; ``nan`` where it could not be found, and ``how`` says
        why and what is known instead.
    error : float
        Bound on its error; ``nan`` where there is none.
    largest, smallest : float
        |λ|max and |λ|min; ``nan`` where unknown.
    gradient_descent_rate : float
        (κ − 1)/(κ + 1), the factor by which the error of gradient descent with the best fixed step shrinks in each
        step; ``nan`` unless the operator is positive definite.
    diagonally_preconditioned : float
        κ of D^(−1/2) H D^(−1/2) with D = diag H; ``nan`` unless H is definite and it was found.
    definiteness : str
        "positive definite", "negative definite", "indefinite", "singular" or "undecided".
    how : str
        The method, and what could not be found.
    products : int
        Products spent.
    """

    value: float
    error: float
    largest: float
    smallest: float
    gradient_descent_rate: float
    diagonally_preconditioned: float
    definiteness: str = field(metadata={"static": True})
    how: str = field(metadata={"static": True})
    products: int = field(metadata={"static": True})

    def __float__(self) -> float:
        return float(self.value)

    def __str__(self) -> str:
        lines = [f"condition number {self.value:.6g} ± {self.error:.2g}, {self.definiteness}"]
        if not np.isnan(self.gradient_descent_rate):
            lines.append(f"gradient descent shrinks its error by {self.gradient_descent_rate:.6g} a step at best")
        if not np.isnan(self.diagonally_preconditioned):
            lines.append(f"after diagonal preconditioning {self.diagonally_preconditioned:.6g}")
        return "\n".join([*lines, f"({self.how}, {self.products} products)"])


@dataclass(frozen=True)
class _Extremes:
    """|λ| at both ends with error bounds, or what is known instead."""

    definiteness: str
    largest: float
    largest_error: float
    smallest: float
    smallest_error: float
    remark: str


def condition_number(op: Any, *, products: int = 300, key: Any = 0) -> Condition:
    """Condition number of a symmetric operator, and what it means.

    Up to n = ``products`` all eigenvalues are computed. Beyond, Lanczos finds both ends of the spectrum, which decides
    the case of a definite operator; where it has not converged, the theorem of Kuczyński and Woźniakowski (1992) says
    how far an end may be, and a κ up to about (m/6)² can be told from m products. For an indefinite one |λ|min lies
    inside the spectrum, where Lanczos cannot prove anything: κ is then ``nan``, with a lower bound in ``how``, unless
    some vector shows the operator to be singular.

    Parameters
    ----------
    op : CurvatureOperator, scipy.sparse.linalg.LinearOperator or array, shape (n, n)
        Symmetric.
    products : int
        Budget, at least min(n, 8). For n > ``products`` half of it goes to κ, a quarter to the diagonal (XDiag),
        and the rest to κ after preconditioning by that estimated diagonal.
    key : int or JAX key
        Seeds the starting vectors.

    Returns
    -------
    Condition

    Raises
    ------
    WrongType
        If ``op`` is no operator, is complex or is traced, or ``products`` is no integer.
    WrongInput
        If ``op`` is not square or not symmetric, the budget is too small, or a product is not finite.

    References
    ----------
    B. N. Parlett, The Symmetric Eigenvalue Problem (SIAM 1998), chapters 11 and 13. Y. Nesterov, Introductory Lectures
    on Convex Optimization (2004), theorem 2.1.15 (the rate).

    Examples
    --------
    >>> import numpy as np
    >>> stiff = condition_number(np.diag([1.0, 2.0, 100.0]))
    >>> round(float(stiff), 9), round(stiff.gradient_descent_rate, 6), round(stiff.diagonally_preconditioned, 9)
    (100.0, 0.980198, 1.0)
    """
    product = product_of(op, _ASKED)
    least = min(product.size, 8)
    budget = whole_number(
        products, "products", _ASKED, least=least, why=f"an operator of this size takes at least {least}"
    )
    if product.size <= budget:
        return _from_matrix(product)
    return _from_products(product, budget, generator(key, _ASKED))


def _from_matrix(product: Product) -> Condition:
    dense = product.matrix()
    found = _dense_extremes(dense, product.rounding)
    preconditioned = np.nan
    if found.definiteness.endswith(" definite"):
        scaling = 1 / np.sqrt(np.abs(np.diag(dense)))
        scaled = np.linalg.eigvalsh(scaling[:, None] * dense * scaling)
        preconditioned = float(np.max(np.abs(scaled)) / np.min(np.abs(scaled)))
    return _condition(found, preconditioned, "numerical ± rounding: all eigenvalues of the whole matrix", product.count)


def _dense_extremes(dense: Floats, rounding: float) -> _Extremes:
    values = np.linalg.eigvalsh(dense)
    largest, smallest = float(np.max(np.abs(values))), float(np.min(np.abs(values)))
    if smallest <= rounding:
        return _singular(largest, smallest, rounding)
    positive, negative = values[0] > 0, values[-1] < 0
    definiteness = "positive definite" if positive else "negative definite" if negative else "indefinite"
    return _Extremes(definiteness, largest, rounding, smallest, rounding, "")


def _from_products(product: Product, budget: int, random: np.random.Generator) -> Condition:
    found = _lanczos_extremes(product, search(product, _BOTH_ENDS, budget // 2, None, random))
    how = "estimate ± residual bound: Lanczos, fully reorthogonalised"
    spent = product.count
    preconditioned = np.nan
    if found.definiteness.endswith(" definite"):
        sign = 1.0 if found.definiteness == "positive definite" else -1.0
        preconditioned, remark, more = _preconditioned(product, sign, budget - spent, random)
        spent += more
        how = f"{how}; {remark}"
    return _condition(found, preconditioned, how, spent)


def _lanczos_extremes(product: Product, found: Search) -> _Extremes:
    values = found.pairs.values
    errors = found.bounds() + product.rounding
    if not found.verified:
        errors = errors * 0 + shortfall(product.size, found.runs[0].steps, float(np.ptp(values))) + product.rounding
    low, high = float(values[0]), float(values[-1])
    index = 0 if abs(low) > abs(high) else -1
    largest, largest_error = abs(float(values[index])), float(errors[index])
    # ‖Hy‖ of any unit vector is at least |λ|min
    ceiling = float(np.min(np.hypot(values, found.pairs.residuals)))
    at_least = f"κ ≥ {largest / ceiling:.3g}" if ceiling > 0 else "κ is infinite"
    if ceiling <= 2 * product.rounding:
        return _singular(largest, ceiling, largest_error)
    if low < -product.rounding and high > product.rounding:
        remark = f"the eigenvalue nearest to zero lies inside the spectrum and takes n products; {at_least}"
        return _Extremes("indefinite", largest, largest_error, np.nan, np.nan, remark)
    for end, sign, name in ((0, 1.0, "positive definite"), (-1, -1.0, "negative definite")):
        if sign * values[end] > errors[end]:
            return _Extremes(
                name, largest, largest_error, abs(float(values[end])), float(errors[end]), _unfinished(found)
            )
    remark = f"the eigenvalue nearest to zero was not resolved within the budget; {at_least}"
    return _Extremes("undecided", largest, largest_error, np.nan, np.nan, remark)


def _unfinished(found: Search) -> str:
    if found.verified and found.converged:
        return ""
    return f"the budget ended it; the bar holds with probability ≥ {1 - RISK:.1%}"


def _singular(largest: float, smallest: float, error: float) -> _Extremes:
    return _Extremes("singular", largest, error, smallest, error, "singular: |λ|min is within rounding, n·ε·‖H‖, of 0")


def _preconditioned(product: Product, sign: float, budget: int, random: np.random.Generator) -> tuple[float, str, int]:
    """κ of D^(−1/2) H D^(−1/2) with an estimated D, or nan; with a remark and the products it took."""
    before = product.count
    probes = budget // 4
    if probes < 2:
        return np.nan, "no budget was left for the diagonal preconditioner", 0
    diagonal = sign * np.asarray(estimate_diagonal(product, probes, random).value)
    spent = product.count - before
    if not np.all(diagonal > 0):
        return np.nan, "the estimated diagonal has entries of the wrong sign: no diagonal preconditioner", spent
    scaled = Product(
        _Scaled(product.operator, 1 / np.sqrt(diagonal)), product.asked, product.size, product.precision, product.dtype
    )
    ends = _lanczos_extremes(scaled, search(scaled, _BOTH_ENDS, budget - spent, None, random))
    value = ends.largest / ends.smallest
    remark = f"diagonal preconditioner from XDiag with {probes} probes"
    if np.isnan(value):
        remark = f"{remark}: not resolved within the budget"
    return value, remark, spent + scaled.count


@dataclass(frozen=True)
class _Scaled:
    """D^(−1/2) H D^(−1/2), from H and the diagonal of D^(−1/2)."""

    operator: Any
    scaling: Floats

    def __matmul__(self, vector: Floats) -> Floats:
        scaled = (self.scaling * vector).astype(vector.dtype)
        return self.scaling * np.asarray(self.operator @ scaled)


def _condition(found: _Extremes, preconditioned: float, how: str, products: int) -> Condition:
    if found.definiteness == "singular":
        value, error = np.inf, np.nan
    else:
        value = found.largest / found.smallest
        relative = found.smallest_error / found.smallest
        error = value * (found.largest_error / found.largest + relative) / (1 - relative)
    positive = found.definiteness == "positive definite"
    return Condition(
        value=float(value),
        error=float(error),
        largest=found.largest,
        smallest=found.smallest,
        gradient_descent_rate=float((value - 1) / (value + 1)) if positive else np.nan,
        diagonally_preconditioned=float(preconditioned),
        definiteness=found.definiteness,
        how="; ".join(part for part in (how, found.remark) if part),
        products=products,
    )
