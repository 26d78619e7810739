"""The entries of a sparse Hessian by products with sums of its columns, one for each colour."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.flatten_util import ravel_pytree

from osculate._linear import chunk_length, linearise, nan_where_nan


def coloured(
    function: Callable[..., tuple[Any, Any]],
    primals: tuple[Any, ...],
    colours: jax.Array,
    source: jax.Array,
    count: int,
    memory: int,
) -> tuple[jax.Array, Any]:
    """The Hessian's entries in the order of ``source``, and the auxiliary output of ``function``.

    ``colours``, ``source`` and ``count`` are those of a ``Colouring``; products run side by side in ``memory`` bytes.
    JAX can transform it.
    """
    vector, unravel = ravel_pytree(primals)
    here = linearise(lambda at: function(*unravel(at)), vector)
    products = compressed(here.product, vector, colours, count, memory)
    return nan_where_nan(here.value, products.reshape(-1)[source]), here.auxiliary


def compressed(
    linear: Callable[[jax.Array], jax.Array], like: jax.Array, colours: jax.Array, count: int, memory: int
) -> jax.Array:
    """The products of ``linear`` with the sum of the columns of each colour, of shape (count, n)."""
    chunk = chunk_length(linear, like.size, like.dtype, memory)

    def product(colour: jax.Array) -> jax.Array:
        return linear((colours == colour).astype(like.dtype))

    every = jnp.arange(count, dtype=colours.dtype)
    return jax.vmap(product)(every) if chunk >= count else lax.map(product, every, batch_size=chunk)
