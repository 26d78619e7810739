"""One call of an operator of second order: the point is checked, rows are found, and the pass is compiled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from osculate._arguments import Argnums, Point, point
from osculate._compiled import computed
from osculate._errors import Unreadable, WrongInput, WrongType, warn
from osculate._jets.half import refuse_half_precision
from osculate._kinks import warn_of_kinks
from osculate._linear import peak_bytes
from osculate._trace import Trace, function_location, precision_of, trace

from .rows import one_row, rows_of
from .sums import Plan, broadcast_plan, double_sums, entered, plan, sums

Chunk = Literal["auto"] | int | None
Want = tuple[Literal["value", "first", "second", "fourth"], ...]

CACHE = 2**21
"""Bytes of temporary values that rows computed together may take: they stay in the cache of one core."""


def at_points(
    asked: str,
    f: Callable[..., Any],
    finish: Callable[[Point, dict[str, list[Any]], Any, bool], Any],
    want: Want,
    *,
    argnums: Argnums = 0,
    has_aux: bool = False,
    chunk: Chunk = "auto",
    weights: Callable[[Point], Any] | None = None,
) -> Callable[..., Any]:
    """Make the function ``(*args, **kwargs) → finish(point, found, auxiliary, by_rows)``, under the float64 policy.

    ``found`` has the leaves of what is wanted: values, first derivatives (a last axis for the entries of x, or of one
    row of it), weighted sums of second derivatives, or Δ² (``"fourth"``, alone).
    """
    checked_chunk(asked, chunk)

    def at(*args: Any, **kwargs: Any) -> Any:
        precision = precision_of(args, kwargs)
        with precision.context():
            here = point(asked, f, args, kwargs, argnums=argnums, has_aux=has_aux)
            _refuse_integers(here)
            refuse_half_precision(here)
            warn_of_kinks(asked, here.trace, jax.tree.leaves(here.primals), 4 if "fourth" in want else 2)
            arrays = () if weights is None else (weights(here),)
            count = rows_of(here) if weights is None else None
            alone = None if count is None else one_row(here, f, args, kwargs)
            if alone is None and chunk is not None:
                _say_unchunked(here, chunk, count)
            if alone is not None:
                found = _readable(alone, _by_rows, here.primals[0], options=(asked, want, chunk))
            else:
                found = _readable(here, _at_point, *arrays, options=(asked, want, count is not None))
            auxiliary = computed(here, _auxiliary) if has_aux else None
            return precision.answer(finish(here, found, auxiliary, count is not None))

    at.__name__ = f"{asked.rpartition('.')[2]}({getattr(f, '__name__', 'f')})"
    return at


def _say_unchunked(here: Point, chunk: Chunk, count: int | None) -> None:
    """Rows that cannot be computed a few at a time are not a wrong number, but more memory and time."""
    where = function_location(here.function)
    if count is not None:
        warn(
            here.asked,
            f"the {count} rows do not meet, but the function is not the same for each (it uses their number, or has "
            "data or random numbers of its own for each), so all of them are computed together",
            where=where,
            remedy=f"jax.vmap({here.asked}(g))(x, data) for a function g of one row; or chunk=None, if it is meant so",
        )
    elif chunk != "auto":
        warn(
            here.asked,
            f"chunk={chunk} has no effect: the point is not a batch of independent rows",
            where=where,
            remedy="leave chunk out; or pass x of shape (B, n) and a function that returns one result for each row",
        )


def checked_chunk(asked: str, chunk: Any) -> None:
    """Refuse what is neither "auto", None nor a positive integer."""
    if chunk is None or (isinstance(chunk, str) and chunk == "auto"):
        return
    if isinstance(chunk, bool) or not isinstance(chunk, int | np.integer) or chunk < 1:
        raise WrongInput(asked, f'chunk must be "auto", None or a positive integer, not {chunk!r}', remedy="chunk=None")


def _at_point(function: Callable[..., Any], primals: tuple[Any, ...], *arrays: Any) -> dict[str, list[Any]]:
    *weights, asked, want, rows = arrays
    leaves, structure = jax.tree.flatten(primals)

    def value(*xs: Any) -> list[Any]:
        return jax.tree.leaves(function(*jax.tree.unflatten(structure, xs))[0])

    program, _ = trace(value, *leaves, asked=asked)
    sparse = want != ("fourth",)
    given = weights[0] if weights else None
    chosen = broadcast_plan(asked, program) if rows else plan(asked, program, given, sparse=sparse)
    return _found(chosen, entered(chosen, leaves), want)


def _by_rows(
    function: Callable[..., Any], primals: tuple[Any, ...], rows: Any, asked: str, want: Want, chunk: Chunk
) -> dict[str, list[Any]]:
    del primals  # the first row; all of them are in ``rows``

    def value(row: Any) -> list[Any]:
        return [leaf[0] for leaf in jax.tree.leaves(function(row[None])[0])]

    like = jax.ShapeDtypeStruct(rows.shape[1:], rows.dtype)
    program, _ = trace(value, like, asked=asked)
    here = plan(asked, program, sparse=want != ("fourth",))

    def one(values: list[Any]) -> dict[str, list[Any]]:
        return _found(here, values, want)

    values = jax.vmap(lambda row: entered(here, [row]))(rows)
    if chunk == "auto":
        first = [jax.ShapeDtypeStruct(v.shape[1:], v.dtype) for v in values]
        chunk = _chunk_length(trace(one, first, asked=asked)[0], rows.shape[0])
    if chunk is None or chunk >= rows.shape[0]:
        return jax.vmap(one)(values)
    return lax.map(one, values, batch_size=chunk)


def _found(here: Plan, values: Sequence[Any], want: Want) -> dict[str, list[Any]]:
    if want == ("fourth",):
        return {"fourth": double_sums(here, values)}
    found = sums(here, values)
    return {name: getattr(found, name) for name in want}


def _chunk_length(program: Trace, rows: int) -> int:
    """Rows that fit the cache together; a divisor of their number where one is near, since a rest costs a program."""
    fitting = max(1, min(rows, CACHE // max(1, peak_bytes(program))))
    near = [length for length in range(fitting, fitting // 2, -1) if rows % length == 0]
    return near[0] if near else fitting


def _auxiliary(function: Callable[..., Any], primals: tuple[Any, ...]) -> Any:
    return function(*primals)[1]


def _readable(here: Point, computation: Callable[..., Any], *arrays: Any, options: tuple[Any, ...]) -> Any:
    """``computed``; what cannot be read is told with the user's line, which a compiled program does not keep."""
    try:
        return computed(here, computation, *arrays, options=options)
    except Unreadable as error:
        if error.where is None:
            leaves = jax.tree.leaves(here.primals)
            _told(here, leaves, options[1])
        raise


def _told(here: Point, leaves: Sequence[Any], want: Want) -> None:
    whole = plan(here.asked, here.trace, sparse=want != ("fourth",))
    jax.eval_shape(lambda *xs: _found(whole, entered(whole, xs), want), *leaves)


def _refuse_integers(here: Point) -> None:
    for leaf in here.outputs:
        if not jnp.issubdtype(leaf.dtype, jnp.inexact):
            raise here.error(
                WrongType,
                f"the function returns integers or booleans ({leaf.dtype}{list(leaf.shape)}): they have no derivatives",
                "return floating-point numbers, and others with has_aux=True where there is such an option",
            )
