"""How derivatives are laid out: matrices cut into JAX's nested trees."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp


def cut(matrix: jax.Array, rows: Any, columns: Any) -> Any:
    """A matrix as a tree like ``rows`` of trees like ``columns``, each leaf of shape row shape + column shape.

    That is the layout of ``jax.jacobian`` and ``jax.hessian``. Each leaf has the dtype of its row.
    """

    def row(row_leaf: Any, block: jax.Array) -> Any:
        parts = _split(block, columns, axis=1)
        leaves = [_as_dtype(part, row_leaf.dtype).reshape(row_leaf.shape + leaf.shape) for leaf, part in parts]
        return jax.tree.unflatten(jax.tree.structure(columns), leaves)

    cut_rows = [row(leaf, block) for leaf, block in _split(matrix, rows, axis=0)]
    return jax.tree.unflatten(jax.tree.structure(rows), cut_rows)


def _split(matrix: jax.Array, tree: Any, axis: int) -> list[tuple[Any, jax.Array]]:
    """Each leaf of ``tree`` with its part of ``matrix`` along ``axis``."""
    leaves = jax.tree.leaves(tree)
    ends: list[int] = []
    for leaf in leaves:
        ends.append((ends[-1] if ends else 0) + leaf.size)
    return list(zip(leaves, jnp.split(matrix, ends[:-1], axis=axis), strict=True))


def _as_dtype(array: jax.Array, dtype: Any) -> jax.Array:
    real = jnp.iscomplexobj(array) and not jnp.issubdtype(dtype, jnp.complexfloating)
    return (array.real if real else array).astype(dtype)
