"""The public boundary: one call of a transform becomes a ``Point``, checked and traced once."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ._errors import OsculateError, WrongInput, WrongType
from ._trace import Precision, Trace, Variable, function_location, is_traced, precision_of, trace

Argnums = int | Sequence[int]


@dataclass(frozen=True, eq=False)
class Point:
    """A function at a point: what every transform works on.

    Attributes
    ----------
    asked : str
        The public name of the call, for messages.
    primals : tuple
        The differentiated arguments (pytrees of JAX arrays), one for each of ``argnums``.
    trace : Trace
        The function of these alone; its inputs are their leaves in order, its outputs the leaves of the result (and
        then of the auxiliary output).
    output : pytree of jax.ShapeDtypeStruct
        Shape of the result, without the auxiliary output.
    precision : Precision
        The float64 policy of this call. ``Point`` is made inside its context; a lazy method enters it again.
    """

    asked: str
    function: Callable[..., Any] = field(repr=False)
    argnums: Argnums
    primals: tuple[Any, ...] = field(repr=False)
    trace: Trace = field(repr=False)
    output: Any
    auxiliary: Any
    has_aux: bool
    precision: Precision

    def __call__(self, *primals: Any) -> Any:
        """The function of the differentiated arguments, without the auxiliary output; JAX can transform it."""
        return self.with_aux(*primals)[0]

    def with_aux(self, *primals: Any) -> tuple[Any, Any]:
        """The function and its auxiliary output (None without ``has_aux``)."""
        values = self.trace.evaluate(*jax.tree.leaves(primals))
        count = len(jax.tree.leaves(self.output))
        output = jax.tree.unflatten(jax.tree.structure(self.output), values[:count])
        return output, jax.tree.unflatten(jax.tree.structure(self.auxiliary), values[count:])

    @property
    def outputs(self) -> tuple[Variable, ...]:
        """The trace's outputs without the auxiliary ones."""
        return self.trace.outputs[: len(jax.tree.leaves(self.output))]

    def single(self, per_argument: Sequence[Any]) -> Any:
        """One result for each differentiated argument, in JAX's convention: bare for an ``int`` argnums."""
        return per_argument[0] if isinstance(self.argnums, int) else tuple(per_argument)

    def error(self, kind: type[OsculateError], problem: str, remedy: str) -> OsculateError:
        """An error that points to where the user wrote the function."""
        return kind(self.asked, problem, where=function_location(self.function), remedy=remedy)

    def require_scalar(self) -> None:
        """Refuse a function whose result is not one real floating-point number."""
        leaves = jax.tree.leaves(self.output)
        name = getattr(self.function, "__name__", "f")
        if len(leaves) != 1 or jax.tree.structure(self.output) != jax.tree.structure(0) or leaves[0].shape != ():
            shapes = ", ".join(f"{leaf.dtype}{list(leaf.shape)}" for leaf in leaves) or "nothing"
            raise self.error(
                WrongInput,
                f"{name} must return one real number, but it returns {shapes}",
                "osculate.jacobian(f)(x) differentiates functions with several outputs; or return their sum",
            )
        if not jnp.issubdtype(leaves[0].dtype, np.floating):
            raise self.error(
                WrongType,
                f"{name} must return a real floating-point number, but it returns {leaves[0].dtype}",
                "return float(…) of real data: for complex values their real part or squared modulus",
            )


def point(
    asked: str,
    f: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any] | None = None,
    *,
    argnums: Argnums = 0,
    has_aux: bool = False,
    complex_ok: bool = False,
) -> Point:
    """Check one call and trace its function, once.

    Call it inside ``precision_of(args, kwargs).context()``; ``transform`` does both.

    Raises
    ------
    WrongInput, WrongType
        For argnums out of range, an integer or complex or empty or NaN point, ``has_aux`` without a pair.
    Unreadable
        If the function cannot be traced.
    """
    if not callable(f):
        raise WrongType(
            asked, f"the first argument must be a function, not {type(f).__name__}", remedy=f"{asked}(f)(x)"
        )
    kwargs = kwargs or {}
    precision = precision_of(args, kwargs)
    positions = _positions(asked, argnums, len(args))
    primals = tuple(
        _checked(asked, f, f"argument {i}" if len(args) > 1 else "the point", args[i], complex_ok) for i in positions
    )
    if not any(np.size(leaf) for leaf in jax.tree.leaves(primals)):
        raise WrongInput(
            asked,
            "the point is empty: there is nothing to differentiate with respect to",
            where=function_location(f),
            remedy="pass a number, or an array or pytree with at least one entry",
        )

    def of_primals(*moving: Any) -> Any:
        full = list(args)
        for i, value in zip(positions, moving, strict=True):
            full[i] = value
        return f(*full, **kwargs)

    of_primals.__name__ = getattr(f, "__name__", type(f).__name__)
    of_primals.__wrapped__ = f  # pyright: ignore[reportFunctionMemberAccess]
    traced, shape = trace(of_primals, *primals, asked=asked, source=f, host=precision.host)
    output, auxiliary = _split(asked, f, shape, has_aux)
    return Point(asked, f, argnums, primals, traced, output, auxiliary, has_aux, precision)


def transform(
    asked: str,
    f: Callable[..., Any],
    compute: Callable[[Point], Any],
    *,
    argnums: Argnums = 0,
    has_aux: bool = False,
    complex_ok: bool = False,
) -> Callable[..., Any]:
    """Make the function ``(*args, **kwargs) → compute(Point)``, under the float64 policy."""

    def at(*args: Any, **kwargs: Any) -> Any:
        precision = precision_of(args, kwargs)
        with precision.context():
            here = point(asked, f, args, kwargs, argnums=argnums, has_aux=has_aux, complex_ok=complex_ok)
            return precision.answer(compute(here))

    at.__name__ = f"{asked.rpartition('.')[2]}({getattr(f, '__name__', 'f')})"
    return at


def refuse_tracers(asked: str, *trees: Any) -> None:
    """Refuse to give a verdict, a text or a picture where values are not known yet."""
    if is_traced(*trees):
        raise WrongType(
            asked,
            "the point is traced (inside jit, vmap or grad), so there is no value to judge",
            remedy=f"call {asked} outside of JAX's transformations; osculate.hessian and osculate.gradient work inside",
        )


def _positions(asked: str, argnums: Any, count: int) -> tuple[int, ...]:
    try:
        wanted = (
            (operator.index(argnums),)
            if not isinstance(argnums, (tuple, list))
            else tuple(map(operator.index, argnums))
        )
    except TypeError:
        wanted = ()
    positions = tuple(i + count if i < 0 else i for i in wanted)
    if isinstance(argnums, bool) or not positions or len(set(positions)) < len(positions):
        raise WrongInput(
            asked, f"argnums must be one or several different integers, not {argnums!r}", remedy="argnums=0"
        )
    if any(not 0 <= i < count for i in positions):
        raise WrongInput(
            asked,
            f"argnums={argnums!r}, but the function was called with {count} positional argument{'s' * (count != 1)}",
            remedy=f"pass argument {max(wanted)} by position, or use argnums below {count}",
        )
    return positions


def _checked(asked: str, f: Callable[..., Any], name: str, tree: Any, complex_ok: bool) -> Any:
    """A differentiated argument as JAX arrays; integers, NaN and the like are refused by name."""

    def leaf(path: Any, value: Any) -> Any:
        place = name + jax.tree_util.keystr(path)
        where = function_location(f)
        array = value if isinstance(value, jax.Array) else np.asarray(value)
        dtype = array.dtype
        if jnp.issubdtype(dtype, np.integer) or dtype == np.bool_:
            raise WrongType(
                asked,
                f"{place} is an integer ({dtype}{list(array.shape)}), and integers have no derivatives",
                where=where,
                remedy="write 1.0 instead of 1, or x.astype(float)",
            )
        if jnp.issubdtype(dtype, np.complexfloating) and not complex_ok:
            raise WrongType(
                asked,
                f"{place} is complex ({dtype}{list(array.shape)}); second derivatives are those of real variables here",
                where=where,
                remedy="make the real and imaginary parts two real arguments",
            )
        if not jnp.issubdtype(dtype, np.inexact):
            raise WrongType(
                asked,
                f"{place} is not numeric ({dtype}{list(array.shape)})",
                where=where,
                remedy="pass floating-point numbers or arrays, in any pytree",
            )
        if not is_traced(array) and np.isnan(np.asarray(array)).any():
            raise WrongInput(
                asked,
                f"{place} contains NaN",
                where=where,
                remedy="find where the NaN comes from: np.isnan(x).nonzero() shows the entries",
            )
        return jnp.asarray(array)

    return jax.tree_util.tree_map_with_path(leaf, tree)


def _split(asked: str, f: Callable[..., Any], shape: Any, has_aux: bool) -> tuple[Any, Any]:
    if not has_aux:
        return shape, None
    if not isinstance(shape, tuple) or len(shape) != 2:
        got = f"a tuple of {len(shape)}" if isinstance(shape, tuple) else type(shape).__name__
        raise WrongInput(
            asked,
            f"has_aux=True, so the function must return a pair (value, auxiliary), but it returns {got}",
            where=function_location(f),
            remedy="return value, auxiliary; or leave has_aux out",
        )
    return shape[0], shape[1]
