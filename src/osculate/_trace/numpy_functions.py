"""Functions of NumPy that are not universal ones: by name, and by hand where JAX differs."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .numpy_refusals import refusal, written_in_place


def name_set(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


# Answered by NumPy from shape and dtype alone.
STATIC = name_set(
    "shape ndim size iscomplexobj isrealobj result_type common_type can_cast zeros_like ones_like empty_like"
    " diag_indices_from tril_indices_from triu_indices_from"
)
_IN_PLACE = name_set("copyto fill_diagonal place put put_along_axis putmask")
# May answer with memory of their argument: what is then written into one of the two would show in the other.
VIEWS = name_set(
    "array_split astype atleast_1d atleast_2d atleast_3d broadcast_arrays broadcast_to diag diagonal diff dsplit einsum"
    " expand_dims flip fliplr flipud hsplit imag matrix_power matrix_transpose meshgrid moveaxis permute_dims ravel"
    " real real_if_close reshape rollaxis rot90 split squeeze swapaxes transpose unstack vsplit"
)
# Take a sequence of arrays at these places.
_SEQUENCES = dict.fromkeys(
    name_set("block column_stack concat concatenate dstack hstack lexsort multi_dot stack vstack"), (0,)
) | {"choose": (1,), "select": (0, 1)}
# Arguments that are not arrays: a list stays a list.
_PLAIN = name_set(
    "axes axis axisa axisb axisc dtype indices_or_sections mode n offset optimize ord pad_width reps s shape shift"
    " source destination"
)
# Say how NumPy stores or finds the answer, not what it is.
_IGNORED = name_set("casting copy device kind like overwrite_input stable subok")


def _clip(a: Any, a_min: Any = None, a_max: Any = None, **keywords: Any) -> Any:
    lower, upper = keywords.pop("min", a_min), keywords.pop("max", a_max)
    if keywords.pop("out", None) is not None or keywords:
        raise written_in_place("the argument `out` of numpy.clip")
    return jnp.clip(a, lower, upper)


def _one_triangle(a: Any, lower: bool) -> Any:
    """The Hermitian matrix that LAPACK sees: it reads one triangle only, and so must the derivative."""
    strict = jnp.tril(a, -1) if lower else jnp.triu(a, 1)
    diagonal = jnp.real(jnp.diagonal(a, axis1=-2, axis2=-1)).astype(a.dtype)
    return strict + jnp.conj(jnp.swapaxes(strict, -1, -2)) + diagonal[..., None] * jnp.eye(a.shape[-1], dtype=a.dtype)


def _eigh(a: Any, UPLO: str = "L") -> Any:
    return jnp.linalg.eigh(_one_triangle(jnp.asarray(a), UPLO.upper() == "L"))


def _eigvalsh(a: Any, UPLO: str = "L") -> Any:
    return jnp.linalg.eigvalsh(_one_triangle(jnp.asarray(a), UPLO.upper() == "L"))


def _cholesky(a: Any, *, upper: bool = False) -> Any:
    return jnp.linalg.cholesky(_one_triangle(jnp.asarray(a), not upper), upper=upper)


def _lstsq(a: Any, b: Any, rcond: float | None = None) -> Any:
    x, residuals, rank, singular = jnp.linalg.lstsq(a, b, rcond)
    return x, residuals if np.shape(a)[0] > np.shape(a)[1] else jnp.zeros(0, residuals.dtype), rank, singular


def _pinv(a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Any:
    given = rtol if rcond is None else rcond
    return jnp.linalg.pinv(a, rtol=1e-15 if given is None else given, hermitian=hermitian)


def _take(a: Any, indices: Any, axis: int | None = None, out: Any = None, mode: str = "raise") -> Any:
    if out is not None:
        raise written_in_place("the argument `out` of numpy.take")
    if not isinstance(indices, jax.Array):
        np.take(np.broadcast_to(np.False_, np.shape(a)), indices, axis, mode="raise" if mode == "raise" else "clip")
    return jnp.take(a, jnp.asarray(indices), axis, mode="fill" if mode == "raise" else mode)


def _choose(a: Any, choices: Any, out: Any = None, mode: str = "raise") -> Any:
    if out is not None:
        raise written_in_place("the argument `out` of numpy.choose")
    if mode == "raise" and isinstance(a, jax.Array):
        raise refusal("numpy.choose cannot check choices that depend on the input", "use np.where, or mode='clip'")
    if mode == "raise" and np.any((np.asarray(a) < 0) | (np.asarray(a) >= len(choices))):
        raise ValueError("invalid entry in choice array")
    return jnp.choose(jnp.asarray(a), [jnp.asarray(one) for one in choices], mode="clip" if mode == "raise" else mode)


def _full_like(a: Any, fill_value: Any, dtype: Any = None, **layout: Any) -> Any:
    shape = layout.get("shape")
    return jnp.full(np.shape(a) if shape is None else shape, fill_value, dtype=dtype or a.dtype)


def _real_if_close(a: Any, tol: float = 100) -> Any:
    if jnp.iscomplexobj(a):
        raise refusal("numpy.real_if_close looks at the values", "write np.real(x) or leave it out")
    return a


def _text(a: Any, *layout: Any, **keywords: Any) -> Any:
    return f"<{np.shape(a)} {a.dtype}: depends on the input>"


_BY_HAND: dict[str, Callable[..., Any]] = {
    "numpy.array2string": _text,
    "numpy.array_repr": _text,
    "numpy.array_str": _text,
    "numpy.choose": _choose,
    "numpy.clip": _clip,
    "numpy.fix": jnp.trunc,
    "numpy.full_like": _full_like,
    "numpy.linalg.cholesky": _cholesky,
    "numpy.linalg.eigh": _eigh,
    "numpy.linalg.eigvalsh": _eigvalsh,
    "numpy.linalg.lstsq": _lstsq,
    "numpy.linalg.pinv": _pinv,
    "numpy.real_if_close": _real_if_close,
    "numpy.roots": functools.partial(jnp.roots, strip_zeros=False),
    "numpy.take": _take,
}
_REMEDIES = {
    "numpy.piecewise": "use np.where or np.select",
    "numpy.polymul": "use np.convolve",
    "numpy.polydiv": "use np.polynomial.polynomial.polydiv on plain numbers only",
}


def function_reading(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function that reads ``function`` of NumPy: same arguments, JAX arrays in and out.

    Raises
    ------
    Unreadable
        If JAX has no such function, or it writes in place.
    """
    name = f"{function.__module__}.{function.__name__}"
    if function.__name__ in _IN_PLACE:
        raise written_in_place(f"the first argument of {name}")
    if name in _BY_HAND:
        return _BY_HAND[name]
    module = {"numpy": jnp, "numpy.linalg": jnp.linalg, "numpy.fft": jnp.fft}.get(function.__module__)
    reading = getattr(module, function.__name__, None) if module else None
    if reading is None or name in _REMEDIES:
        raise refusal(f"{name} cannot be read", _REMEDIES.get(name, "write it with other functions of numpy"))
    return functools.partial(_by_signature, name, function, reading)


def _by_signature(
    name: str, function: Callable[..., Any], reading: Callable[..., Any], *args: Any, **named: Any
) -> Any:
    """Hand NumPy's arguments on to JAX's function, whose parameters have another order and are often keyword-only."""
    ours = inspect.signature(reading).parameters
    names = parameters_of(function)
    arguments = dict(named) if names is None else dict(zip(names, args, strict=False)) | named
    first = args
    if names is not None:
        leading = max(1, sum(p.kind is inspect.Parameter.POSITIONAL_ONLY for p in ours.values()))
        first = tuple(arguments.pop(one) for one in names[:leading] if one in arguments)
    accepted = {one: value for one, value in arguments.items() if _is_asked(name, one, value)}
    takes_any = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in ours.values())
    for unknown in accepted.keys() - ours.keys() if not takes_any else ():
        raise refusal(f"the argument `{unknown}` of {name} cannot be read", "write it with other arguments")
    return reading(*first, **accepted)


def _is_asked(name: str, argument: str, value: Any) -> bool:
    if argument == "out" and value is not None:
        raise written_in_place(f"the argument `out` of {name}")
    if argument == "copy" and value is False:
        raise written_in_place(f"the first argument of {name} (copy=False)")
    layout = argument == "order" and value in (None, "K")  # as it lies in memory, or unsorted fields
    unset = value is np._NoValue  # pyright: ignore[reportPrivateUsage, reportAttributeAccessIssue]
    return not (argument in _IGNORED or argument == "out" or layout or unset)


@functools.cache
def parameters_of(function: Callable[..., Any]) -> tuple[str, ...] | None:
    """Names of the parameters of a NumPy function, or None if it takes any number or does not say."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:
        return None
    if any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in parameters):
        return None
    return tuple(p.name for p in parameters)


def map_arguments(
    function: Callable[..., Any], args: Sequence[Any], named: dict[str, Any], operand: Callable[[Any], Any]
) -> tuple[list[Any], dict[str, Any]]:
    """The arguments with ``operand`` applied to those that are arrays; sequences of arrays stay sequences."""
    names = parameters_of(function) or ()
    sequences = _SEQUENCES.get(function.__name__, ())

    def convert(value: Any, name: str, place: int | None) -> Any:
        is_list = isinstance(value, (list, tuple))
        if is_list and (name in _PLAIN or function.__name__ == "einsum"):
            return value
        if place in sequences:
            return nested(value, function.__name__ == "block") if is_list else list(operand(value))
        return operand(value)

    def nested(value: Any, deeply: bool) -> Any:
        if isinstance(value, (list, tuple)):
            return [nested(one, deeply) if deeply else operand(one) for one in value]
        return operand(value)

    converted = [convert(v, names[i] if i < len(names) else "", i) for i, v in enumerate(args)]
    keywords = {k: convert(v, k, names.index(k) if k in names else None) for k, v in named.items()}
    return converted, keywords
