"""The gradient as a linear map of the step, and any linear map's matrix in bounded memory.

``jax.linearize`` splits the derivative of the gradient into what depends on the point (computed once, kept as arrays)
and what is linear in the direction (run for each product): a repeated Hessian-vector product costs 1.4 to 1.7 gradients
instead of the 2 to 2.5 of ``jax.jvp(jax.grad(f))``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.flatten_util import ravel_pytree

from ._errors import WrongInput, WrongType
from ._trace import Trace, Variable, trace

DEFAULT_MEMORY = 2**28
"""Temporary bytes that columns computed side by side may take when the caller does not say."""

_UNITS = {
    "": 1,
    "B": 1,
    "kB": 10**3,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
}


class Linearised(NamedTuple):
    """Value, auxiliary output and gradient of f at a point, and the Hessian there as a function of the direction."""

    value: Any
    auxiliary: Any
    gradient: Any
    product: Callable[[Any], Any]


def linearise(function: Callable[[Any], tuple[Any, Any]], x: Any) -> Linearised:
    """Linearise the gradient of ``function`` (x to a pair of a scalar and anything) at ``x``.

    ``product`` is a ``jax.tree_util.Partial`` whose leaves are the stored intermediate values, so that it can be passed
    to a jitted function as an argument: then nothing of the point is compiled into the program or computed again.
    """

    def gradient_first(point: Any) -> tuple[Any, Any]:
        return jax.value_and_grad(function, has_aux=True)(point)[::-1]

    gradient, product, (value, auxiliary) = jax.linearize(gradient_first, x, has_aux=True)
    return Linearised(value, auxiliary, gradient, product)


def flat(product: Callable[[Any], Any], like: Any) -> tuple[Callable[[jax.Array], jax.Array], jax.Array]:
    """``product`` of pytrees shaped like ``like`` as a product of flat vectors; and the flat ``like``."""
    vector, unravel = ravel_pytree(like)
    return lambda direction: ravel_pytree(product(unravel(direction)))[0], vector


def nan_where_nan(value: jax.Array, derivatives: Any) -> Any:
    """``derivatives`` (a pytree), NaN throughout if the scalar ``value`` is NaN.

    Algorithmic differentiation never looks at the value: at a point where f is NaN it often gives a finite derivative.
    """
    return jax.tree.map(lambda leaf: jnp.where(jnp.isnan(value), jnp.nan, leaf), derivatives)


def columns(linear: Callable[[jax.Array], jax.Array], size: int, dtype: Any, memory: int | None) -> jax.Array:
    """Matrix of ``linear`` on vectors of ``size`` entries: as many columns side by side as ``memory`` bytes allow.

    The chunks have equal length; the last one is filled up with zero vectors, whose products are dropped. Without a
    bound all columns are computed at once.
    """
    chunk = size if memory is None else chunk_length(linear, size, dtype, memory)
    if chunk >= size:
        return jax.vmap(linear, out_axes=-1)(jnp.eye(size, dtype=dtype))
    count = -(-size // chunk)
    length = -(-size // count)

    def some_columns(start: jax.Array) -> jax.Array:
        units = (jnp.arange(length)[:, None] + start == jnp.arange(size)).astype(dtype)
        return jax.vmap(linear)(units)

    rows = lax.map(some_columns, length * jnp.arange(count))
    return rows.reshape(count * length, *rows.shape[2:])[:size].T


def applied(linear: Callable[[jax.Array], jax.Array], vectors: jax.Array, memory: int) -> jax.Array:
    """``linear`` of each column of ``vectors``, as many side by side as ``memory`` bytes allow."""
    size, count = vectors.shape
    chunk = chunk_length(linear, size, vectors.dtype, memory)
    if chunk >= count:
        return jax.vmap(linear, in_axes=1, out_axes=1)(vectors)
    return lax.map(linear, vectors.T, batch_size=chunk).T


def chunk_length(linear: Callable[[jax.Array], jax.Array], size: int, dtype: Any, memory: int) -> int:
    """How many products of ``linear`` may be computed side by side within ``memory`` bytes; at least one."""
    program, _ = trace(linear, jax.ShapeDtypeStruct((size,), dtype), asked="osculate")
    return max(1, min(size, memory // max(1, peak_bytes(program))))


def peak_bytes(program: Trace) -> int:
    """Most bytes alive at once in ``program``, counting only what depends on its inputs.

    An upper estimate of what one more column costs: the compiled program fuses part of these arrays away.
    """
    moving: set[Variable] = set(program.inputs)
    last = {v: i for i, node in enumerate(program.nodes) for v in node.inputs}
    last |= dict.fromkeys(program.outputs, len(program.nodes))
    alive = peak = sum(map(_bytes, program.inputs))
    for i, node in enumerate(program.nodes):
        if not moving.intersection(node.inputs):
            continue
        moving.update(node.outputs)
        alive += sum(map(_bytes, node.outputs))
        peak = max(peak, alive + max(map(peak_bytes, node.bodies), default=0))
        alive -= sum(_bytes(v) for v in {*node.inputs, *node.outputs} if v in moving and last.get(v, i) == i)
    return peak


def _bytes(variable: Variable) -> int:
    size = jnp.dtype(variable.dtype).itemsize if variable.inexact else 8
    for length in variable.shape:
        size *= length
    return size


def memory_in_bytes(memory: object, asked: str) -> int:
    """A budget of temporary memory: a count of bytes, or a text such as ``"200MB"`` or ``"1GiB"``."""
    if memory is None:
        return DEFAULT_MEMORY
    remedy = 'pass a positive number of bytes, or a text such as memory="200MB" or memory="1GiB"'
    if isinstance(memory, bool) or not isinstance(memory, (int, str)):
        raise WrongType(asked, f"memory is {memory!r}, of type {type(memory).__name__}", remedy=remedy)
    if isinstance(memory, str):
        parts = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*", memory)
        if parts is None or parts[2] not in _UNITS:
            raise WrongInput(asked, f"memory is {memory!r}, which is not a number of bytes", remedy=remedy)
        memory = int(float(parts[1]) * _UNITS[parts[2]])
    if memory <= 0:
        raise WrongInput(asked, f"memory is {memory} bytes", remedy=remedy)
    return memory
