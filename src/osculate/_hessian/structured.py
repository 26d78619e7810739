"""The Hessian by its own structure: dense by products and sums into entries, or the entries of a sparse one."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse
from jax.flatten_util import ravel_pytree

from osculate._arguments import Point
from osculate._compiled import Program, computed
from osculate._errors import Unreadable, WrongInput, warn
from osculate._linear import DEFAULT_MEMORY, columns, linearise, nan_where_nan
from osculate._structure import (
    Indices,
    Structure,
    TooManyTerms,
    asymmetric_rules,
    entries,
    index_constants,
    matrix_plan,
    read,
)
from osculate._trace import Trace, Variable, at_top_level, is_traced

from .layout import cut
from .options import SPARSE

Known = tuple[tuple[int, Indices], ...]
"""Arrays that a trace closes over and on which the structure depends, by place."""

_compiling: ContextVar[list[bool] | None] = ContextVar("compiling", default=None)


def structure_of(trace: Trace, known: Known = ()) -> Structure | TooManyTerms:
    """The structure of the Hessian of the first output of ``trace``; ``known`` are values of constants traced there."""
    return read(trace, given_of(trace, known))


def given_of(trace: Trace, known: Known) -> dict[Variable, Any]:
    """The known arrays by variable."""
    return {trace.constants[place][0]: indices.values for place, indices in known}


def structured_matrix(structure: Structure, trace: Trace, primals: Any) -> jax.Array:
    """The (n, n) Hessian at ``primals`` by the terms of ``structure``; JAX can transform it."""
    leaves = jax.tree.leaves(primals)
    plan = matrix_plan(structure)
    return plan.assembled(structure.compute(plan.arrays, trace, leaves), jnp.result_type(*leaves))


def structured_entries(
    structure: Structure, trace: Trace, primals: Any, triangle: bool = False
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], jax.Array]:
    """Rows, columns (known beforehand, row by row) and values of the entries of the Hessian; JAX can transform it."""
    leaves = jax.tree.leaves(primals)
    found = entries(structure, structure.terms, triangle)
    values = found.added(structure.compute(found.arrays, trace, leaves))
    return found.rows, found.columns, values.astype(jnp.result_type(*leaves))


def structured_derivatives(
    function: Program, primals: tuple[Any, ...], output: str, single: bool, known: Known
) -> tuple[Any, Any, Any, Any]:
    """Value, gradients, Hessian and auxiliary output, all from one backward walk.

    The Hessian is a tree or a matrix, or for sparse forms the triple (values, rows, columns).
    """
    if (compiling := _compiling.get()) is not None:
        compiling.append(True)
    structure = structure_of(function.steps, known)
    if isinstance(structure, TooManyTerms):
        return _by_columns(function, primals, output, single)
    leaves = jax.tree.leaves(primals)
    value, *parts = structure.compute(
        [structure.value, *(g for g in structure.gradients if g is not None)], function.steps, leaves
    )
    rest = iter(parts)
    gradients = [
        jnp.zeros_like(leaf) if g is None else next(rest) for g, leaf in zip(structure.gradients, leaves, strict=True)
    ]
    first = jax.tree.unflatten(jax.tree.structure(primals), gradients)
    if output in SPARSE:
        rows, places, values = structured_entries(structure, function.steps, primals, triangle=output == "lower")
        second: Any = (nan_where_nan(value, values), jnp.asarray(rows, np.int32), jnp.asarray(places, np.int32))
    else:
        matrix = nan_where_nan(value, structured_matrix(structure, function.steps, primals))
        like = primals[0] if single else primals
        second = matrix if output == "matrix" else cut(matrix, like, like)
    return value, nan_where_nan(value, first), second, function(*primals)[1]


def _by_columns(function: Program, primals: tuple[Any, ...], output: str, single: bool) -> tuple[Any, Any, Any, Any]:
    """What edge pushing gives up, column by column; a sparse result is then full."""
    vector, unravel = ravel_pytree(primals)
    here = linearise(lambda at: function(*unravel(at)), vector)
    matrix = nan_where_nan(here.value, columns(here.product, vector.size, vector.dtype, DEFAULT_MEMORY))
    like = primals[0] if single else primals
    second: Any = matrix if output == "matrix" else cut(matrix, like, like)
    if output in SPARSE:
        here_too = np.tri(vector.size, dtype=bool) if output == "lower" else np.ones(matrix.shape, bool)
        rows, places = map(np.int32, np.nonzero(here_too))
        second = (matrix[rows, places], jnp.asarray(rows), jnp.asarray(places))
    return here.value, nan_where_nan(here.value, unravel(here.gradient)), second, here.auxiliary


def structured_hessian(point: Point, output: str) -> tuple[Any, Any, Any, Any]:
    """Value, gradients, Hessian and auxiliary output at a point, checked by one product when newly compiled.

    For sparse forms the Hessian is a ``scipy.sparse.csr_array`` at top level and a BCOO where it is traced.
    """
    known = index_constants(point.trace)
    compiling: list[bool] = []
    token = _compiling.set(compiling)
    try:
        options = (output, isinstance(point.argnums, int), known)
        value, first, second, auxiliary = computed(point, structured_derivatives, options=options)
    finally:
        _compiling.reset(token)
    if compiling and at_top_level() and not is_traced(second):
        _say_if_given_up(point, known)
        checked(point, second, output, known)
    return value, first, _sparse(point, second) if output in SPARSE else second, auxiliary


def _say_if_given_up(point: Point, known: Known) -> None:
    structure = structure_of(point.trace, known)
    if isinstance(structure, TooManyTerms):
        warn(
            point.asked,
            f"the structure of this Hessian was given up ({structure.reason}); it was computed column by column",
            remedy='leave method="structured" out',
        )


def _sparse(point: Point, entries: tuple[Any, Any, Any]) -> Any:
    values, rows, places = entries
    size = sum(int(np.size(leaf)) for leaf in jax.tree.leaves(point.primals))
    if is_traced(values) or not at_top_level():
        from jax.experimental.sparse import BCOO

        stacked = jnp.stack([rows, places], 1)
        return BCOO((values, stacked), shape=(size, size), indices_sorted=True, unique_indices=True)
    starts = np.concatenate([[0], np.cumsum(np.bincount(np.asarray(rows), minlength=size))]).astype(np.int32)
    return scipy.sparse.csr_array((np.array(values), np.array(places), starts), shape=(size, size))


def checked(point: Point, second: Any, output: str, known: Known = ()) -> None:
    """Compare one random product with forward over reverse; an error that names the rule where they differ.

    Raises
    ------
    WrongInput
        If a custom rule is not the derivative of anything, so that the Hessian is not symmetric.
    Unreadable
        If a rule of the structure is wrong: it is a bug, and the message names the primitives.
    """
    vector, unravel = ravel_pytree(point.primals)
    direction = jnp.asarray(np.random.default_rng(0).standard_normal(vector.size), vector.dtype)
    expected = np.asarray(ravel_pytree(computed(point, _product, unravel(direction)))[0])
    got, scale = _applied(second, output, np.asarray(direction), point)
    precision = float(jnp.finfo(vector.dtype).eps)
    if not (np.isfinite(expected).all() and np.isfinite(scale)):
        return
    if np.abs(got - expected).max() <= precision**0.5 * scale + precision * np.abs(expected).max():
        return
    blamed = asymmetric_rules(point.trace, jax.tree.leaves(point.primals), given_of(point.trace, known))
    if blamed:
        rule = blamed[0]
        row = int(np.abs(got - expected).argmax())
        raise WrongInput(
            point.asked,
            f"the Hessian is not symmetric{_two_entries(point, row)}: the custom rule of `{rule.primitive}` is the "
            "derivative of no function",
            where=rule.where,
            remedy="correct that rule: its tangent must be the derivative of the value in every argument; or "
            'method="dense", whose rows then differ from its columns',
        )
    structure = structure_of(point.trace, known)
    names = ", ".join(structure.rules) if isinstance(structure, Structure) else "none"
    worst = int(np.abs(got - expected).argmax())
    raise Unreadable(
        point.asked,
        f"the structured Hessian failed its check by a product, entry {worst}: {got[worst]:.6g} instead of "
        f"{expected[worst]:.6g}; one of the rules used is wrong: {names}",
        remedy='method="dense" computes it without structure; please report this function',
    )


def _two_entries(point: Point, row: int) -> str:
    """The two entries, mirror images of each other, that differ most in this row of the Hessian, for a message."""
    along, across = computed(point, _row_and_column, jnp.asarray(row, jnp.int32))
    other = int(np.abs(np.asarray(along) - np.asarray(across)).argmax())
    return f" (entry ({row}, {other}) is {along[other]:.6g} and entry ({other}, {row}) is {across[other]:.6g})"


def _row_and_column(function: Program, primals: tuple[Any, ...], row: jax.Array) -> tuple[jax.Array, jax.Array]:
    vector, unravel = ravel_pytree(primals)
    gradient = jax.grad(lambda at: function(*unravel(at))[0])
    unit = (jnp.arange(vector.size) == row).astype(vector.dtype)
    linear = jax.linearize(gradient, vector)[1]
    return jax.linear_transpose(linear, vector)(unit)[0], linear(unit)


def _product(function: Program, primals: tuple[Any, ...], direction: tuple[Any, ...]) -> Any:
    gradient = jax.grad(lambda at: function(*at)[0])
    return jax.jvp(gradient, (primals,), (direction,))[1]


def _applied(second: Any, output: str, direction: Any, point: Point) -> tuple[Any, float]:
    """The product with the computed Hessian, and how large it might be."""
    size = direction.size
    if output in SPARSE:
        values, rows, places = map(np.asarray, second)
        matrix = scipy.sparse.csr_array((values, (rows, places)), shape=(size, size))
        if output == "lower":
            matrix = matrix + scipy.sparse.tril(matrix, -1).T
        return matrix @ direction, float(np.sqrt((values**2).sum()) * np.linalg.norm(direction))
    if output == "tree":
        second = joined(second, point)
    matrix = np.asarray(second)
    return matrix @ direction, float(np.linalg.norm(matrix) * np.linalg.norm(direction))


def joined(second: Any, point: Point) -> Any:
    """The matrix of a Hessian in the layout of a tree."""
    like = point.single(point.primals)
    leaves = jax.tree.leaves(like)
    parts = iter(jax.tree.leaves(second))
    rows = [[np.asarray(next(parts)).reshape(a.size, b.size) for b in leaves] for a in leaves]
    return np.block(rows)
