"""Partial derivatives of a function at a point, from jets along the directions that ``rays`` plans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from osculate._arguments import Point
from osculate._errors import WrongInput
from osculate._kinks import warn_of_kinks

from .factorial import times_all
from .jet import push
from .rays import Index, Plan, Ray, plan

AT_ONCE = 128
"""Rays pushed together; more go in chunks, so that memory stays bounded."""
_DIGITS_LEFT = 1e-2
"""Amplification times machine precision at which a result is no longer worth having."""


def mixed(here: Point, alphas: Sequence[Index], *, rows: bool = False, scaled: bool = False) -> Any:
    """∂^α f/α! for several multi-indices over the ravelled entries, stacked; ``scaled``: ∂^α f.

    ``rows``: the point is one array (B, n) of independent rows, and the multi-indices are over the n columns; then the
    rows share each direction.
    """
    warn_of_kinks(here.asked, here.trace, jax.tree.leaves(here.primals), max(map(sum, alphas)))
    chosen = plan(alphas)
    _check_rounding(here, alphas, chosen)
    pushed: dict[int, tuple[dict[int, int], Any]] = {}
    for order in sorted(set(chosen.orders)):
        numbers = [i for i, o in enumerate(chosen.orders) if o == order]
        place = {number: i for i, number in enumerate(numbers)}
        pushed[order] = place, _push_rays(here, [chosen.rays[i] for i in numbers], order, rows)
    by_order = {k: [j for j, alpha in enumerate(alphas) if sum(alpha) == k] for k in sorted(set(map(sum, alphas)))}
    parts: list[Any] = []
    for k, members in by_order.items():
        if k == 0:
            value = _value(next(iter(pushed.values()))[1]) if pushed else here(*here.primals)
            count = len(members)
            parts.append(jax.tree.map(lambda v, n=count: jnp.stack([v] * n), value))
        else:
            part = _combined(pushed, k, [_as_pushed(chosen, j, k) for j in members])
            parts.append(
                jax.tree.map(lambda c, a=[alphas[j] for j in members]: times_all(c, a), part) if scaled else part
            )
    back = np.argsort([j for members in by_order.values() for j in members])
    return jax.tree.map(lambda first, *others: jnp.concatenate([first, *others])[back] if others else first, *parts)


def _push_rays(here: Point, rays: Sequence[Ray], order: int, rows: bool) -> Any:
    """Coefficients 0 … order of f along each ray: a pytree with leading axes (ray, order)."""
    leaves = jax.tree.leaves(here.primals)
    sizes = np.cumsum([0] + [leaf.shape[1] if rows else np.size(leaf) for leaf in leaves])
    full = np.zeros((len(rays), sizes[-1]))
    for line, ray in zip(full, rays, strict=True):
        for variable, entry in ray:
            line[variable] = entry / _length(ray)

    def along(ray: Any) -> Any:
        series: list[list[Any]] = []
        for leaf, start, stop in zip(leaves, sizes[:-1], sizes[1:], strict=True):
            direction = ray[start:stop].astype(leaf.dtype)
            series.append([leaf, jnp.broadcast_to(direction, leaf.shape) if rows else direction.reshape(leaf.shape)])
        value, orders = push(here, series, order)
        return jax.tree.map(lambda *column: jnp.stack(column), value, *(o for _, o in orders))

    directions = jnp.asarray(full, jnp.result_type(*leaves, jnp.float32))
    if len(rays) == 1:
        return jax.tree.map(lambda c: c[None], along(directions[0]))
    if len(rays) <= AT_ONCE:
        return jax.vmap(along)(directions)
    return jax.lax.map(along, directions, batch_size=AT_ONCE)


def _length(ray: Ray) -> int:
    """A power of two: directions are pushed with entries of size one, whose powers neither overflow nor round."""
    return 1 << (max(abs(e) for _, e in ray) - 1).bit_length()


def _as_pushed(chosen: Plan, j: int, order: int) -> dict[int, float]:
    """Weights of the coefficients along the rays as they were pushed, shortened."""
    return {i: float(w * _length(chosen.rays[i]) ** order) for i, w in chosen.weights[j].items()}


def _value(along: Any) -> Any:
    return jax.tree.map(lambda c: c[0, 0], along)


def _combined(
    pushed: Mapping[int, tuple[dict[int, int], Any]], order: int, weights: Sequence[Mapping[int, float]]
) -> Any:
    """Sums of weight · coefficient, one for each multi-index: only over its own rays, since others may overflow."""
    usable = [(place, along) for highest, (place, along) in pushed.items() if highest >= order]
    number: dict[int, int] = {}
    for place, _ in usable:
        offset = len(number)
        number.update({ray: offset + i for ray, i in place.items()})
    most = max(map(len, weights))
    index, factor = np.zeros((len(weights), most), int), np.zeros((len(weights), most))
    for j, row in enumerate(weights):
        index[j] = number[next(iter(row))]
        for i, (ray, weight) in enumerate(row.items()):
            index[j, i], factor[j, i] = number[ray], weight

    def combine(*groups: Any) -> Any:
        columns = [c[:, order] for c in groups]
        column = jnp.concatenate(columns) if len(columns) > 1 else columns[0]
        if not jnp.issubdtype(column.dtype, np.inexact):
            return jnp.zeros((len(weights), *column.shape[1:]), column.dtype)
        if most == 1 and np.all(factor == 1):
            return column[index[:, 0]]
        spread = factor.reshape(factor.shape + (1,) * (column.ndim - 1)).astype(column.dtype)
        return jnp.sum(column[index] * spread, axis=1)

    return jax.tree.map(combine, *(along for _, along in usable))


def _check_rounding(here: Point, alphas: Sequence[Index], chosen: Plan) -> None:
    dtype = jnp.result_type(*jax.tree.leaves(here.primals), jnp.float32)
    worst = max(range(len(alphas)), key=lambda j: chosen.amplification[j])
    lost = chosen.amplification[worst]
    if lost * float(jnp.finfo(dtype).eps) > _DIGITS_LEFT:
        raise here.error(
            WrongInput,
            f"∂^{alphas[worst]} from directional jets amplifies rounding up to {lost:.1e} times: too much for {dtype}",
            "pass Python or NumPy floats, which are computed in float64; or split the order: "
            "osculate.partial(osculate.partial(f, α), β)",
        )
