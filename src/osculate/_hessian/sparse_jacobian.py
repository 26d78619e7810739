"""The entries of a Jacobian by the structure of the function."""

from __future__ import annotations

import math
from contextvars import ContextVar
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from osculate._arguments import Point
from osculate._compiled import Program, computed
from osculate._errors import Unreadable, WrongType, warn
from osculate._linear import DEFAULT_MEMORY, columns
from osculate._structure import TooManyTerms, entries, index_constants, read_first_order
from osculate._trace import CustomVJP, Node, Trace, at_top_level, is_traced

from .structured import Known, given_of

LARGEST_FULL = 10**7
"""Entries that a Jacobian whose structure was given up may have, to be computed row by row or column by column."""

_compiling: ContextVar[list[str] | None] = ContextVar("compiling", default=None)

Entered = tuple[Any, Any, Any]
"""Values, rows and columns."""


def jacobian_entries(trace: Trace, outputs: int, primals: Any, known: Known = ()) -> Entered | str:
    """Values, rows and columns of the Jacobian of the first ``outputs`` outputs, row by row; or why it was given up.

    Rows and columns are NumPy arrays, known beforehand; JAX can transform the values.
    """
    structure = read_first_order(trace, outputs, given_of(trace, known))
    if isinstance(structure, TooManyTerms):
        return structure.reason
    leaves = jax.tree.leaves(primals)
    try:
        found = entries(structure, structure.terms, triangle=True)
    except MemoryError as error:
        return str(error)
    width = sum(math.prod(v.shape) for v in trace.inputs)
    values = found.added(structure.compute(found.arrays, trace, [*leaves, *structure.inputs[len(leaves) :]]))
    dtype = jnp.result_type(*(v.dtype for v in trace.outputs[:outputs])) if outputs else jnp.result_type(*leaves)
    return values.astype(dtype), found.rows - width, found.columns


def sparse_jacobian(point: Point) -> tuple[Any, Any]:
    """The Jacobian at a point as a ``scipy.sparse.csr_array``, or a BCOO where it is traced, and auxiliary output.

    A newly compiled one is checked by one random product.
    """
    for leaf in jax.tree.leaves(point.output):
        if jnp.issubdtype(leaf.dtype, jnp.complexfloating):
            raise point.error(
                WrongType,
                f"an output is complex ({leaf.dtype}{list(leaf.shape)}), and a sparse Jacobian is one of real outputs",
                "return the real and the imaginary part as two outputs",
            )
    known = index_constants(point.trace)
    said: list[str] = []
    token = _compiling.set(said)
    try:
        count = len(jax.tree.leaves(point.output))
        (values, rows, places), auxiliary = computed(point, _entries, options=(count, known))
    finally:
        _compiling.reset(token)
    height, width = (sum(int(np.size(leaf)) for leaf in jax.tree.leaves(tree)) for tree in _sides(point))
    if is_traced(values) or not at_top_level():
        from jax.experimental.sparse import BCOO

        indices = jnp.stack([rows, places], 1)
        return BCOO((values, indices), shape=(height, width), indices_sorted=True, unique_indices=True), auxiliary
    import scipy.sparse  # takes long to load, and a lean start does not need it

    starts = np.concatenate([[0], np.cumsum(np.bincount(np.asarray(rows), minlength=height))]).astype(np.int32)
    matrix = scipy.sparse.csr_array((np.array(values), np.array(places), starts), shape=(height, width))
    if said:
        if said[0]:
            warn(
                point.asked,
                f"the structure of this Jacobian was given up ({said[0]}); every entry was computed",
                remedy='leave output="sparse" out: the matrix is full',
            )
        checked(point, matrix)
    return matrix, auxiliary


def _sides(point: Point) -> tuple[Any, Any]:
    return jax.tree.map(lambda leaf: np.empty(leaf.shape, bool), point.output), point.primals


def _entries(function: Program, primals: tuple[Any, ...], outputs: int, known: Known) -> tuple[Entered, Any]:
    output, auxiliary = function(*primals)
    flat = ravel_pytree(output)[0]
    found = jacobian_entries(function.steps, outputs, primals, known)
    if (compiling := _compiling.get()) is not None:
        compiling.append(found if isinstance(found, str) else "")
    if isinstance(found, str):
        found = _full(function, primals, found)
    values, rows, places = found
    rows, places = jnp.asarray(rows, np.int32), jnp.asarray(places, np.int32)
    return (jnp.where(jnp.isnan(flat)[rows], jnp.nan, values), rows, places), auxiliary


def _full(function: Program, primals: tuple[Any, ...], reason: str) -> Entered:
    """Every entry, where the structure was given up."""
    vector, unravel = ravel_pytree(primals)

    def flat(at: jax.Array) -> jax.Array:
        return ravel_pytree(function(*unravel(at))[0])[0]

    shape = jax.eval_shape(flat, vector)
    if shape.size * vector.size > LARGEST_FULL:
        raise Unreadable(
            "osculate.jacobian",
            f"the structure is too large to be read ({reason}), and so is the full matrix of {shape.size} × "
            f"{vector.size} entries",
            remedy="jax.jvp and jax.vjp give products with the Jacobian, without a pattern",
        )
    if shape.size >= vector.size:
        matrix = columns(jax.linearize(flat, vector)[1], vector.size, vector.dtype, DEFAULT_MEMORY)
    else:
        pullback = jax.vjp(flat, vector)[1]
        matrix = columns(lambda weights: pullback(weights)[0], shape.size, shape.dtype, DEFAULT_MEMORY).T
    rows, places = np.indices(matrix.shape, dtype=np.int32)
    return matrix.reshape(-1), rows.reshape(-1), places.reshape(-1)


def checked(point: Point, matrix: Any) -> None:
    """Compare one random product with forward accumulation, or reverse where a custom rule has that alone.

    Raises
    ------
    Unreadable
        If a rule of the structure is wrong: it is a bug, and the message names the primitives.
    """
    reverse = any(map(_has_backward_rule, point.trace.nodes))
    turned = matrix.T if reverse else matrix
    vector = np.random.default_rng(0).standard_normal(turned.shape[1]).astype(matrix.dtype)
    expected = np.asarray(computed(point, _pulled if reverse else _pushed, jnp.asarray(vector)))
    got = turned @ vector
    scale = float(np.sqrt((matrix.data**2).sum()) * np.linalg.norm(vector))
    precision = float(jnp.finfo(matrix.dtype).eps)
    if not (np.isfinite(expected).all() and np.isfinite(scale)):
        return
    if np.abs(got - expected).max(initial=0.0) <= precision**0.5 * scale + precision * np.abs(expected).max(initial=0):
        return
    outputs = len(jax.tree.leaves(point.output))
    structure = read_first_order(point.trace, outputs, given_of(point.trace, index_constants(point.trace)))
    names = "none" if isinstance(structure, TooManyTerms) else ", ".join(structure.rules)
    worst = int(np.abs(got - expected).argmax())
    raise Unreadable(
        point.asked,
        f"the sparse Jacobian failed its check by a product, entry {worst}: {got[worst]:.6g} instead of "
        f"{expected[worst]:.6g}; one of the rules used is wrong: {names}",
        remedy='output="matrix" computes it without structure; please report this function',
    )


def _has_backward_rule(node: Node) -> bool:
    return isinstance(node, CustomVJP) or any(_has_backward_rule(inner) for b in node.bodies for inner in b.nodes)


def _pulled(function: Program, primals: tuple[Any, ...], weights: jax.Array) -> jax.Array:
    def weighted(at: tuple[Any, ...]) -> jax.Array:
        return jnp.vdot(weights, ravel_pytree(function(*at)[0])[0])

    return ravel_pytree(jax.grad(weighted)(primals))[0]


def _pushed(function: Program, primals: tuple[Any, ...], direction: jax.Array) -> jax.Array:
    vector, unravel = ravel_pytree(primals)

    def flat(at: jax.Array) -> jax.Array:
        return ravel_pytree(function(*unravel(at))[0])[0]

    return jax.jvp(flat, (vector,), (direction.astype(vector.dtype),))[1]
