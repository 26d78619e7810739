"""A program for SciPy's trust-constr."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.optimize
import scipy.sparse

from .derivatives import Derivatives
from .limits import Vector


def arguments(here: Derivatives, lower: Vector, upper: Vector, least: Vector, most: Vector) -> dict[str, Any]:
    """Keyword arguments of ``scipy.optimize.minimize``."""
    n = len(here.start)
    rows, columns = here.hessian_pattern
    below = rows > columns
    places = np.concatenate([rows, columns[below]]), np.concatenate([columns, rows[below]])
    none = np.zeros(here.count)

    def symmetric(entries: Vector) -> Any:
        return scipy.sparse.csr_array((np.concatenate([entries, entries[below]]), places), shape=(n, n))

    def jacobian(x: Vector) -> Any:
        return scipy.sparse.csr_array((here.jacobian(x), here.jacobian_pattern), shape=(here.count, n))

    found: dict[str, Any] = {
        "fun": here.value,
        "x0": here.start,
        "jac": here.gradient,
        "hess": lambda x: symmetric(here.hessian(x, none, 1.0)),
    }
    if here.count:
        kind: Any = scipy.optimize.NonlinearConstraint  # its own types know finite differences alone
        found["constraints"] = kind(
            here.constraints, least, most, jac=jacobian, hess=lambda x, v: symmetric(here.hessian(x, v, 0.0))
        )
    if np.isfinite(lower).any() or np.isfinite(upper).any():
        box: Any = scipy.optimize.Bounds
        found["bounds"] = box(lower, upper)
    return found
