"""A function along lines: f, f′, f″ and f‴ at many points of a line at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from osculate._jets import jet

from .search import INTERVALS, Jets

Array = np.ndarray[Any, Any]


def lines(function: Callable[..., Any]) -> Callable[[Any, Any], Jets]:
    """Make (start, direction) → jets of t ↦ function(start + t·direction).

    Computed in blocks of one shape, so that all lines of a function are compiled once.
    """

    def at_one(t: Any, start: Any, direction: Any) -> Any:
        zero = jnp.zeros_like(direction)
        value, derivatives = jet(function, (start + t * direction,), ((direction, zero, zero),), scaling="derivative")
        return jnp.stack([value, *derivatives])

    block = jax.jit(jax.vmap(at_one, in_axes=(0, None, None), out_axes=1))

    def line(start: Any, direction: Any) -> Jets:
        start, direction = np.asarray(start, dtype=np.float64), np.asarray(direction, dtype=np.float64)

        def jets(t: Array) -> Array:
            if not len(t):
                return np.zeros((4, 0))
            count = -(-len(t) // INTERVALS)
            parts = np.split(np.resize(t, count * INTERVALS), count)
            return np.concatenate([np.asarray(block(part, start, direction)) for part in parts], axis=1)[:, : len(t)]

        return jets

    return line
