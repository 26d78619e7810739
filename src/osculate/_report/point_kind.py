"""The kind of point: from all second derivatives of a small problem, from the ends of the spectrum of a large one."""

from __future__ import annotations

import numpy as np

from osculate._geometry import classify

from .study import Study, flat


def measure_kind(study: Study) -> None:
    """Set ``study.kind``, and note the saddle index where all eigenvalues are known."""
    if study.dense:
        found = classify(study.function)(study.x, *study.data)
        study.kind = str(found.kind)
        if study.kind == "saddle":
            how = "exact: negative eigenvalues of the dense matrix, counted"
            study.measured("index", "saddle index", found.index, None, how, study.size, spend=False)
        return
    study.kind = kind_from_ends(study)


def kind_from_ends(study: Study) -> str | None:
    """Kind of point from the gradient and the extreme eigenvalues; the gradient is zero when it is its own rounding.

    A gradient entry sums terms as large as the Hessian times the point; n·ε of that, and of the value, is rounding.
    """
    if study.eigenvalues is None or study.spectrum is None:
        return None
    epsilon = float(np.finfo(study.operator.dtype).eps)
    size = float(np.abs(study.eigenvalues).max()) * float(np.linalg.norm(flat(study.x)))
    tolerance = study.size * epsilon * (size + abs(float(np.asarray(study.operator.value))))
    if np.linalg.norm(study.gradient) > tolerance:
        return "regular"
    low, high = study.eigenvalues[0] + study.spectrum.errors[0], study.eigenvalues[-1] - study.spectrum.errors[-1]
    if low - 2 * study.spectrum.errors[0] > 0:
        return "minimum"
    if high + 2 * study.spectrum.errors[-1] < 0:
        return "maximum"
    return "saddle" if low < 0 < high else "degenerate"
