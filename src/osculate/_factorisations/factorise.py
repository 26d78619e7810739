"""The factorisation that suits a form, tried from the cheapest to the safest."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse

from .banded import band, banded_cholesky, banded_lu
from .bordered import bordered, diagonal_factor, weak_rows
from .dense import dense_cholesky, dense_ldl
from .factor import Factor, LogDeterminant, Numbers, rowwise
from .form import Form
from .sparse import rotated_ldl, sparse_ldl, sparse_lu


def factorise(form: Form) -> Factor:
    """Factorise, so that the signs of the pivots are certain where one of the ways allows it."""
    border, corner = form.extended()
    if not corner.size:
        return _in_order(form, _core(form))
    if form.kind == "diagonal":
        found = _diagonal(form.core, border, corner, form.signs, form.epsilon)
    else:
        core = _core(form)
        magnitude = abs(form.core)
        found = bordered(
            core, lambda v: form.core @ v, lambda v: magnitude @ v, border, corner, form.signs, form.epsilon
        )
    if not found.certain:
        found = _whole(form, border, corner) or found
    return _in_order(form, found)


def _core(form: Form) -> Factor:
    """The core alone."""
    if form.kind == "diagonal":
        return diagonal_factor(form.core)
    if form.kind == "dense":
        return dense_cholesky(form.core, form.epsilon) or dense_ldl(form.core, form.epsilon)
    if form.kind == "banded":
        stored = band(form.core, form.bandwidth)
        found = banded_cholesky(stored, form.epsilon) or sparse_ldl(form.core, natural=True, epsilon=form.epsilon)
        if found is not None and found.certain:
            return found
        turned = rotated_ldl(form.core, form.epsilon)
        return turned if turned is not None and turned.certain else banded_lu(stored)
    return _sparse(form.core, form.epsilon)


def _sparse(matrix: Any, epsilon: float) -> Factor:
    found = sparse_ldl(matrix, epsilon=epsilon)
    if found is not None and found.certain:
        return found
    found = rotated_ldl(matrix, epsilon)
    return found if found is not None and found.certain else sparse_lu(matrix)


def _diagonal(core: Numbers, border: Numbers, corner: Numbers, signs: Numbers, epsilon: float) -> Factor:
    """A bordered diagonal, its weak entries moved into the border first."""
    weak = weak_rows(core, border)
    strong = np.setdiff1d(np.arange(len(core)), weak)
    size, kept = len(core), len(corner) - len(signs)
    wide = np.concatenate([np.zeros((len(strong), len(weak))), border[strong]], axis=1)
    deep = np.block([[np.diag(core[weak]), border[weak]], [border[weak].T, corner]])
    diagonal = core[strong]
    magnitude = np.abs(diagonal)
    inner = bordered(
        diagonal_factor(diagonal),
        lambda v: rowwise(diagonal, v),
        lambda v: rowwise(magnitude, v),
        wide,
        deep,
        signs,
        epsilon,
    )
    if not weak.size:
        return inner
    return _permuted(inner, np.concatenate([strong, weak, size + np.arange(kept)]))


def _whole(form: Form, border: Numbers, corner: Numbers) -> Factor | None:
    """The larger matrix as a sparse one, where the Schur complement is not safe: for cores that are nearly singular."""
    if border.shape[1] > 32 or form.kind == "dense":
        return None
    core = scipy.sparse.diags_array(form.core) if form.kind == "diagonal" else form.core
    larger = scipy.sparse.block_array(
        [[core, scipy.sparse.csr_array(border)], [scipy.sparse.csr_array(border.T), scipy.sparse.csr_array(corner)]],
        format="csr",
    )
    inner = _sparse(larger, form.epsilon)
    size, r = form.size, len(form.signs)

    def apply(right: Numbers) -> Numbers:
        return inner.apply(np.concatenate([right, np.zeros((r, *right.shape[1:]))]))[:size]

    ones = int(np.count_nonzero(form.signs > 0))
    sign = inner.determinant.sign * (-1.0 if ones % 2 else 1.0)
    determinant = LogDeterminant(sign, inner.determinant.logabsdet)
    negative = None if inner.negative is None else inner.negative - ones
    return Factor(
        size, f"{inner.how} with its border", apply, determinant, negative, inner.error, decided=inner.certain
    )


def _in_order(form: Form, factor: Factor) -> Factor:
    return factor if form.order is None else _permuted(factor, form.order)


def _permuted(factor: Factor, order: Numbers) -> Factor:
    """The factorisation where place i stands for row ``order[i]``."""

    def apply(right: Numbers) -> Numbers:
        inner = factor.apply(right[order])
        result = np.empty_like(inner)
        result[order] = inner
        return result

    within = order if factor.order is None else order[factor.order]
    return Factor(
        factor.size,
        factor.how,
        apply,
        factor.determinant,
        factor.negative,
        factor.error,
        factor.lower,
        factor.pivots,
        within,
        factor.decided,
    )
