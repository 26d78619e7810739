"""``jet``: the pushforward of truncated power series."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from osculate._arguments import Point, point
from osculate._compiled import Program, computed
from osculate._errors import WrongInput, WrongType
from osculate._trace import at_top_level, function_location, is_traced, precision_of

from .caveats import say_caveats
from .coefficients import coefficients, loop_pays
from .factorial import over_factorial, times_factorial
from .half import refuse_half_precision
from .order import checked_order

Scaling = Literal["coefficient", "derivative"]


def jet(
    f: Callable[..., Any], primals: Sequence[Any], series: Sequence[Sequence[Any]], *, scaling: Scaling
) -> tuple[Any, list[Any]]:
    """Push truncated power series through ``f``.

    With x(t) = x₀ + x₁ t + x₂ t² + …, the coefficients of f(x(t)). ``series[i]`` holds the orders 1, 2, … of argument
    i, as in ``jax.experimental.jet``; ``scaling`` says what they are, in and out: with ``"coefficient"`` xₖ itself,
    with ``"derivative"`` the derivative k! xₖ.

    Parameters
    ----------
    f : callable
        Written for JAX or plain NumPy, of any number of arguments (pytrees of floating-point arrays).
    primals : sequence
        One value for each argument.
    series : sequence of sequences
        For each argument its orders 1 … n, each shaped like the argument; None stands for zero. All have the same n.
    scaling : {"coefficient", "derivative"}
        What the entries of ``series``, and of the result, are.

    Returns
    -------
    primal_out : pytree
        f at ``primals``, bit for bit: under ``jit`` as ``jit(f)`` gives it, else as f gives it.
    series_out : list
        Orders 1 … n, each a pytree like ``primal_out``.

    Raises
    ------
    WrongInput, WrongType
        For series of unequal length or shape, integer, half-precision or NaN primals, or an unknown scaling.
    Unreadable
        If a primitive has no rule; the message names it and the user's line.

    Notes
    -----
    Exact: algorithmic derivatives, which only round. The cost is quadratic in n. At a point where f is not
    differentiable a warning says which branch was taken, and another which orders are too large for the dtype.

    References
    ----------
    Griewank and Walther, *Evaluating Derivatives*, 2nd ed. 2008, ch. 13.

    Examples
    --------
    The series of exp(t) at 0 is 1 + t + t²/2 + t³/6:

    >>> import numpy as np, osculate
    >>> value, orders = osculate.jet(np.exp, (0.0,), ([1.0, 0.0, 0.0],), scaling="coefficient")
    >>> float(value), [float(c) for c in orders]
    (1.0, [1.0, 0.5, 0.16666666666666666])
    """
    asked = "osculate.jet"
    if scaling not in ("coefficient", "derivative"):
        raise WrongInput(
            asked,
            f"scaling={scaling!r} is unknown",
            remedy='scaling="coefficient" for f⁽ᵏ⁾/k!, or scaling="derivative" for f⁽ᵏ⁾ as jax.experimental.jet has it',
        )
    primals, series = _sequences(asked, primals, series)
    precision = precision_of(primals, series)
    with precision.context():
        order = _order(asked, f, primals, series)
        here = point(asked, f, primals, argnums=tuple(range(len(primals))), complex_ok=True)
        rows = _rows(here, series, order, scaling)
        first, orders = push(here, rows, order)
        say_caveats(here, first, orders)
        value = _as_f_gives_it(here, primals)
        if scaling == "derivative":
            orders = [jax.tree.map(partial(_scaled, k), o) for k, o in orders]
        else:
            orders = [o for _, o in orders]
        return precision.answer((value, orders))


def push(here: Point, rows: list[list[Any]], order: int) -> tuple[Any, list[tuple[int, Any]]]:
    """Value and (k, coefficient k) of a function at a point, for series given by leaf; as pytrees."""
    refuse_half_precision(here)
    if loop_pays(here.trace, rows, order):  # a loop has to be compiled, so it is kept for the next call
        options = here.asked, order, jax.tree.structure(rows)
        columns = computed(here, _columns, rows, options=options)
    else:
        columns = coefficients(here.asked, here.trace, rows, order)
    columns = columns[: len(here.outputs)]
    columns = [[column[0], *(_nan_where_nan(column[0], c) for c in column[1:])] for column in columns]
    structure = jax.tree.structure(here.output)
    trees = [jax.tree.unflatten(structure, [column[k] for column in columns]) for k in range(order + 1)]
    return trees[0], list(enumerate(trees))[1:]


def _columns(program: Program, primals: Any, rows: list[list[Any]], asked: str, order: int, structure: Any) -> Any:
    del primals, structure  # the points are the first coefficients; the structure only tells programs apart
    return coefficients(asked, program.steps, rows, order)


def _as_f_gives_it(here: Point, primals: tuple[Any, ...]) -> Any:
    """The value of f, to the last bit what f gives: eager by a call of f, under ``jit`` as a program of its own.

    The coefficient of order 0 is the same number up to rounding: XLA fuses it with the other orders.
    """
    if at_top_level() and not is_traced(here.primals, [value for _, value in here.trace.constants]):
        return here.function(*primals)
    return lax.optimization_barrier(here(*lax.optimization_barrier(here.primals)))


def _scaled(k: int, coefficient: Any) -> Any:
    return times_factorial(coefficient, k) if jnp.issubdtype(coefficient.dtype, np.inexact) else coefficient


def _nan_where_nan(value: Any, coefficient: Any) -> Any:
    """A rule never looks at the value: at log(−1) it gives a finite derivative of what is not a number."""
    if not jnp.issubdtype(jnp.result_type(value), np.inexact):
        return coefficient
    return jnp.where(jnp.isnan(value), jnp.asarray(np.nan, coefficient.dtype), coefficient)


def _sequences(asked: str, primals: Any, series: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    sequences = isinstance(primals, (tuple, list)) and isinstance(series, (tuple, list))
    if not sequences or not all(isinstance(orders, (tuple, list)) or np.ndim(orders) > 0 for orders in series):
        raise WrongType(
            asked,
            "primals must be a sequence of arguments, and series one of sequences, the orders of each argument",
            remedy="jet(f, (x,), ([x1, x2],), scaling=…)",
        )
    return tuple(primals), tuple(series)


def _order(asked: str, f: Callable[..., Any], primals: Sequence[Any], series: Sequence[Sequence[Any]]) -> int:
    lengths = [len(s) for s in series]
    if len(lengths) != len(primals):
        raise WrongInput(
            asked,
            f"{len(primals)} primals but {len(lengths)} series",
            where=function_location(f),
            remedy="series[i] holds the orders of argument i: jet(f, (x,), ([x1, x2],), scaling=…)",
        )
    if not lengths or len(set(lengths)) > 1 or lengths[0] == 0:
        raise WrongInput(
            asked,
            f"the series have {', '.join(map(str, lengths)) or 'no'} orders; they need the same number, at least one",
            where=function_location(f),
            remedy="pad the shorter ones with None (zero)",
        )
    return checked_order(asked, lengths[0])


def _rows(here: Point, series: Sequence[Sequence[Any]], order: int, scaling: Scaling) -> list[list[Any]]:
    """For each leaf of the primals its coefficients 0 … order."""
    rows: list[list[Any]] = []
    for i, (primal, orders) in enumerate(zip(here.primals, series, strict=True)):
        structure = jax.tree.structure(primal)
        leaves = jax.tree.leaves(primal)
        columns: list[list[Any]] = [[leaf] for leaf in leaves]
        for k, entry in enumerate(orders[:order], start=1):
            parts = [None] * len(leaves) if entry is None else _parts(here, i, k, entry, structure, leaves)
            for column, leaf, part in zip(columns, leaves, parts, strict=True):
                if part is not None and scaling == "derivative" and k > 1:
                    part = over_factorial(jnp.asarray(part, leaf.dtype), k)
                column.append(None if part is None else jnp.asarray(part, leaf.dtype))
        rows.extend(columns)
    return rows


def _parts(here: Point, i: int, k: int, entry: Any, structure: Any, leaves: list[Any]) -> list[Any]:
    parts, found = jax.tree.flatten(entry)
    if found != structure:  # None may stand for the zero of a leaf, too
        parts, found = jax.tree.flatten(entry, is_leaf=lambda v: v is None)
    if any(np.iscomplexobj(p) and not np.iscomplexobj(v) for p, v in zip(parts, leaves, strict=False)):
        raise here.error(
            WrongType,
            f"order {k} of argument {i} is complex, but the argument is real",
            "make the argument complex too: x + 0j",
        )
    if found != structure or any(p is not None and np.shape(p) != v.shape for p, v in zip(parts, leaves, strict=True)):
        shapes = [np.shape(p) if p is not None else None for p in parts]
        wanted = [v.shape for v in leaves]
        raise here.error(
            WrongInput,
            f"order {k} of argument {i} has shape {shapes[0] if len(shapes) == 1 else shapes}, "
            f"but the argument has {wanted[0] if len(wanted) == 1 else wanted}",
            "give each order the shape of its argument, or None for zero",
        )
    return parts
