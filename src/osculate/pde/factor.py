"""Directions whose sum of squares is a given matrix: a factor L with L Lᵀ = J Jᵀ, differentiable everywhere."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax


@jax.custom_jvp
def compressed(matrix: jax.Array) -> tuple[jax.Array, jax.Array]:
    """L and Q with J = L Qᵀ and L Lᵀ = J Jᵀ, for J of m rows and n > m columns.

    The derivative of an eigenvector or of a Cholesky factor breaks down where eigenvalues meet or vanish. Here any L
    will do, so its derivative may be chosen: dL = dJ Q and dQ = (I − QQᵀ) dJᵀ L⁻ᵀ keep J = L Qᵀ, hence L Lᵀ = J Jᵀ, to
    every order.
    """
    gram = jnp.matmul(matrix, matrix.T, precision="highest")
    factor = lax.linalg.cholesky(gram, symmetrize_input=False)
    left = lax.cond(jnp.all(jnp.isfinite(factor)), lambda factor, gram: factor, _spectral, factor, gram)
    return left, jnp.linalg.solve(left, matrix).T


def _spectral(factor: jax.Array, gram: jax.Array) -> jax.Array:
    """Where J has rows that depend on one another; the floor, far below rounding, keeps L invertible."""
    del factor
    values, vectors = jnp.linalg.eigh(gram)
    info = jnp.finfo(gram.dtype)
    floor = jnp.maximum(values[-1] * (info.eps / gram.shape[0]), info.tiny * 1e4)
    return vectors * jnp.sqrt(jnp.maximum(values, floor))


@compressed.defjvp
def _compressed_jvp(primals: tuple[Any], tangents: tuple[Any]) -> tuple[Any, Any]:
    (matrix,), (change,) = primals, tangents
    left, right = compressed(matrix)
    moved = jnp.matmul(change, right, precision="highest")
    rest = change.T - jnp.matmul(right, moved.T, precision="highest")
    return (left, right), (moved, jnp.matmul(rest, jnp.linalg.inv(left).T, precision="highest"))
