"""The stages of the analysis that look at the whole Hessian: spectrum, gradient, trace, density."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from osculate._spectrum import condition_number, eigenvalues, spectral_density

from .data import Missing, Spectrum
from .study import Array, Study

TOLERANCE = 1e-9
"""Where Lanczos stops, relative to ‖H‖: digits beyond it would cost products that nobody reads."""
COARSE = 1e-6
"""The same at the lower end, where eigenvalues are small and lie close together."""
LARGEST, SMALLEST = 10, 4
"""Eigenpairs at the ends of the spectrum of a problem too large for its matrix."""
GRID = 300
RELATIVE_WIDTH = 0.08
"""On a logarithmic axis the density is smoothed by so much of |λ|: else an eigenvalue of its own is a needle."""


def measure_spectrum(study: Study) -> None:
    """All eigenvalues of a small Hessian, or those at the two ends of a large one."""
    if not study.dense:
        measure_ends(study)
        return
    matrix = np.asarray(study.operator.matrix(), np.float64)
    study.matrix = (matrix + matrix.T) / 2
    values, study.vectors = np.linalg.eigh(study.matrix)
    study.eigenvalues = values
    rounding = study.size * float(np.finfo(study.operator.dtype).eps) * float(np.abs(values).max())
    study.spectrum = Spectrum(True, tuple(map(float, values)), (rounding,) * study.size, lower=study.size // 2)
    how = "exact: all eigenvalues of the dense matrix; the error is the rounding bound n·ε·‖H‖"
    study.measured("sharpness", "sharpness λ_max", values[-1], rounding, how, study.size)
    study.measured("lowest", "smallest eigenvalue λ_min", values[0], rounding, how, study.size, spend=False)
    negative = float(np.mean(values < -rounding))
    how = "exact: counted among all eigenvalues"
    study.measured("negative_mass", "share of negative eigenvalues", negative, None, how, study.size, spend=False)


def measure_ends(study: Study) -> None:
    """Extreme eigenpairs by Lanczos, each end by itself: the upper one stands apart and takes far fewer products."""
    top = eigenvalues(study.operator, LARGEST, "largest", key=study.key, tolerance=TOLERANCE)
    study.measured("sharpness", "sharpness λ_max", top.value[0], top.error[0], top.how, top.products)
    study.eigenvalues, study.vectors = np.asarray(top.value)[::-1], np.asarray(top.vectors)[:, ::-1]
    errors = np.asarray(top.error)[::-1]
    study.spectrum = Spectrum(False, tuple(map(float, study.eigenvalues)), tuple(map(float, errors)))
    bottom = eigenvalues(study.operator, SMALLEST, "smallest", key=study.key, tolerance=COARSE)
    label = "smallest eigenvalue λ_min"
    study.measured("lowest", label, bottom.value[0], bottom.error[0], bottom.how, bottom.products)
    study.eigenvalues = np.concatenate([np.asarray(bottom.value), study.eigenvalues])
    study.vectors = np.concatenate([np.asarray(bottom.vectors), study.vectors], axis=1)
    errors = np.concatenate([np.asarray(bottom.error), errors])
    study.spectrum = Spectrum(False, tuple(map(float, study.eigenvalues)), tuple(map(float, errors)), SMALLEST)


def measure_gradient(study: Study) -> None:
    """Curvature along the gradient, the best step along it, and how much of it lies in the stiffest directions."""
    gradient = study.gradient
    squared = float(gradient @ gradient)
    if squared == 0:
        return
    curvature = float(gradient @ product(study.operator, gradient)) / squared
    study.measured(
        "gradient_curvature", "curvature along the gradient", curvature, None, "exact: gᵀHg/gᵀg by one product", 1
    )
    if curvature > 0:
        how = "exact: gᵀg/gᵀHg from the same product"
        study.measured("best_step", "best step size along the gradient", 1 / curvature, None, how, 1, spend=False)
    if study.vectors is not None and study.size > 2 * LARGEST:
        share = float(np.sum((study.vectors[:, -LARGEST:].T @ gradient) ** 2)) / squared
        label = f"share of ‖∇f‖² in the {LARGEST} stiffest directions"
        study.measured("gradient_share", label, share, None, "from the eigenvectors of the spectrum")


def measure_trace(study: Study) -> None:
    """Trace, mean eigenvalue, and the condition number where the Hessian is positive definite."""
    if study.matrix is not None:
        trace = float(np.trace(study.matrix))
        study.measured("trace", "trace", trace, None, "exact: from the dense matrix", study.size, spend=False)
    else:
        trace = study.operator.trace(key=study.key)
        study.measured("trace", "trace", trace.value, trace.error, trace.how, trace.products)
    lowest, spectrum = study.number("lowest"), study.spectrum
    if lowest is None or spectrum is None or lowest.value <= spectrum.errors[0]:
        why = "the Hessian is not positive definite here"
        study.missing.append(Missing("condition number", why, "read the spectrum instead, or move to a minimum"))
        return
    condition = condition_number(study.operator if study.matrix is None else study.matrix, key=study.key)
    spend = study.matrix is None
    study.measured(
        "condition",
        "condition number κ",
        condition.value,
        condition.error,
        condition.how,
        condition.products,
        spend=spend,
    )
    rate = float(np.asarray(condition.gradient_descent_rate))
    how = "from κ: (κ − 1)/(κ + 1), a step of gradient descent at its best step size"
    study.measured("rate", "error that remains after a step", rate, None, how)


def measure_density(study: Study) -> None:
    """Spectral density and the share of negative eigenvalues of a large Hessian."""
    if study.dense or study.spectrum is None:
        return
    density = spectral_density(study.operator, products=study.products, key=study.key)
    grid = signed_log_grid(study.spectrum.eigenvalues, density.width)
    points = [density.at(at, width=max(density.width, RELATIVE_WIDTH * abs(at))) for at in grid]
    study.spectrum = replace(
        study.spectrum,
        resolution=float(2 * density.width),
        grid=tuple(map(float, grid)),
        density=tuple(float(point.value) for point in points),
        density_error=tuple(float(point.error) for point in points),
    )
    mass, products = density.negative_mass, density.products
    study.measured("negative_mass", "share of negative eigenvalues", mass.value, mass.error, mass.how, products)
    clearly = density.cumulative(-2 * density.width)
    study.measured(
        "clearly_negative",
        "share of clearly negative eigenvalues",
        clearly.value,
        clearly.error,
        f"{clearly.how}; below −{2 * density.width:.2g}, what the density resolves",
        products,
        spend=False,
    )


def signed_log_grid(ends: tuple[float, ...], width: float) -> Array:
    """Points from below the smallest to above the largest eigenvalue, even on an axis linear within two widths."""
    linear = 2 * width
    low, high = (np.arcsinh(end / linear) for end in (min(ends) - 4 * width, max(ends) * 1.4 + 4 * width))
    return linear * np.sinh(np.linspace(low, high, GRID))


def product(operator: Any, vector: Array) -> Array:
    """H v in double precision on the host."""
    return np.asarray(operator @ vector.astype(operator.dtype), np.float64)
