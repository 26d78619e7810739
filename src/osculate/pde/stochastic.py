"""Estimates of Δ and Δ² from a few random directions, with their standard error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from osculate._arguments import Argnums, point
from osculate._compiled import computed
from osculate._errors import WrongInput, WrongType
from osculate._jets.coefficients import coefficients
from osculate._results import Estimate
from osculate._trace import Variable, precision_of, trace

from .rows import rows_of
from .sums import split

Probes = Literal["rademacher", "coordinates", "normal"]

AT_ONCE = 64
"""Directions pushed side by side."""

_HOW = {
    "rademacher": "estimate ± standard error: Hutchinson, random signs",
    "coordinates": "estimate ± standard error: STDE, random coordinates without replacement",
    "normal": "estimate ± standard error: STDE, normal directions",
}


def sampled(
    asked: str, f: Callable[..., Any], order: int, probes: Probes, samples: int, key: Any, argnums: Argnums
) -> Callable[..., Any]:
    """Make the function that estimates Δf (``order`` 2) or Δ²f (4) from ``samples`` directional derivatives."""
    _check(asked, order, probes, samples)

    def at(*args: Any, **kwargs: Any) -> Any:
        precision = precision_of(args, kwargs)
        with precision.context():
            here = point(asked, f, args, kwargs, argnums=argnums)
            by_rows = rows_of(here) is not None
            leaves = jax.tree.leaves(here.primals)
            size = leaves[0][0].size if by_rows else sum(leaf.size for leaf in leaves)
            directions, scale, shrink = _directions(asked, probes, order, samples, size, jnp.result_type(*leaves), key)
            tops = computed(here, _along, directions, options=(asked, order, by_rows))
            results = [_estimate(top * scale, shrink, _HOW[probes]) for top in tops]
            return precision.answer(jax.tree.unflatten(jax.tree.structure(here.output), results))

    at.__name__ = f"{asked.rpartition('.')[2]}({getattr(f, '__name__', 'f')})"
    return at


def _along(
    function: Callable[..., Any], primals: tuple[Any, ...], directions: Any, asked: str, order: int, by_rows: bool
) -> list[Any]:
    """The coefficient of ``order`` along each direction, of each output."""
    leaves, structure = jax.tree.flatten(primals)
    program, _ = trace(lambda *xs: function(*jax.tree.unflatten(structure, xs))[0], *leaves, asked=asked)
    if by_rows:
        row = Variable(leaves[0].shape[1:], leaves[0].dtype)
        parts = [jnp.broadcast_to(part[:, None], (len(part), *leaves[0].shape)) for part in split(directions, [row])]
    else:
        parts = split(directions, program.inputs)

    def one(direction: list[Any]) -> list[Any]:
        rows = [[leaf, part] for leaf, part in zip(leaves, direction, strict=True)]
        return [column[order] for column in coefficients(asked, program, rows, order)]

    return lax.map(one, parts, batch_size=min(AT_ONCE, directions.shape[0]))


def _directions(
    asked: str, probes: Probes, order: int, samples: int, size: int, dtype: Any, key: Any
) -> tuple[Any, float, float]:
    """Directions, what turns a coefficient along them into an unbiased estimate, and what the error is reduced by."""
    random = _key(asked, key)
    if probes == "coordinates":
        count = min(samples, size)
        chosen = jax.random.permutation(random, size)[:count]
        return jnp.eye(size, dtype=dtype)[chosen], 2.0 * size, float(np.sqrt(1 - count / size))
    if order == 2:
        return jax.random.rademacher(random, (samples, size), dtype), 2.0, 1.0
    return jax.random.normal(random, (samples, size), dtype), 8.0, 1.0  # E ∂ᵥ⁴f = 3 Δ²f, and 4! / 3 = 8


def _estimate(values: Any, shrink: float, how: str) -> Estimate:
    count = values.shape[0]
    spread = jnp.std(values, axis=0, ddof=1) if count > 1 else jnp.full(values.shape[1:], jnp.inf)
    error = spread * (shrink / np.sqrt(count)) if shrink else jnp.zeros_like(spread, shape=values.shape[1:])
    return Estimate(values.mean(0), error, how, count)


def _key(asked: str, key: Any) -> Any:
    """A key of ``jax.random``, also a traced one, so that each step of a jitted training draws anew."""
    if isinstance(key, (int, np.integer)) and not isinstance(key, bool) and key >= 0:
        return jax.random.key(int(key))
    if isinstance(key, jax.Array) and jnp.issubdtype(key.dtype, jax.dtypes.prng_key) and key.ndim == 0:
        return key
    if isinstance(key, (jax.Array, np.ndarray)) and key.dtype == np.uint32 and key.ndim == 1:
        return jax.random.wrap_key_data(jnp.asarray(key))
    raise WrongType(asked, f"key must be a non-negative integer or a JAX key, not {key!r}", remedy="key=0")


def _check(asked: str, order: int, probes: Any, samples: Any) -> None:
    allowed = ("rademacher", "coordinates") if order == 2 else ("normal",)
    if probes not in allowed:
        raise WrongInput(asked, f"probes={probes!r} is unknown", remedy=" or ".join(f'probes="{p}"' for p in allowed))
    if isinstance(samples, bool) or not isinstance(samples, (int, np.integer)) or samples < 1:
        raise WrongInput(asked, f"samples must be a positive integer, not {samples!r}", remedy="samples=100")
