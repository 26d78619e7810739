"""What a CurvatureOperator answers from the form of its matrix: factors, determinants, inertias, Newton steps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from osculate._errors import OsculateError, WrongInput
from osculate._factorisations import (
    Cholesky,
    Factor,
    Form,
    Inertia,
    LogDeterminant,
    NotPositiveDefinite,
    Undecided,
    cholesky,
    factorise,
    form_of,
    inertia,
)

from .reading import NOT_FINITE, read_form

DENSE_DIRECT = 500
"""Sizes up to which ``solve`` forms a dense matrix without being asked to."""

DENSE_MOST = 8000
"""Sizes up to which a dense matrix is formed when a factorisation is asked for."""

MOST_REFINED = 3


@dataclass(frozen=True, eq=False)
class NewtonStep:
    """A step −(H + damping·I)⁻¹ ∇f, and what kind of step it is.

    Attributes
    ----------
    value : array or pytree
        The step, shaped like the point.
    error : float
        Norm of the true residual ∇f + (H + damping·I) step.
    slope : float
        ∇f · step, the derivative of f along the step; negative downhill.
    negative : int or None
        How many eigenvalues of H + damping·I are negative; None where the method cannot say.
    how : str
        The method.
    """

    value: Any
    error: float
    slope: float
    negative: int | None
    how: str = field(default="")

    @property
    def descent(self) -> bool:
        """Whether H + damping·I is positive definite, so that the step leads to the minimum of the quadratic model."""
        return self.negative == 0

    def __str__(self) -> str:
        if self.negative is None:
            kind = "the signs of the eigenvalues are not known"
        elif self.negative:
            kind = f"{self.negative} negative eigenvalues: a step towards a saddle or a maximum"
        else:
            kind = "positive definite: a descent step"
        return f"Newton step, slope {self.slope:.4g}, {kind} ({self.how})"


def form(operator: Any) -> Form | str:
    """The form of an operator's matrix, checked by one product; or why there is none."""
    if operator.source is None:
        return "only its products are known"
    with operator.precision.context():
        found = read_form(operator.source, operator.dtype)
    if isinstance(found, str):
        return found
    direction = np.random.default_rng(0).standard_normal(found.size)
    expected = np.asarray(operator @ np.asarray(direction, operator.dtype), np.float64)
    wrong = np.abs(found.product(direction) - expected).max()
    if not np.isfinite(wrong):
        return NOT_FINITE
    if wrong > found.epsilon**0.5 * max(found.norm(), float(np.abs(expected).max())):
        return "it failed its check by a product (a custom rule that is not symmetric, as a rule)"
    return found


def dense(operator: Any, asked: str, reason: str) -> Form:
    """The whole matrix, where that is asked for and bearable."""
    n = operator.shape[0]
    if n > DENSE_MOST:
        raise OsculateError(
            asked,
            f"the {operator.name} of {n:,} variables has no sparse form ({reason}), and {n:,}² numbers are too many",
            remedy='op.solve(v, method="minres") and osculate.eigenvalues(op) need products only',
        )
    matrix = np.asarray(operator.matrix(), np.float64)
    if not np.isfinite(matrix).all():
        raise not_finite(operator, asked)
    return form_of((matrix + matrix.T) / 2, epsilon=float(np.finfo(operator.dtype).eps))


def not_finite(operator: Any, asked: str) -> WrongInput:
    """The error for a Hessian with NaN or infinite entries."""
    return WrongInput(
        asked,
        f"the {operator.name} has entries that are NaN or infinite at this point",
        remedy="look at op.value and op.gradient; osculate.classify(f)(x) names kinks",
    )


def solved(
    operator: Any, found: Form, right: np.ndarray[Any, Any], damping: float
) -> tuple[np.ndarray[Any, Any], float, Factor]:
    """The solution by factorisation, refined in float64; and the norm of its true residual by one product."""
    system = found.shifted(damping)
    factor = factorise(system)
    with np.errstate(all="ignore"):
        x = factor.apply(right)
        best = float(np.linalg.norm(right - system.product(x)))
        for _ in range(MOST_REFINED):
            better = x + factor.apply(right - system.product(x))
            left = float(np.linalg.norm(right - system.product(better)))
            if not left < best / 2:
                x = better if left < best else x
                break
            x, best = better, left
        x = np.asarray(np.asarray(x, operator.dtype), np.float64)
        if not np.isfinite(x).all():
            return x, np.inf, factor
        product = np.asarray(operator @ np.asarray(x, operator.dtype), np.float64) + damping * x
    return x, float(np.linalg.norm(right - product)), factor


def cholesky_of(found: Form, name: str, asked: str) -> Cholesky:
    """Cholesky's factorisation, or an error that says why there is none."""
    try:
        return cholesky(found)
    except NotPositiveDefinite as error:
        evidence = _evidence(found, error.factor)
        raise OsculateError(
            asked,
            f"the {name} is not positive definite: {evidence}",
            remedy="op.solve and op.logdet work for indefinite matrices; op.newton_step(damping=…) shifts the "
            "eigenvalues; op.inertia() counts them",
        ) from None


def _evidence(found: Form, factor: Factor) -> str:
    """A negative value of the quadratic form, or the counts."""
    diagonal = found.diagonal()
    least = int(np.argmin(diagonal))
    if diagonal[least] < 0:
        return f"entry {least} of its diagonal is {diagonal[least]:.6g}"
    try:
        counted = inertia(found)
    except Undecided as error:
        return str(error)
    if counted.negative:
        return f"{counted.negative} of its {found.size} eigenvalues are negative ({counted.how})"
    return (
        f"{counted.zero} of its {found.size} eigenvalues are zero up to {max(counted.tolerance, 0):.2g} ({factor.how})"
    )


def inertia_of(found: Form, tolerance: float | None, name: str, asked: str) -> Inertia:
    """The counts, or an error where rounding hides them."""
    if tolerance is not None and not (np.isfinite(tolerance) and tolerance > 0):
        raise WrongInput(asked, f"tolerance={tolerance} must be positive", remedy="op.inertia(tolerance=1e-6)")
    try:
        return inertia(found, tolerance)
    except Undecided as error:
        raise OsculateError(
            asked,
            f"the signs of the eigenvalues of the {name} cannot be told from rounding: {error}",
            remedy="op.inertia(tolerance=1e-4) counts what is smaller as zero; or "
            'osculate.eigenvalues(op, which="smallest")',
        ) from None


def determinant_of(found: Form) -> LogDeterminant:
    """Sign and logarithm of the determinant."""
    return factorise(found).determinant


def negatives(found: Form, factor: Factor) -> int | None:
    """How many eigenvalues are negative, from a factorisation at hand or another; None where nothing is certain."""
    if factor.negative is not None and factor.certain:
        return factor.negative
    try:
        return inertia(found).negative
    except Undecided:
        return None
