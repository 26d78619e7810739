"""The function along straight lines through the point, with the quadratic model that curvature makes of it."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .data import Slice
from .stages import product
from .study import Array, Study, flat

POINTS = 61


def measure_slices(study: Study) -> None:
    """Slices along the top eigenvectors, the most negative one, and the gradient."""
    for key, label, direction in directions(study):
        study.slices.append(measure_slice(study, key, label, direction))


def directions(study: Study) -> list[tuple[str, str, Array]]:
    """Choose unit vectors worth a slice: the stiffest two, the most negative, the gradient (each only if it exists)."""
    chosen: list[tuple[str, str, Array]] = []
    if study.vectors is not None and study.eigenvalues is not None and study.spectrum is not None:
        chosen.append(("top1", "stiffest direction", study.vectors[:, -1]))
        negative = study.eigenvalues[0] < -study.spectrum.errors[0]
        if study.size > 1 + int(negative):
            chosen.append(("top2", "second stiffest direction", study.vectors[:, -2]))
        if negative and study.size > 1:
            chosen.append(("lowest", "direction of most negative curvature", study.vectors[:, 0]))
    gradient = study.gradient
    length = float(np.linalg.norm(gradient))
    if length > 0 and study.size > 1:
        chosen.append(("gradient", "direction of the gradient", gradient / length))
    return chosen


def measure_slice(study: Study, key: str, label: str, direction: Array) -> Slice:
    """Values of the function and of its quadratic model on a line as long as the model deserves."""
    value = float(np.asarray(study.operator.value))
    slope = float(study.gradient @ direction)
    curvature = float(direction @ product(study.operator, direction))
    study.spent += 1
    third, fourth = higher_derivatives(study, direction)
    epsilon = float(np.finfo(study.operator.dtype).eps)
    distance = reach(curvature, third, fourth)
    if distance is not None and distance > (1 + float(np.linalg.norm(flat(study.x)))) / np.sqrt(epsilon):
        distance = None  # so far out that the third derivative was rounding
    width = window(value, slope, curvature, distance, epsilon)
    distances = np.linspace(-width, width, POINTS)
    return Slice(
        key,
        label,
        slope,
        curvature,
        distance,
        tuple(map(float, distances)),
        tuple(map(float, values_along(study, direction, distances))),
        tuple(map(float, value + slope * distances + curvature * distances**2 / 2)),
    )


def values_along(study: Study, direction: Array, distances: Array) -> Array:
    """f(x + t v) for all t, compiled once and run one t after the other: memory stays that of one evaluation."""
    with study.here.precision.context():
        tangent = jax.tree.map(jnp.asarray, study.operator.unravel(direction.astype(study.operator.dtype)))

        def at(t: Any) -> Any:
            return study.here(jax.tree.map(lambda leaf, v: leaf + t * v, study.here.primals[0], tangent))

        return np.asarray(jax.jit(lambda ts: jax.lax.map(at, ts))(jnp.asarray(distances, study.operator.dtype)))


def higher_derivatives(study: Study, direction: Array) -> tuple[float, float]:
    """Third and fourth derivative of t ↦ f(x + t v) at t = 0."""
    from osculate._jets import taylor

    derivatives = taylor(study.function, 4)(
        study.x, study.operator.unravel(direction.astype(study.operator.dtype)), *study.data
    ).derivatives
    third, fourth = (float(np.asarray(value)) for value in derivatives[3:5])
    return third, fourth


def reach(curvature: float, third: float, fourth: float) -> float | None:
    """Distance t at which |f‴|t³/6 + |f⁗|t⁴/24 is half of |f″|t²/2; None if it never is.

    Examples
    --------
    >>> reach(2.0, 0.0, 0.0) is None
    True
    >>> reach(2.0, 3.0, 0.0), reach(1.0, 0.0, 6.0)
    (1.0, 1.0)
    """
    a, b, c = abs(fourth) / 24, abs(third) / 6, abs(curvature) / 4
    if not np.isfinite([a, b, c]).all() or c == 0 or a + b == 0:
        return None
    return float(2 * c / (b + np.sqrt(b * b + 4 * a * c)))


def window(value: float, slope: float, curvature: float, distance: float | None, epsilon: float) -> float:
    """Half-width of a slice: somewhat beyond the model's reach, or where the model changes by the value's own size."""
    if distance is not None and np.isfinite(distance):
        return 1.6 * distance
    change = max(abs(value), 1.0)
    if abs(curvature) > epsilon * change:
        return float(np.sqrt(2 * change / abs(curvature)))
    return change / abs(slope) if abs(slope) > epsilon * change else 1.0
