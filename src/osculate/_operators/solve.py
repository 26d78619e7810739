"""Linear systems with a symmetric matrix known by its products."""

from __future__ import annotations

from typing import Any

import numpy as np

from osculate._errors import OsculateError, WrongInput

_ASKED = "CurvatureOperator.solve"


def solve(
    operator: Any, right: np.ndarray[Any, Any], damping: float, tolerance: float | None, products: int | None
) -> tuple[np.ndarray[Any, Any], float, int]:
    """Solve (H + damping·I) x = right by MINRES; returns x, the norm of its true residual, and the products spent.

    MINRES judges its residual by a recurrence, and relative to ‖H‖‖x‖. So each answer is checked by one more product,
    and MINRES is started again on what is left, as long as that gets smaller.
    """
    n, epsilon = right.size, float(np.finfo(operator.dtype).eps)
    allowed = epsilon**0.5 if tolerance is None else tolerance
    budget = 5 * n if products is None else products
    if not allowed > 0 or not budget > 0 or not np.isfinite(damping):
        raise WrongInput(
            _ASKED,
            f"tolerance={allowed}, products={budget} and damping={damping} must be positive, positive and finite",
            remedy="op.solve(v, damping=1e-3, tolerance=1e-8, products=1000)",
        )
    spent = 0

    def product(v: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        nonlocal spent
        spent += 1
        v = v.reshape(n)
        return np.asarray(operator @ v.astype(operator.dtype), np.float64) + damping * v

    import scipy.sparse.linalg  # takes long to load, and a lean start does not need it

    made: Any = scipy.sparse.linalg.LinearOperator  # its stub knows the constructor of its subclasses only
    system = made(shape=(n, n), matvec=product, dtype=np.dtype(np.float64))
    goal = allowed * float(np.linalg.norm(right))
    x, residual = np.zeros(n), right
    norm = float(np.linalg.norm(residual))
    while norm > goal and spent < budget:
        step, _ = scipy.sparse.linalg.minres(system, residual, rtol=min(allowed, 0.1) / 10, maxiter=budget - spent)
        left = right - product(x + step)
        if not np.linalg.norm(left) < norm:
            break
        x, residual, norm = x + step, left, float(np.linalg.norm(left))
    if not norm <= goal:
        raise OsculateError(
            _ASKED,
            f"after {spent} products the residual is {norm / float(np.linalg.norm(right)):.2g} of ‖v‖, above the "
            f"tolerance {allowed:.2g}: the matrix is ill-conditioned or singular, or the budget of {budget} is small",
            remedy="raise damping= (it bounds the condition number), tolerance= or products=",
        )
    return x, norm, spent
