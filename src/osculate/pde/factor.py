"""Directions whose sum of squares is a given matrix: a factor L with L Lᵀ = J Jᵀ, differentiable everywhere."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp


@jax.custom_jvp
def compressed(matrix: jax.Array) -> tuple[jax.Array, jax.Array]:
    """L and Q with J = L Qᵀ and L Lᵀ = J Jᵀ, for J of m rows and n > m columns.

    The derivative of an eigenvector or of a Cholesky factor breaks down where eigenvalues meet or vanish. Here any L
    will do, so its derivative may be chosen: dL = dJ Q and dQ = (I − QQᵀ) dJᵀ L⁻ᵀ keep J = L Qᵀ, hence L Lᵀ = J Jᵀ, to
    every order.
    """
    values, vectors = jnp.linalg.eigh(jnp.matmul(matrix, matrix.T, precision="highest"))
    info = jnp.finfo(matrix.dtype)
    floor = jnp.maximum(values[-1] * (info.eps / matrix.shape[0]), info.tiny * 1e4)
    roots = jnp.sqrt(jnp.maximum(values, floor))
    return vectors * roots, jnp.matmul(matrix.T, vectors, precision="highest") / roots


@compressed.defjvp
def _compressed_jvp(primals: tuple[Any], tangents: tuple[Any]) -> tuple[Any, Any]:
    (matrix,), (change,) = primals, tangents
    left, right = compressed(matrix)
    moved = jnp.matmul(change, right, precision="highest")
    rest = change.T - jnp.matmul(right, moved.T, precision="highest")
    return (left, right), (moved, jnp.matmul(rest, jnp.linalg.inv(left).T, precision="highest"))
