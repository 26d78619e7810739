"""Between Taylor coefficients and derivatives: times and over k!, in steps that the dtype can hold.

170! is the last factorial of a double, 34! of a single. A coefficient times k! may be finite all the same, and an exact
zero stays zero; only a result that is itself too large becomes infinite.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from math import factorial, prod
from typing import Any

import jax.numpy as jnp
import numpy as np


def times_factorial(coefficient: Any, k: int) -> Any:
    """K! times a coefficient."""
    for step in _steps(k, float(jnp.finfo(coefficient.dtype).max)):
        coefficient = coefficient * np.asarray(step, coefficient.dtype)
    return coefficient


def over_factorial(derivative: Any, k: int) -> Any:
    """A derivative over k!."""
    for step in _steps(k, float(jnp.finfo(derivative.dtype).max)):
        derivative = derivative / np.asarray(step, derivative.dtype)
    return derivative


def times_all(coefficients: Any, alphas: Sequence[tuple[int, ...]]) -> Any:
    """α! times the coefficient of each multi-index, stacked along the first axis."""
    sizes = [prod(map(factorial, alpha)) for alpha in alphas]
    count = max(size.bit_length() for size in sizes) // 100 + 1
    parts = [size.bit_length() // count for size in sizes]
    steps = [[float(2**part) for part in parts]] * (count - 1)
    steps.append([float(Fraction(s, 2 ** (p * (count - 1)))) for s, p in zip(sizes, parts, strict=True)])
    for step in steps:
        if any(factor != 1 for factor in step):
            shape = (-1,) + (1,) * (coefficients.ndim - 1)
            coefficients = coefficients * np.reshape(step, shape).astype(coefficients.dtype)
    return coefficients


@cache
def _steps(k: int, largest: float) -> tuple[float, ...]:
    """Factors of k!, as few as stay below ``largest``."""
    steps = [1]
    for factor in range(2, k + 1):
        if steps[-1] * factor < largest:
            steps[-1] *= factor
        else:
            steps.append(factor)
    return tuple(float(step) for step in steps if step > 1)
