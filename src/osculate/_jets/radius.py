"""The radius of convergence of a power series, estimated from how its coefficients fall."""

from __future__ import annotations

from typing import Any

import numpy as np

from osculate._results import Estimate


def radius_of(sizes: np.ndarray[Any, Any]) -> Estimate:
    """Radius of convergence from the moduli of the coefficients: a fitted root test."""
    how, count = "estimate ± spread of the fit: root test on the upper coefficients", len(sizes)
    k = np.arange(count)
    used = (k >= count // 3) & (k > 0) & (sizes > 0) & np.isfinite(sizes)
    if used.sum() < 4:
        return Estimate(np.inf, 0.0, "estimate: the upper coefficients vanish, as those of a polynomial do", count)
    size, at = np.log(sizes[used]), k[used]
    log_factorial = np.array([np.sum(np.log(np.arange(1, m + 1))) for m in at])
    steep = np.linalg.lstsq(np.stack([np.ones(len(at)), -at, -log_factorial], 1), size, rcond=None)[0]
    if steep[2] > 0.5:
        return Estimate(
            np.inf, 0.0, "estimate: the coefficients fall faster than any power, as entire functions do", count
        )
    fits = [_slope(at[part], size[part]) for part in (slice(None), slice(None, None, 2), slice(len(at) // 3, None))]
    value = float(np.exp(fits[0]))
    spread = max(abs(np.exp(f) - value) for f in fits[1:])
    return Estimate(value, float(spread), how, count)


def _slope(at: np.ndarray[Any, Any], size: np.ndarray[Any, Any]) -> float:
    """−slope of log |cₖ| in k, with the algebraic factor k^p of a pole or branch point fitted along where it can be."""
    columns = [np.ones(len(at)), -at.astype(float)]
    if len(at) > 3:
        columns.append(np.log(at))
    slope = np.linalg.lstsq(np.stack(columns, 1), size, rcond=None)[0][1]
    return float(slope)
