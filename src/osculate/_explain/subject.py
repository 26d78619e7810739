"""What is to be explained: a formula or a person's own function, its variables, the point and the window."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np

from osculate._arguments import refuse_tracers
from osculate._errors import WrongInput, WrongType
from osculate._formula import Formula, Window, parse, parse_point, parse_window

ASKED = "osculate.explain"
_ONE_POINT = "give one number for each variable: at=1.0, at=(0.0, 1.0) or at={'x': 0.0, 'y': 1.0}."
_ONE_WINDOW = "give a window as on=(-3, 3), or one for each variable: on=((-3, 3), (0, 1))."

Point = float | np.ndarray[Any, Any] | None


@dataclass(frozen=True, eq=False)
class Subject:
    """A function of one number (``several`` is False) or of one vector, and how to speak of it.

    Attributes
    ----------
    title : str
        How it is written: ``f(x) = x**4`` for a formula, ``loss(x)`` for a function.
    names : tuple of str
        Its variables.
    notes : tuple of str
        How the formula was read.
    function : callable
        Of one number, or of one vector with an entry for each variable.
    several : bool
        Whether it is a function of a vector.
    at : float, array or None
        The point that was asked for.
    """

    title: str
    names: tuple[str, ...]
    notes: tuple[str, ...]
    function: Callable[[Any], Any]
    several: bool
    at: Point


def subject_of(what: Any, at: Any) -> Subject:
    """Read what a person gave: text, a formula, or a function; and the point, in any of its spellings."""
    refuse_tracers(ASKED, at)
    at = parse_point(at) if isinstance(at, str) else at
    if isinstance(what, str):
        what = parse(what)
    if isinstance(what, Formula):
        return _of_formula(what, at)
    if not callable(what):
        problem = f"a formula or a function can be explained, not {type(what).__name__}."
        raise WrongType(ASKED, problem, remedy='osculate.explain("x^4 - 3x^2 + x") or osculate.explain(f, at=1.0).')
    return _of_function(what, at)


def _of_formula(formula: Formula, at: Any) -> Subject:
    names, function = formula.names, formula.function
    if not names:
        raise WrongInput(
            ASKED, f"`{formula.reading}` has no variable.", remedy="write a formula such as x^4 - 3x^2 + x."
        )
    title = f"f({_listed(names)}) = {formula.reading}"
    if len(names) == 1:
        return Subject(title, names, formula.notes, function, False, _number(at, names))
    return Subject(title, names, formula.notes, _spread(function, len(names)), True, _vector(at, names))


def _of_function(function: Callable[..., Any], at: Any) -> Subject:
    """Tell by its signature and the point whether a function takes a number, several numbers, or a vector."""
    title = getattr(function, "__name__", type(function).__name__)
    names = _parameters(function)
    title = f"{'f' if title == '<lambda>' else title}({_listed(names)})"
    first, *others = names
    if others:
        return Subject(title, names, (), _spread(function, len(names)), True, _vector(at, names))
    vector = np.zeros(()) if at is None or isinstance(at, Mapping) else _array(at)
    if vector.ndim == 0:
        return Subject(title, names, (), function, False, _number(at, names))
    if vector.ndim != 1 or not vector.size:
        problem = f"the point has shape {vector.shape}; one number or one vector of numbers is explained."
        raise WrongInput(ASKED, problem, remedy="osculate.report(f, x) takes points of any shape.")
    entries = tuple(f"{first}[{i}]" for i in range(vector.size))
    if vector.size == 1:
        return Subject(title, entries, (), _of_one_entry(function), False, float(_finite(vector, entries)[0]))
    return Subject(title, entries, (), function, True, _finite(vector, entries))


def _parameters(function: Callable[..., Any]) -> tuple[str, ...]:
    """Names of the positional parameters that must be given; ("x",) where there is no telling."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return ("x",)
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    needed = [p.name for p in parameters if p.kind in positional and p.default is inspect.Parameter.empty]
    return tuple(needed) if needed else ("x",)


def _spread(function: Callable[..., Any], count: int) -> Callable[[Any], Any]:
    def of_vector(vector: Any) -> Any:
        return function(*(vector[i] for i in range(count)))

    of_vector.__wrapped__ = function  # pyright: ignore[reportFunctionMemberAccess]
    return of_vector


def _of_one_entry(function: Callable[..., Any]) -> Callable[[Any], Any]:
    def of_number(number: Any) -> Any:
        return function(jnp.reshape(number, (1,)))

    of_number.__wrapped__ = function  # pyright: ignore[reportFunctionMemberAccess]
    return of_number


def _number(at: Any, names: tuple[str, ...]) -> float | None:
    vector = _vector(at, names)
    return None if vector is None else float(vector[0])


def _vector(at: Any, names: tuple[str, ...]) -> np.ndarray[Any, Any] | None:
    if at is None:
        return None
    if isinstance(at, Mapping):
        if set(at) != set(names):
            problem = f"the point names {_listed(at)}, the variables are {_listed(names)}."
            raise WrongInput(ASKED, problem, remedy=_ONE_POINT)
        at = [at[name] for name in names]
    vector = np.atleast_1d(_array(at))
    if vector.shape != (len(names),):
        problem = f"the point has shape {vector.shape}, but the variables are {_listed(names)}."
        raise WrongInput(ASKED, problem, remedy=_ONE_POINT)
    return _finite(vector, names)


def _array(at: Any) -> np.ndarray[Any, Any]:
    try:
        return np.array(at, dtype=np.float64)
    except (TypeError, ValueError) as error:
        problem = f"the point is {type(at).__name__} and cannot be read as real numbers ({error})."
        raise WrongType(ASKED, problem, remedy=_ONE_POINT) from error


def _finite(vector: np.ndarray[Any, Any], names: tuple[str, ...]) -> np.ndarray[Any, Any]:
    for name, value in zip(names, vector, strict=True):
        if not np.isfinite(value):
            raise WrongInput(ASKED, f"the point is not finite: {name} = {value}.", remedy=_ONE_POINT)
    return vector + 0.0


def _listed(names: Iterable[Any]) -> str:
    return ", ".join(str(name) for name in names)


def windows_of(on: Any, names: tuple[str, ...]) -> tuple[Window, ...] | None:
    """Read a window for each variable from what was given: text, a pair, a pair for each, pairs by name; or None."""
    if on is None:
        return None
    on = parse_window(on) if isinstance(on, str) else on
    if isinstance(on, Mapping):
        if set(on) != set(names):
            problem = f"the window names {_listed(on)}, the variables are {_listed(names)}."
            raise WrongInput(ASKED, problem, remedy=_ONE_WINDOW)
        on = [on[name] for name in names]
    try:
        pairs = np.array(on, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise WrongType(ASKED, f"the window cannot be read as real numbers ({error}).", remedy=_ONE_WINDOW) from error
    if pairs.shape == (2,):
        pairs = np.tile(pairs, (len(names), 1))
    if pairs.shape != (len(names), 2):
        problem = f"the window has shape {pairs.shape}, but the variables are {_listed(names)}."
        raise WrongInput(ASKED, problem, remedy=_ONE_WINDOW)
    if not np.isfinite(pairs).all() or (pairs[:, 0] >= pairs[:, 1]).any():
        problem = f"a window runs from a smaller to a larger finite number, not {pairs.tolist()}."
        raise WrongInput(ASKED, problem, remedy=_ONE_WINDOW)
    return tuple((float(low), float(high)) for low, high in pairs)
