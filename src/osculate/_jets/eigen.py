"""Jet rules of eigenvalues of general matrices.

JAX can differentiate them, but asks to be told so, since eigenvectors have derivatives only where the eigenvalues are
simple. Here that is checked at the point: where two eigenvalues meet, the coefficients are NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from osculate._interpret import register
from osculate._trace import Node

from .network import Network
from .special import by_formula
from .stream import Stream


@register("jets", "eig")
def eigenvalues(network: Network, node: Node, inputs: Sequence[Stream]) -> list[Stream]:
    """Eigenvalues, and eigenvectors of norm 1 whose largest component is real, as LAPACK gives them."""
    if node.params.get("enable_eigvec_derivs"):
        return network.by_pushforward(node, inputs)
    left, right = node.params["compute_left_eigenvectors"], node.params["compute_right_eigenvectors"]
    return by_formula(network, node, inputs, _decomposition(left, right))


@cache
def _decomposition(left: bool, right: bool) -> Callable[..., Any]:
    """The decomposition with derivatives, in the order in which the program found the eigenvalues."""

    def decompose(matrix: Any) -> list[Any]:
        standing = lax.stop_gradient(matrix)
        found = lax.linalg.eig(standing, compute_left_eigenvectors=left, compute_right_eigenvectors=right)[0]
        values, *vectors = lax.linalg.eig(
            matrix,
            compute_left_eigenvectors=left,
            compute_right_eigenvectors=True,  # their order is that of the eigenvalues, always
            enable_eigvec_derivs=True,
        )
        still = lax.stop_gradient(values)
        order = jnp.argmin(jnp.abs(found[..., :, None] - still[..., None, :]), axis=-1)
        simple = jnp.where(_meets(still), jnp.asarray(np.nan, values.dtype), jnp.ones_like(still))
        values = jnp.take_along_axis(values * simple, order, axis=-1)
        vectors = [
            jnp.take_along_axis(v * simple[..., None, :], order[..., None, :], axis=-1)
            for v in (vectors if right else vectors[:-1])
        ]
        return [values, *vectors]

    return decompose


def _meets(values: Any) -> Any:
    """Which eigenvalues are not told from another one at this precision."""
    count = values.shape[-1]
    gaps = jnp.abs(values[..., :, None] - values[..., None, :])
    tolerance = 8 * count * jnp.finfo(values.dtype).eps * jnp.max(jnp.abs(values), axis=-1)[..., None, None]
    return jnp.any((gaps <= tolerance) & ~np.eye(count, dtype=bool), axis=-1)
