"""The NumPy door: a plain NumPy function becomes one that JAX can trace, exactly."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .numpy_array import is_thin, operand, wrap
from .numpy_refusals import Reading, as_refusal, chain, current_reading

_TRACER_MET_NUMPY = re.compile(
    r"Tracer|JAX arrays are immutable|ufunc|setting an array element|'list'|'tuple'|only integer|integer or boolean"
    r"|must be array|argument to jnp"
    r"|object array|dtype\('O'\)|no callable|NumPy array|ndarray|unexpected keyword argument|non-tuple sequence"
)


def numpy_door(f: Callable[..., Any]) -> Callable[..., Any]:
    """The same function for JAX arrays, where ``f`` is written with ``numpy`` and ``scipy.special``.

    Each JAX array among the leaves of the arguments is wrapped in a thin array that NumPy hands its functions over to;
    the result is unwrapped: thin arrays, arrays and lists of them, NumPy arrays and numbers become JAX arrays, in the
    pytree that ``f`` returned. Nothing of ``f`` is approximated.

    ``x += 1`` is read, for all names of the array at once, as in NumPy; the caller's array is not changed. It is
    refused where a slice or a reshape of the array is about, and so is every ``x[i] = …``. ``np.asarray(x)`` reads as a
    copy.

    Raises
    ------
    Unreadable
        When called, if ``f`` does what no thin array can follow: ``math.sin(x)``, ``float(x)``, ``if x > 0``, writing
        in place, compiled code. The message names the user's line and the ways on.
    IndexError
        As NumPy raises it; JAX would clamp the index.

    Examples
    --------
    >>> import jax, jax.numpy as jnp, numpy as np
    >>> square = numpy_door(lambda x: np.sum(np.array([x[0] * x[1], x[1]]) ** 2))
    >>> jax.grad(square)(jnp.array([1.0, 2.0])).tolist()
    [8.0, 8.0]
    """
    name = _name(f)

    def through_the_door(*args: Any, **keywords: Any) -> Any:
        reading = Reading(name)
        token = current_reading.set(reading)
        try:
            return _unwrapped(f(*wrap(args), **wrap(keywords)))
        except Exception as error:
            refused = as_refusal(error, reading)
            if refused is None or refused is error:
                raise
            raise refused from error
        finally:
            current_reading.reset(token)

    return functools.update_wrapper(through_the_door, f)


def is_door_error(error: BaseException) -> bool:
    """Whether calling a function on JAX's tracers failed because it is written for NumPy, so that the door may help."""
    return any(_is_door_error(one) for one in chain(error))


def _is_door_error(error: BaseException) -> bool:
    if isinstance(error, (jax.errors.JAXTypeError, jax.errors.JAXIndexError)):  # what needs the value of a tracer
        return not isinstance(error, jax.errors.UnexpectedTracerError)
    if isinstance(error, (TypeError, ValueError, AttributeError, IndexError, NotImplementedError)):
        return _TRACER_MET_NUMPY.search(str(error)) is not None
    return False


def _unwrapped(result: Any) -> Any:
    return jax.tree.map(_leaf, result, is_leaf=is_thin)


def _leaf(leaf: Any) -> Any:
    if isinstance(leaf, (str, bytes)):
        return leaf
    value = operand(leaf)
    return jnp.asarray(value) if isinstance(value, (np.ndarray, np.generic, int, float, complex)) else value


def _name(f: Callable[..., Any]) -> str:
    while isinstance(f, functools.partial):
        f = f.func
    return getattr(f, "__name__", type(f).__name__)
