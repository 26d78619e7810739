"""The dense Hessian by products with unit vectors: linearised once, as many columns side by side as the cache likes.

One column alone reads all that is stored of the point for little work; all columns at once write intermediates far
larger than any cache. In between, and never beyond the memory that was given, a Hessian is two to five times cheaper
than at either end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from osculate._arguments import Point
from osculate._errors import WrongInput
from osculate._linear import Linearised, peak_bytes
from osculate._trace import Trace, Variable, trace

CACHE = 4 * 2**20
"""Bytes of intermediates that are meant to stay near the processor."""

SMALL = 48 * 2**20
"""Bytes of intermediates up to which one pass over all columns costs less than a loop."""


@dataclass(frozen=True)
class Columns:
    """How many columns are computed side by side, and what that takes.

    Attributes
    ----------
    chunk : int
        Columns computed side by side.
    loops : int
        How often that is done; n at most.
    column : int
        Temporary bytes of one column.
    stored : int
        Bytes of values kept from the point, read by every chunk.
    """

    chunk: int
    loops: int
    column: int
    stored: int

    @property
    def bytes(self) -> int:
        """Temporary bytes in all."""
        return self.stored + self.chunk * self.column


def columns_plan(program: Trace, size: int, memory: int | None) -> Columns:
    """How many columns of ``program``, a linear function of one vector, are computed side by side in ``memory`` bytes.

    Without a bound it is all of them. A budget that is smaller than one column is exceeded by that column.
    """
    column = max(1, peak_bytes(program))
    stored = sum(map(_bytes, (variable for variable, _ in program.constants)))
    if memory is None or size * column <= min(SMALL, memory - stored):
        return Columns(size, 1, column, stored)
    chunk = max(CACHE, 4 * stored) // column
    chunk = max(1, min(size, chunk, (memory - stored) // column))
    loops = -(-size // chunk)
    return Columns(-(-size // loops), loops, column, stored)


def beside_result(point: Point, memory: int, pieces: bool) -> int:
    """Bytes that are left for temporaries where the result counts, too; a budget below its size is refused.

    ``pieces``: the matrix is cut into a tree of blocks. Blocks, and what is handed over to NumPy, are copies.
    """
    leaves = jax.tree.leaves(point.primals)
    size = sum(leaf.size for leaf in leaves)
    result = size * size * max(leaf.dtype.itemsize for leaf in leaves)
    if memory < result:
        raise point.error(
            WrongInput,
            f"memory is {memory:,} bytes, and the Hessian itself has {size:,}² = {size * size:,} numbers: "
            f"{result:,} bytes",
            "osculate.hessian_operator(f)(x) gives products without forming it; or pass a larger memory",
        )
    copies = int(point.precision.host) + int(pieces and len(leaves) > 1)
    return max(1, memory - result * (1 + copies))


def by_columns(here: Linearised, size: int, dtype: Any, memory: int | None) -> jax.Array:
    """The Hessian as a matrix, NaN where the value is NaN; temporaries take ``memory`` bytes, None for no bound.

    The matrix is written in place, chunk after chunk. The last chunk overlaps the one before it where n is no multiple.
    """
    program, _ = trace(here.product, jax.ShapeDtypeStruct((size,), dtype), asked="osculate.hessian")
    plan = columns_plan(program, size, memory)
    product = _nan_where_nan(here)
    if plan.loops == 1:
        return jax.vmap(product, out_axes=-1)(jnp.eye(size, dtype=dtype))

    def step(matrix: jax.Array, start: jax.Array) -> tuple[jax.Array, None]:
        units = (jnp.arange(plan.chunk)[:, None] + start == jnp.arange(size)).astype(dtype)
        columns = jax.vmap(product, out_axes=-1)(units)
        return lax.dynamic_update_slice_in_dim(matrix, columns, start, axis=1), None

    starts = np.minimum(plan.chunk * np.arange(plan.loops), size - plan.chunk).astype(np.int32)
    return lax.scan(step, jnp.zeros((size, size), here.gradient.dtype), jnp.asarray(starts))[0]


def _nan_where_nan(here: Linearised) -> Callable[[jax.Array], jax.Array]:
    """The product, NaN throughout where the value is: chunk by chunk, since the whole matrix would be copied."""
    return lambda v: jnp.where(jnp.isnan(here.value), jnp.nan, here.product(v))


def _bytes(variable: Variable) -> int:
    itemsize = jnp.dtype(variable.dtype).itemsize if variable.inexact else 8
    return itemsize * int(np.prod(variable.shape, dtype=np.int64))
