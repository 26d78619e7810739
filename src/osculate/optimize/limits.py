"""What a user gives as constraints and bounds: our tuples, or SciPy's own objects."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from osculate._errors import WrongInput, WrongType

ASKED = "osculate.optimize.nlp"
_FORM = "constraints=(c, lower, upper), or a list of such; scipy.optimize.NonlinearConstraint and LinearConstraint too"

Vector = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True, eq=False)
class Constraint:
    """lower ≤ c(x) ≤ upper, with limits as the user gave them."""

    function: Callable[[Any], Any]
    lower: Any = field(repr=False)
    upper: Any = field(repr=False)


def constraints_of(given: Any) -> tuple[Constraint, ...]:
    """One or several constraints as given to ``nlp``."""
    from scipy.optimize import (
        LinearConstraint,
        NonlinearConstraint,
    )  # takes long to load, and a lean start does not need it

    if isinstance(given, (LinearConstraint, NonlinearConstraint)) or (
        isinstance(given, tuple) and given and callable(given[0])
    ):
        given = (given,)
    if not isinstance(given, Iterable) or isinstance(given, (str, bytes, dict)):
        raise WrongType(ASKED, f"constraints are {type(given).__name__}, not (c, lower, upper)", remedy=_FORM)
    return tuple(_constraint(k, one) for k, one in enumerate(given))


def _constraint(number: int, given: Any) -> Constraint:
    from scipy.optimize import LinearConstraint, NonlinearConstraint

    if isinstance(given, LinearConstraint):
        return Constraint(_product(given.A), given.lb, given.ub)
    if isinstance(given, NonlinearConstraint):
        return Constraint(given.fun, given.lb, given.ub)
    if isinstance(given, tuple) and len(given) == 3 and callable(given[0]):
        return Constraint(*given)
    raise WrongType(
        ASKED,
        f"constraint {number} is {type(given).__name__}, not a tuple (c, lower, upper) of a function",
        remedy=_FORM,
    )


def _product(matrix: Any) -> Callable[[Any], Any]:
    """The function A x, with the pattern of A: a sparse one by its entries alone."""
    from scipy.sparse import coo_array

    entries: Any = coo_array(matrix)
    rows, columns, data = entries.row, entries.col, np.asarray(entries.data, float)
    height, width = entries.shape

    def linear(x: Any) -> Any:
        flat = jnp.concatenate([jnp.ravel(leaf) for leaf in jax.tree.leaves(x)])
        if flat.size != width:
            raise WrongInput(
                ASKED,
                f"a linear constraint has a matrix of {height} × {width}, but there are {flat.size} unknowns",
                remedy="one column for each entry of x, in the order of jax.flatten_util.ravel_pytree",
            )
        return jnp.zeros(height, flat.dtype).at[rows].add(data * flat[columns])

    return linear


def bounds_of(given: Any) -> tuple[Any, Any]:
    """Lower and upper bounds on the unknowns as given to ``nlp``."""
    from scipy.optimize import Bounds

    if given is None:
        return None, None
    if isinstance(given, Bounds):
        return given.lb, given.ub
    if isinstance(given, tuple) and len(given) == 2:
        return given[0], given[1]
    raise WrongType(
        ASKED,
        f"bounds are {type(given).__name__}, not a pair",
        remedy="bounds=(lower, upper), each None, a number or shaped like x; or scipy.optimize.Bounds(lower, upper)",
    )


def spread(given: Any, like: Any, missing: float, name: str) -> Vector:
    """Limits on every entry of ``like``, one after the other: from None, a number, a vector, or a tree like it."""
    leaves, structure = jax.tree.flatten(like)
    size = sum(int(np.size(leaf)) for leaf in leaves)
    if given is None:
        return np.full(size, missing)
    parts = [missing if part is None else part for part in jax.tree.leaves(given, is_leaf=_is_none)]
    if isinstance(given, (list, tuple)) and not isinstance(like, (list, tuple)):
        parts = [np.asarray(given)]
    if len(parts) == 1 and (np.shape(parts[0]) == (size,) or np.size(parts[0]) == 1):
        found = np.broadcast_to(np.asarray(parts[0], float).reshape(-1), (size,)).copy()
    elif len(parts) == len(leaves) and (len(leaves) == 1 or jax.tree.structure(given, is_leaf=_is_none) == structure):
        found = np.concatenate([_fitted(part, leaf, name) for part, leaf in zip(parts, leaves, strict=True)])
    else:
        raise WrongInput(
            ASKED,
            f"{name} has {len(parts)} arrays of shapes {[np.shape(p) for p in parts]}, but {size} entries of shapes "
            f"{[np.shape(leaf) for leaf in leaves]} are limited",
            remedy="None, a number, a vector with one limit for each entry, or a tree of the same shape",
        )
    if np.isnan(found).any():
        raise WrongInput(
            ASKED, f"{name} is NaN at entry {int(np.isnan(found).argmax())}", remedy="-numpy.inf or numpy.inf: no limit"
        )
    return found


def _is_none(value: Any) -> bool:
    return value is None


def _fitted(part: Any, leaf: Any, name: str) -> Vector:
    try:
        return np.broadcast_to(np.asarray(part, float), np.shape(leaf)).reshape(-1)
    except ValueError as error:
        raise WrongInput(
            ASKED,
            f"{name} has shape {list(np.shape(part))} where {list(np.shape(leaf))} is limited",
            remedy="None, a number, a vector with one limit for each entry, or a tree of the same shape",
        ) from error


def both(given: tuple[Any, Any], like: Any, what: str) -> tuple[Vector, Vector]:
    """Lower and upper limits on every entry of ``like``; such that nothing satisfies are refused."""
    lower = spread(given[0], like, -np.inf, f"the lower limit of {what}")
    upper = spread(given[1], like, np.inf, f"the upper limit of {what}")
    wrong = (lower > upper) | (lower == np.inf) | (upper == -np.inf)
    if wrong.any():
        k = int(wrong.argmax())
        raise WrongInput(
            ASKED,
            f"nothing satisfies the limits of {what}, entry {k}: {lower[k]:g} ≤ … ≤ {upper[k]:g}",
            remedy="lower ≤ upper at every entry; equal ones make an equation",
        )
    return lower, upper
