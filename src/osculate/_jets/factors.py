"""Jet rules of matrix functions by the algorithm itself: reflections, updates, determinants.

JAX has no derivative of the first two, and its rule of the determinant divides by pivots: at a singular matrix it is
right to first or second order only. The algorithms are programs of sums and products: their derivatives are right.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import combinations
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from osculate._interpret import register
from osculate._trace import Node

from .network import Network
from .special import by_formula
from .stream import Stream

EXPANDED = 8
"""Determinants of this size are expanded by minors, n 2ⁿ products; of larger matrices a part of this size is."""


@register("jets", "jax._det", "jax._det_2x2", "jax._det_3x3")
def determinant(network: Network, node: Node, inputs: Sequence[Stream]) -> list[Stream]:
    """The determinant as the polynomial that it is."""
    if inputs[0].offset:
        return network.by_pushforward(node, inputs)
    small = node.inputs[0].shape[-1] <= EXPANDED
    return by_formula(network, node, inputs, _by_minors if small else _by_complement)


def _by_complement(matrix: Any) -> Any:
    """Det M = det A · det(D − C A⁻¹ B), in the basis of the singular vectors at the point (Schur 1917).

    D belongs to the smallest singular values, so that it holds whatever makes the matrix singular, and its complement
    is expanded: nothing divides by a small number. NaN where more singular values than that vanish.
    """
    u, sizes, v = jnp.linalg.svd(lax.stop_gradient(matrix))
    cut = matrix.shape[-1] - EXPANDED
    zero = matrix.shape[-1] * jnp.finfo(matrix.dtype).eps * sizes[..., 0]
    regular = jnp.where(sizes[..., cut - 1] > zero, 1.0, np.nan).astype(matrix.dtype)
    u, v = (jnp.conj(jnp.swapaxes(vectors, -1, -2)) for vectors in (u, v))
    turned = jnp.matmul(jnp.matmul(u, matrix, precision="highest"), v, precision="highest")
    a, b = turned[..., :cut, :cut], turned[..., :cut, cut:]
    c, d = turned[..., cut:, :cut], turned[..., cut:, cut:]
    complement = d - jnp.matmul(c, jnp.linalg.solve(a, b), precision="highest")
    sign, logarithm = jnp.linalg.slogdet(a)
    phase = regular / (_unit_determinant(u) * _unit_determinant(v))
    return phase * sign * jnp.exp(logarithm) * _by_minors(complement)


def _unit_determinant(vectors: Any) -> Any:
    """The determinant of an orthogonal or unitary matrix: it stands still, and log 1 = 0 is left out."""
    return jnp.linalg.slogdet(vectors)[0]


def _by_minors(matrix: Any) -> Any:
    """Minors of the first rows by expansion along the last of them, one row more at a time."""
    minors = jnp.ones((*matrix.shape[:-2], 1), matrix.dtype)
    for k in range(matrix.shape[-1]):
        columns, before, signs = _expansion(matrix.shape[-1], k)
        signed = matrix[..., k, :][..., columns] * jnp.asarray(signs, matrix.dtype)
        minors = jnp.sum(signed * minors[..., before], axis=-1)
    return minors[..., 0]


@cache
def _expansion(size: int, row: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each set of ``row + 1`` columns: the column taken out, the index of the rest, and the sign."""
    places = {rest: i for i, rest in enumerate(combinations(range(size), row))}
    chosen = list(combinations(range(size), row + 1))
    before = [[places[columns[:p] + columns[p + 1 :]] for p in range(row + 1)] for columns in chosen]
    return np.array(chosen), np.array(before), (-1.0) ** (row + np.arange(row + 1))


@register("jets", "householder_product")
def householder_product(network: Network, node: Node, inputs: Sequence[Stream]) -> list[Stream]:
    """The product of the reflections I − τ v vᵀ."""
    return by_formula(network, node, inputs, _reflected)


def _reflected(vectors: Any, factors: Any) -> Any:
    rows, columns = vectors.shape[-2:]
    product = jnp.broadcast_to(jnp.eye(rows, columns, dtype=vectors.dtype), vectors.shape)
    for i in reversed(range(factors.shape[-1])):
        below = jnp.where(np.arange(rows) > i, vectors[..., :, i], 0.0)
        v = below + np.eye(rows)[i].astype(vectors.dtype)
        product = product - factors[..., i, None, None] * _outer(v, jnp.einsum("...m,...mn->...n", v.conj(), product))
    return product


def _outer(u: Any, v: Any) -> Any:
    return u[..., :, None] * v[..., None, :]


@register("jets", "geqrf")
def packed_qr(network: Network, node: Node, inputs: Sequence[Stream]) -> list[Stream]:
    """The QR decomposition as LAPACK packs it."""
    return _real_only(network, node, inputs, _packed_qr)


@register("jets", "hessenberg")
def hessenberg(network: Network, node: Node, inputs: Sequence[Stream]) -> list[Stream]:
    """The Hessenberg form as LAPACK packs it."""
    return _real_only(network, node, inputs, _packed_hessenberg)


def _real_only(network: Network, node: Node, inputs: Sequence[Stream], formula: Any) -> list[Stream]:
    if not jnp.issubdtype(node.inputs[0].dtype, np.floating):
        return network.by_pushforward(node, inputs)
    return by_formula(network, node, inputs, formula)


def _packed_qr(a: Any) -> tuple[Any, Any]:
    rows, columns = a.shape[-2:]
    factors: list[Any] = []
    for i in range(min(rows, columns)):
        v, factor, beta = _reflection(a[..., :, i], i)
        a = a - jnp.where(np.arange(columns) > i, _applied(v, factor, a), 0.0)
        a = _stored(a, v, beta, i, i)
        factors.append(factor)
    return a, jnp.stack(factors, axis=-1)


def _packed_hessenberg(a: Any) -> tuple[Any, Any]:
    size = a.shape[-1]
    factors: list[Any] = []
    for i in range(size - 1):
        v, factor, beta = _reflection(a[..., :, i], i + 1)
        right = np.arange(size) > i
        a = a - jnp.where(right, _applied(v, factor, a), 0.0)
        a = a - jnp.where(right, _applied(v, factor, a.mT).mT, 0.0)
        a = _stored(a, v, beta, i + 1, i)
        factors.append(factor)
    return a, jnp.stack(factors, axis=-1) if factors else jnp.zeros((*a.shape[:-2], 0), a.dtype)


def _reflection(column: Any, pivot: int) -> tuple[Any, Any, Any]:
    """The vector v with v[pivot] = 1, τ and β of the reflection that leaves β of a column (LAPACK's larfg)."""
    below = np.arange(column.shape[-1]) > pivot
    alpha, rest = column[..., pivot], jnp.where(below, column, 0.0)
    square = jnp.sum(rest**2, axis=-1)
    flat = square == 0
    length = jnp.sqrt(jnp.where(flat, 1.0, alpha**2 + square))
    beta = jnp.where(flat, alpha, jnp.where(alpha >= 0, -length, length))
    factor = jnp.where(flat, 0.0, (beta - alpha) / jnp.where(flat, 1.0, beta))
    v = rest / jnp.where(flat, 1.0, alpha - beta)[..., None]
    return v + np.eye(column.shape[-1])[pivot].astype(column.dtype), factor, beta


def _applied(v: Any, factor: Any, a: Any) -> Any:
    """τ v vᵀ a."""
    return factor[..., None, None] * _outer(v, jnp.einsum("...m,...mn->...n", v, a))


def _stored(a: Any, v: Any, beta: Any, pivot: int, column: int) -> Any:
    rows = np.arange(a.shape[-2])
    packed = jnp.where(rows < pivot, a[..., :, column], jnp.where(rows == pivot, beta[..., None], v))
    return a.at[..., :, column].set(packed)


@register("jets", "cholesky_update")
def cholesky_update(network: Network, node: Node, inputs: Sequence[Stream]) -> list[Stream]:
    """The upper factor of RᵀR + w wᵀ."""
    return by_formula(network, node, inputs, _updated)


def _updated(factor: Any, vector: Any) -> Any:
    factor = jnp.triu(factor)
    return jnp.linalg.cholesky(factor.mT @ factor + _outer(vector, vector), symmetrize_input=False).mT
