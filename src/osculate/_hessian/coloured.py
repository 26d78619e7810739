"""The entries of a sparse Hessian by products with sums of its columns, one for each colour."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakSet

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.flatten_util import ravel_pytree

from osculate._arguments import Point
from osculate._compiled import computed
from osculate._errors import Unreadable, WrongInput
from osculate._linear import chunk_length, linearise, nan_where_nan
from osculate._trace import at_top_level, is_traced

from .layout import cut
from .options import SPARSE
from .pattern import Pattern, pattern_at
from .sparse import as_sparse

_checked: WeakSet[Pattern] = WeakSet()


def coloured_hessian(point: Point, output: str, memory: int) -> tuple[Any, Any]:
    """The Hessian at a point and the auxiliary output; ``memory`` bounds the products computed side by side.

    For sparse forms a ``scipy.sparse.csr_array`` at top level and a BCOO where it is traced.

    Raises
    ------
    WrongInput
        If the pattern is not known.
    Unreadable
        If the entries fail their check by a product, which means that a rule of the pattern is wrong.
    """
    pattern = pattern_at(point)
    if isinstance(pattern, str):
        raise point.error(
            WrongInput,
            f"the pattern of this Hessian is not known: {pattern}",
            'method="chunked" needs none; osculate.hessian_operator(f)(x) gives products',
        )
    colouring = pattern.colouring
    places = (colouring.colours, colouring.source, pattern.rows, pattern.columns)
    arrays = tuple(jnp.asarray(place, np.int32) for place in places)
    options = (colouring.count, memory, output, isinstance(point.argnums, int))
    values, second, auxiliary = computed(point, _coloured, *arrays, options=options)
    if pattern not in _checked and at_top_level() and not is_traced(values):
        _check(point, values, *arrays[2:])
        _checked.add(pattern)
    size = sum(leaf.size for leaf in jax.tree.leaves(point.primals))
    if output not in SPARSE:
        return second, auxiliary
    rows, columns = pattern.rows, pattern.columns
    if output == "lower":
        values, rows, columns = values[rows >= columns], rows[rows >= columns], columns[rows >= columns]
    return as_sparse(values, rows, columns, size), auxiliary


def _check(point: Point, values: jax.Array, rows: jax.Array, columns: jax.Array) -> None:
    """One random product, once for each pattern."""
    if not bool(computed(point, _agree, values, rows, columns)):
        names = ", ".join(sorted({node.name for node in point.trace.nodes}))
        raise point.error(
            Unreadable,
            "the coloured Hessian failed its check by a product: its pattern lacks an entry, so a rule that reads the "
            f"structure is wrong, one of those for {names}",
            'method="dense" computes it without a pattern; please report this function',
        )


def _coloured(
    function: Callable[..., tuple[Any, Any]],
    primals: tuple[Any, ...],
    colours: jax.Array,
    source: jax.Array,
    rows: jax.Array,
    columns: jax.Array,
    count: int,
    memory: int,
    output: str,
    single: bool,
) -> tuple[jax.Array, Any, Any]:
    """The entries, the dense Hessian if it is asked for, and the auxiliary output."""
    vector, unravel = ravel_pytree(primals)
    here = linearise(lambda at: function(*unravel(at)), vector)
    values = nan_where_nan(here.value, read_off(here.product, vector, colours, source, count, memory))
    if output in SPARSE:
        return values, None, here.auxiliary
    matrix = jnp.zeros((vector.size, vector.size), values.dtype)
    matrix = matrix.at[rows, columns].set(values, unique_indices=True, indices_are_sorted=True)
    matrix = nan_where_nan(here.value, matrix)
    like = primals[0] if single else primals
    return values, matrix if output == "matrix" else cut(matrix, like, like), here.auxiliary


def _agree(
    function: Callable[..., tuple[Any, Any]],
    primals: tuple[Any, ...],
    values: jax.Array,
    rows: jax.Array,
    columns: jax.Array,
) -> jax.Array:
    """Whether one random product is that of the entries. Where numbers overflow nothing can be said, and it is."""
    vector, unravel = ravel_pytree(primals)
    linear = linearise(lambda at: function(*unravel(at)), vector).product
    direction = jnp.asarray(np.random.default_rng(0).standard_normal(vector.size), vector.dtype)
    expected = linear(direction)
    parts = values * direction[columns]
    got = jnp.zeros_like(expected).at[rows].add(parts)
    size = jnp.zeros_like(expected).at[rows].add(jnp.abs(parts))
    bound = jnp.finfo(vector.dtype).eps ** 0.5 * (jnp.max(size) + jnp.max(jnp.abs(expected)))
    return ~jnp.isfinite(bound) | (jnp.max(jnp.abs(got - expected)) <= bound)


def read_off(
    linear: Callable[[jax.Array], jax.Array],
    like: jax.Array,
    colours: jax.Array,
    source: jax.Array,
    count: int,
    memory: int,
) -> jax.Array:
    """The entries in the order of ``source``; ``colours``, ``source`` and ``count`` are those of a ``Colouring``."""
    return compressed(linear, like, colours, count, memory).reshape(-1)[source]


def compressed(
    linear: Callable[[jax.Array], jax.Array], like: jax.Array, colours: jax.Array, count: int, memory: int
) -> jax.Array:
    """The products of ``linear`` with the sum of the columns of each colour, of shape (count, n)."""
    chunk = chunk_length(linear, like.size, like.dtype, memory)

    def product(colour: jax.Array) -> jax.Array:
        return linear((colours == colour).astype(like.dtype))

    every = jnp.arange(count, dtype=colours.dtype)
    return jax.vmap(product)(every) if chunk >= count else lax.map(product, every, batch_size=chunk)
