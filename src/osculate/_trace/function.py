"""From a user's function to its trace: through JAX where it is written for JAX, through the NumPy door where not."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.core
import jax.numpy as jnp
import numpy as np

from osculate._errors import Location, Unreadable, WrongType, first_user_location

from .dialect import reached
from .nodes import Literal, Node, Trace, Variable
from .reader import read


def trace(
    f: Callable[..., Any], *primals: Any, asked: str, source: Any = None, host: bool = False
) -> tuple[Trace, Any]:
    """Run ``f`` once on abstract values shaped like ``primals`` (pytrees) and read what it did.

    Returns the trace, whose inputs and outputs are the leaves in order, and the output as a pytree of shapes.
    ``source`` is the user's own function, if ``f`` wraps it. ``host`` says that the point is Python's or NumPy's: then
    a function that names neither library is read as NumPy reads it, and every function is traced twice and the two
    programs compared, since a random number drawn inside it would otherwise be frozen in silence.

    Raises
    ------
    Unreadable
        If ``f`` does with its argument what no trace can follow (``math.sin``, ``float(x)``, in-place writes), or draws
        random numbers. The message names the user's line.
    """
    libraries = reached(f if source is None else source)
    as_numpy = "jax" not in libraries and (host or "numpy" in libraries)
    program, shape = _program(f, primals, asked, as_numpy)
    result = read(program)
    if host:
        again = read(_program(f, primals, asked, as_numpy)[0])
        if (difference := _difference(result, again)) is not None:
            raise Unreadable(
                asked,
                f"two traces of {_name(f)} at the same point differ, so it draws random numbers or keeps state",
                where=difference.where or function_location(f),
                remedy="pass the random numbers in as an argument, or use jax.random with a fixed key",
            )
    return result, shape


def _program(f: Callable[..., Any], primals: Sequence[Any], asked: str, as_numpy: bool) -> tuple[Any, Any]:
    """The program of ``f`` and the shape of its output, through JAX's or NumPy's reading of it."""
    try:
        return _through_door(f, primals) if as_numpy else _make(f, primals)
    except Exception as error:
        if isinstance(error, TypeError) and _precisions_clash(error):
            raise WrongType(
                asked,
                f"float32 and float64 meet inside {_name(f)} where JAX does not mix them: {_first_line(error)}",
                where=_error_location(error) or function_location(f),
                remedy="the point is float64 (Python's and NumPy's own precision): make the function's constants "
                "float64 too, or pass JAX arrays, for example jnp.asarray(x, jnp.float32)",
            ) from error
        if isinstance(error, Unreadable):
            raise
        if as_numpy and isinstance(error, (TypeError, AttributeError)):
            # JAX is meant after all: x.at[…], or a call that the code does not show.
            return _make(f, primals)
        from .numpy_door import is_door_error  # with scipy.special: only where a function needs it

        if as_numpy or not is_door_error(error):
            raise
        return _through_door(f, primals)


def _make(f: Callable[..., Any], primals: Sequence[Any]) -> tuple[Any, Any]:
    # A new function each time: JAX keeps traces by identity.
    return jax.make_jaxpr(lambda *moving: f(*moving), return_shape=True)(*primals)


def _through_door(f: Callable[..., Any], primals: Sequence[Any]) -> tuple[Any, Any]:
    from .numpy_door import numpy_door

    return _make(numpy_door(f), primals)


def _precisions_clash(error: TypeError) -> bool:
    text = str(error)
    return ("float32" in text and "float64" in text) or ("f32[" in text and "f64[" in text)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


def _error_location(error: BaseException) -> Location | None:
    frames: list[tuple[str, int, str]] = []
    step = error.__traceback__
    while step is not None:
        frames.append((step.tb_frame.f_code.co_filename, step.tb_lineno, step.tb_frame.f_code.co_name))
        step = step.tb_next
    return first_user_location(reversed(frames))


def function_location(f: Callable[..., Any]) -> Location | None:
    """Where the user wrote ``f``."""
    while isinstance(f, functools.partial):
        f = f.func
    code = getattr(inspect.unwrap(f), "__code__", None)
    return first_user_location([(code.co_filename, code.co_firstlineno, code.co_name)]) if code else None


def _name(f: Callable[..., Any]) -> str:
    return getattr(f, "__name__", type(f).__name__)


def _difference(one: Trace, two: Trace) -> Node | None:
    """First node at which two traces of a function differ (what is done, to what, with which data), or None."""
    numbers: tuple[dict[Variable, int], dict[Variable, int]] = {}, {}

    def alike(u: Variable, v: Variable) -> bool:
        if isinstance(u, Literal) or isinstance(v, Literal):
            return isinstance(u, Literal) and isinstance(v, Literal) and _equal(u.value, v.value)
        return numbers[0].setdefault(u, len(numbers[0])) == numbers[1].setdefault(v, len(numbers[1]))

    def all_alike(us: Sequence[Variable], vs: Sequence[Variable]) -> bool:
        return len(us) == len(vs) and all(alike(u, v) for u, v in zip(us, vs, strict=True))

    start = all_alike(one.inputs, two.inputs) and len(one.constants) == len(two.constants)
    for (u, a), (v, b) in zip(one.constants, two.constants, strict=False):
        start = alike(u, v) and _equal(a, b) and start
    nodes = one.nodes or two.nodes
    if not start:
        return nodes[0] if nodes else None
    for a, b in zip(one.nodes, two.nodes, strict=False):
        if not (a.name == b.name and all_alike(a.inputs, b.inputs) and all_alike(a.outputs, b.outputs)):
            return a
        if not _same_parameters(a, b) or len(a.bodies) != len(b.bodies):
            return a
        for inner, other in zip(a.bodies, b.bodies, strict=True):
            if (difference := _difference(inner, other)) is not None:
                return difference
    if len(one.nodes) != len(two.nodes):
        longer = one if len(one.nodes) > len(two.nodes) else two
        return longer.nodes[min(len(one.nodes), len(two.nodes))]
    return None if all_alike(one.outputs, two.outputs) or not nodes else nodes[-1]


def _same_parameters(a: Node, b: Node) -> bool:
    """Whether the plain parameters agree; programs and functions are compared as bodies, or made anew by each trace."""
    return a.params.keys() == b.params.keys() and all(
        _plain(a.params[name]) == _plain(b.params[name]) for name in a.params
    )


def _plain(value: Any) -> Any:
    if isinstance(value, (tuple, list)):
        return tuple(map(_plain, value))
    plain = isinstance(value, (bool, int, float, complex, str, np.generic, np.dtype, type(None)))
    return repr(value) if plain else type(value).__name__  # as text, where NaN (a fill value, say) equals itself


def _equal(a: Any, b: Any) -> bool:
    if a is b or isinstance(a, jax.core.Tracer) or isinstance(b, jax.core.Tracer):
        return True
    if getattr(a, "dtype", None) is not None and jnp.issubdtype(a.dtype, jax.dtypes.extended):
        return a.dtype == b.dtype
    one, two = np.asarray(a), np.asarray(b)
    same = one.shape == two.shape and one.dtype == two.dtype
    return same and bool(np.all((one == two) | ((one != one) & (two != two))))  # NaN is itself here
