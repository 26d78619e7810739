"""Whether a function is written for NumPy or for JAX, from what its code can reach.

Most NumPy functions fail on JAX's tracers, and the failure sends them through the NumPy door. Some do not fail but mean
another thing: ``x[7]`` out of range is clamped by JAX, ``x.sort()`` sorts nothing in place, ``y = x[1:]; y += 1``
leaves x alone. So a function whose code reaches NumPy, or neither library, is read as NumPy reads it from the start.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import jax
import numpy as np

_MOST_OBJECTS = 500
_LIBRARIES = {"jax": "jax", "jaxlib": "jax", "numpy": "numpy", "scipy": "numpy"}


def reached(f: Callable[..., Any]) -> frozenset[str]:
    """Which of ``"jax"`` and ``"numpy"`` the code of ``f`` names, directly or through functions that it calls.

    ``"jax"`` is also the answer where the code cannot be followed (compiled code, very many objects): JAX's own
    semantics are then the default, and a failure still leads to the NumPy door.
    """
    found: set[str] = set()
    waiting: list[Any] = [f]
    seen: set[int] = set()
    while waiting and "jax" not in found:
        thing = waiting.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if len(seen) > _MOST_OBJECTS:
            return frozenset({"jax", *found})
        if (library := _library(thing)) is not None:
            found.add(library)
        else:
            if isinstance(thing, FunctionType):  # imports inside a function are names of its code
                roots = {name.partition(".")[0] for name in _names(thing.__code__)}
                found.update(_LIBRARIES[root] for root in roots & {"jax", "numpy", "scipy"})
            waiting.extend(_parts(thing))
    return frozenset(found)


def _library(thing: Any) -> str | None:
    """The library that an object belongs to: a module, function, class or array of it."""
    if isinstance(thing, ModuleType):
        name = thing.__name__
    elif isinstance(thing, (np.ndarray, np.generic)):
        return None  # data: NumPy arrays serve JAX functions as well
    elif isinstance(thing, jax.Array):
        return "jax"
    elif isinstance(thing, (FunctionType, MethodType)):
        name = thing.__module__ or ""
    else:
        name = (thing.__module__ if isinstance(thing, type) else type(thing).__module__) or ""
        if isinstance(thing, (BuiltinFunctionType, np.ufunc)):
            name = getattr(thing, "__module__", None) or "numpy" * isinstance(thing, np.ufunc)
    return _LIBRARIES.get(name.partition(".")[0])


def _parts(thing: Any) -> Iterator[Any]:
    """What an object's code refers to: globals, closures, wrapped functions, methods, items of containers."""
    if isinstance(thing, functools.partial):
        yield from (thing.func, *thing.args, *thing.keywords.values())
    elif isinstance(thing, MethodType):
        yield from (thing.__func__, thing.__self__)
    elif isinstance(thing, FunctionType):
        yield from _referred(thing)
    elif isinstance(thing, (list, tuple, set)):
        yield from thing
    elif isinstance(thing, dict):
        yield from thing.values()
    elif isinstance(thing, type):
        yield from (v for v in vars(thing).values() if isinstance(v, FunctionType))
    elif not isinstance(thing, (ModuleType, BuiltinFunctionType, str, bytes, int, float, complex, np.ndarray)):
        yield from (cls for cls in type(thing).__mro__ if cls.__module__ != "builtins")
        yield from getattr(thing, "__dict__", {}).values()


def _referred(function: FunctionType) -> Iterator[Any]:
    names = set(_names(function.__code__))
    yield from (function.__globals__[name] for name in names if name in function.__globals__)
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # a cell that is not filled yet
            continue
    yield from function.__defaults__ or ()
    if (wrapped := getattr(function, "__wrapped__", None)) is not None:
        yield wrapped


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
