"""Universal functions of NumPy and ``scipy.special``: which JAX function reads each, by NumPy's rules for dtypes."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import jax.scipy.special as jsp
import numpy as np
import scipy.special

from .numpy_functions import name_set
from .numpy_refusals import refusal, written_in_place


def _power(base: Any, exponent: Any) -> Any:
    integers = all(np.issubdtype(jnp.result_type(value), np.integer) for value in (base, exponent))
    if integers and isinstance(exponent, (int, np.ndarray)) and np.any(np.less(exponent, 0)):
        raise ValueError("Integers to negative integer powers are not allowed.")
    return jnp.power(base, exponent)


def _betaln(a: Any, b: Any) -> Any:
    return jsp.gammaln(a) + jsp.gammaln(b) - jsp.gammaln(a + b)  # JAX's own is off by 4e-7 where only one is large


def _beta(a: Any, b: Any) -> Any:
    return jsp.gammasgn(a) * jsp.gammasgn(b) * jsp.gammasgn(a + b) * jnp.exp(_betaln(a, b))


def _poch(z: Any, m: Any) -> Any:
    sign = jsp.gammasgn(z + m) * jsp.gammasgn(z)  # JAX's own is wrong for negative m
    return sign * jnp.exp(jsp.gammaln(z + m) - jsp.gammaln(z))


def _huber(delta: Any, r: Any) -> Any:
    size = jnp.abs(r)
    return jnp.where(size <= delta, r * r / 2, delta * (size - delta / 2))


def _pseudo_huber(delta: Any, r: Any) -> Any:
    return delta * delta * (jnp.sqrt(1 + (r / delta) ** 2) - 1)


def _inverse_boxcox1p(y: Any, power: Any) -> Any:
    plain = power == 0
    safe = jnp.where(plain, 1.0, power)
    return jnp.where(plain, jnp.expm1(y), jnp.expm1(jnp.log1p(safe * y) / safe))


@jax.custom_jvp
def _exp1(x: Any) -> Any:
    return jsp.exp1(x)  # JAX's own has no second derivative before 0.12


@_exp1.defjvp
def _(primals: tuple[Any], tangents: tuple[Any]) -> tuple[Any, Any]:  # pyright: ignore[reportUnusedFunction]
    (x,), (x_dot,) = primals, tangents
    return _exp1(x), -jnp.exp(-x) / x * x_dot


@jax.custom_jvp
def _expn(n: Any, x: Any) -> Any:
    return jsp.expn(n, x)


@_expn.defjvp
def _(primals: tuple[Any, Any], tangents: tuple[Any, Any]) -> tuple[Any, Any]:  # pyright: ignore[reportUnusedFunction]
    (n, x), (_, x_dot) = primals, tangents
    value = _expn(n, x)
    low = (jnp.exp(-x) - (n - 1) * value) / x
    return value, -jnp.where(n >= 2, _expn(jnp.maximum(n - 1, 1), x), low) * x_dot


@jax.custom_jvp
def _spence(x: Any) -> Any:
    return jsp.spence(x)  # JAX's own has derivative NaN on (1, 2)


@_spence.defjvp
def _(primals: tuple[Any], tangents: tuple[Any]) -> tuple[Any, Any]:  # pyright: ignore[reportUnusedFunction]
    (x,), (x_dot,) = primals, tangents
    return _spence(x), jnp.log(x) / (1 - x) * x_dot


_SPECIAL_BY_NAME = name_set(
    "betainc boxcox boxcox1p dawsn entr erf erfc erfcx erfinv expi expit fresnel gamma gammainc gammaincc gammaln"
    " gammasgn hyp1f1 i0 i0e i1 i1e kl_div log_ndtr logit loggamma ndtr ndtri rel_entr sici wofz xlog1py xlogy"
)
_SPECIAL_BY_HAND: dict[str, Callable[..., Any]] = {
    "_riemann_zeta": lambda x: jsp.zeta(x, 1.0),
    "_zeta": jsp.zeta,
    "beta": _beta,
    "betaln": _betaln,
    "cbrt": jnp.cbrt,
    "cosm1": lambda x: -2 * jnp.sin(x / 2) ** 2,
    "erfcinv": lambda y: -jsp.ndtri(y / 2) / np.sqrt(2.0),
    "exp1": _exp1,
    "exp10": lambda x: jnp.power(10.0, x),
    "exp2": jnp.exp2,
    "expm1": jnp.expm1,
    "expn": _expn,
    "huber": _huber,
    "inv_boxcox": lambda y, power: _inverse_boxcox1p(y, power) + 1,
    "inv_boxcox1p": _inverse_boxcox1p,
    "log1p": jnp.log1p,
    "log_expit": jax.nn.log_sigmoid,
    "poch": _poch,
    "pseudo_huber": _pseudo_huber,
    "psi": jsp.digamma,
    "spence": _spence,
}


@functools.cache
def ufunc_reading(ufunc: np.ufunc) -> Callable[..., Any] | None:
    """JAX's function for a universal function of NumPy or ``scipy.special``, or None."""
    name = ufunc.__name__
    if getattr(np, name, None) is ufunc:
        return _power if ufunc is np.power else getattr(jnp, name, None)
    hidden = getattr(scipy.special, "_ufuncs", None)  # behind zeta, and behind all of them if SCIPY_ARRAY_API is set
    if ufunc not in (getattr(scipy.special, name, None), getattr(hidden, name, None)):
        return None
    return _SPECIAL_BY_HAND.get(name) or (getattr(jsp, name) if name in _SPECIAL_BY_NAME else None)


def method_ufunc(name: str) -> np.ufunc | None:
    """The ufunc that NumPy's loops over arrays of objects call as the method ``name`` of each element."""
    function = getattr(np, name, None)
    return function if isinstance(function, np.ufunc) and ufunc_reading(function) else None


def read_ufunc(ufunc: np.ufunc, method: str, operands: Sequence[Any], keywords: dict[str, Any]) -> Any:
    """``ufunc`` (or its ``reduce``, ``accumulate``, ``outer``, ``reduceat``) of JAX arrays and numbers."""
    function = ufunc_reading(ufunc)
    if function is None:
        raise refusal(
            f"JAX has no {ufunc.__name__}",
            "write it with functions of numpy, or those of scipy.special that JAX has",
        )
    if method == "at":
        raise written_in_place(f"the first argument of {ufunc.__name__}.at")
    keywords = {name: value for name, value in keywords.items() if name not in ("casting", "order", "subok")}
    if method == "outer":
        left, right = operands
        operands, method = (jnp.reshape(left, np.shape(left) + (1,) * np.ndim(right)), right), "__call__"
    if method == "__call__":
        dtype = keywords.pop("dtype", None)
        if ufunc.signature is None:
            np.broadcast_shapes(*map(np.shape, operands))  # raises as NumPy does
        return function(*_promoted(ufunc, operands, dtype), **keywords)
    axis = keywords.pop("axis", 0)
    folded = function if isinstance(function, jnp.ufunc) else jnp.frompyfunc(function, 2, 1, identity=ufunc.identity)
    return getattr(folded, method)(*operands, axis=axis, **keywords)


def _promoted(ufunc: np.ufunc, operands: Sequence[Any], dtype: Any) -> list[Any]:
    """The operands in the dtypes of the loop that NumPy would run; numbers without a dtype stay what they are."""
    kinds = [_kind(one) for one in operands]
    loop = [np.dtype(dtype)] * len(kinds) if dtype else ufunc.resolve_dtypes((*kinds, *[None] * ufunc.nout))
    return [_cast(one, kind, to) for one, kind, to in zip(operands, kinds, loop, strict=False)]


def _kind(value: Any) -> Any:
    """What NumPy's promotion looks at: a dtype, or Python's int, float or complex."""
    if type(value) in (int, float, complex):
        return type(value)
    if getattr(value, "weak_type", False):
        return {"i": int, "f": float, "c": complex}.get(np.dtype(value.dtype).kind, value.dtype)
    return jnp.result_type(value) if isinstance(value, jax.Array) else np.asarray(value).dtype


def _cast(value: Any, kind: Any, to: np.dtype[Any]) -> Any:
    if isinstance(kind, type):
        return value
    if np.ndim(value) == 0 and not isinstance(value, jax.Array):
        return value.item() if hasattr(value, "item") else value  # so that x ** np.int64(2) is a product
    to = np.dtype(jax.dtypes.canonicalize_dtype(to))
    return value if value.dtype == to else value.astype(to)
