"""Which layer is stiff: the Hessian's diagonal block of each leaf, and where the top eigenvector lies."""

from __future__ import annotations

import numpy as np

from osculate._operators import CurvatureOperator
from osculate._spectrum import eigenvalues

from .data import Layer, Number
from .stages import TOLERANCE
from .study import Study

BLOCK = 256
"""A block of up to so many unknowns is formed whole."""
TRACE_PRODUCTS = 30


def measure_layers(study: Study) -> None:
    """One ``Layer`` for each leaf of the parameters; none where there is only one."""
    leaves = study.leaves
    if len(leaves) < 2:
        return
    masses: list[float | None] = [None] * len(leaves)
    if study.vectors is not None:
        masses = [float(np.sum(study.vectors[place, -1] ** 2)) for _, _, place in leaves]
    blocks = study.operator.blocks().values()
    for (name, shape, place), mass, block in zip(leaves, masses, blocks, strict=True):
        trace, top = block_numbers(study, name, place, block)
        study.layers.append(Layer(name, shape, place.stop - place.start, trace, top, mass))


def block_numbers(
    study: Study, name: str, place: slice, operator: CurvatureOperator
) -> tuple[Number | None, Number | None]:
    """Trace and largest eigenvalue of one diagonal block."""
    size = place.stop - place.start
    if size == 0:
        return None, None
    keys = (f"{name}.trace", f"{name}.top")
    labels = (f"trace of the block of {name}", f"largest eigenvalue of the block of {name}")
    if study.matrix is not None or size <= BLOCK:
        block = study.matrix[place, place] if study.matrix is not None else np.asarray(operator.matrix(), np.float64)
        values = np.linalg.eigvalsh((block + block.T) / 2)
        products = 0 if study.matrix is not None else size
        how = "exact: from the block's dense matrix"
        study.spent += products
        rounding = size * float(np.finfo(study.operator.dtype).eps) * float(np.abs(values).max())
        return (
            Number(keys[0], labels[0], float(np.trace(block)), None, how, products),
            Number(keys[1], labels[1], float(values[-1]), rounding, how, products),
        )
    trace = operator.trace(products=TRACE_PRODUCTS, key=study.key)
    top = eigenvalues(operator, 1, key=study.key, tolerance=TOLERANCE)
    study.spent += trace.products + top.products
    value, error = np.asarray(top.value)[0], np.asarray(top.error)[0]
    return (
        Number(keys[0], labels[0], float(trace.value), float(trace.error), trace.how, trace.products),
        Number(keys[1], labels[1], float(value), float(error), top.how, top.products),
    )
