"""``partial`` and ``derivative_tensor``: mixed derivatives of any order from one-dimensional jets.

All partial derivatives up to degree d are linear combinations of Taylor coefficients along the C(n + d − 1, d) rays
whose integer directions sum to d (Griewank, Utke and Walther, *Evaluating higher derivative tensors by forward
propagation of univariate Taylor series*, Math. Comp. 69, 2000). The weights are rational and computed exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from functools import cache
from itertools import product
from math import comb, prod
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from osculate._arguments import Point, transform
from osculate._errors import WrongInput

from .derivative import checked_order
from .jet import push

Index = tuple[int, ...]

AT_ONCE = 128
"""Rays pushed together; more go in chunks, so that memory stays bounded."""


def partial(f: Callable[..., Any], orders: Any, argnums: int = 0) -> Callable[..., Any]:
    """Make the function that computes ∂^α f.

    Parameters
    ----------
    f : callable
        Of an array of n variables (or a pytree, its entries in ravelled order), with any output.
    orders : sequence of int, or a list of such
        The multi-index α: how often to differentiate in each of the n variables. A list of multi-indices gives a list
        of derivatives from one pass.
    argnums : int
        Which argument holds the variables.

    Returns
    -------
    callable
        ``(x, *args) → ∂^α f``, shaped like the output of f, or a list of them.

    Raises
    ------
    WrongInput
        If a multi-index is not of n integers ≥ 0.

    References
    ----------
    Griewank, Utke and Walther, Math. Comp. 69 (2000) 1117–1130.

    Examples
    --------
    ∂³(x² y)/∂x² ∂y = 2:

    >>> import numpy as np, osculate
    >>> float(osculate.partial(lambda v: v[0] ** 2 * v[1], (2, 1))(np.array([3.0, 5.0])))
    2.0
    """
    asked = "osculate.partial"
    if not isinstance(orders, Sequence | np.ndarray):
        orders = (orders,)
    several = len(orders) > 0 and not isinstance(orders[0], (int, np.integer))
    wanted = [_multi_index(asked, alpha) for alpha in (orders if several else [orders])]

    def compute(here: Point) -> Any:
        size = sum(np.size(leaf) for leaf in jax.tree.leaves(here.primals))
        if any(len(alpha) != size for alpha in wanted):
            raise here.error(
                WrongInput,
                f"the point has {size} variables, but the multi-indices have {sorted({len(a) for a in wanted})}",
                "give one order for each variable, for example (2, 0, 1) for ∂³/∂x₀² ∂x₂",
            )
        results = mixed(here, wanted)
        return results if several else results[0]

    return transform(asked, f, compute, argnums=argnums, complex_ok=True)


def derivative_tensor(f: Callable[..., Any], order: int, argnums: int = 0) -> Callable[..., Any]:
    """Make the function that computes the symmetric tensor of all partial derivatives of one order.

    Parameters
    ----------
    f : callable
        Of one array x, with any output.
    order : int
        d ≥ 1.
    argnums : int
        Which argument is x.

    Returns
    -------
    callable
        ``(x, *args) → tensor`` of shape (*output, *x.shape, …, *x.shape), with d copies of x.shape; entry
        [i₁ … i_d] is ∂ᵈf/∂x_{i₁} … ∂x_{i_d}.

    Raises
    ------
    WrongInput
        For an order below 1, or an x that is not one array.

    References
    ----------
    Griewank, Utke and Walther, Math. Comp. 69 (2000) 1117–1130.

    Examples
    --------
    For d = 2 it is the Hessian: that of x² + y² + xy.

    >>> import numpy as np, osculate
    >>> f = lambda v: v[0] ** 2 + v[1] ** 2 + v[0] * v[1]
    >>> osculate.derivative_tensor(f, 2)(np.array([1.0, 2.0])).tolist()
    [[2.0, 1.0], [1.0, 2.0]]
    """
    asked = "osculate.derivative_tensor"
    degree = checked_order(asked, order)

    def compute(here: Point) -> Any:
        leaves = jax.tree.leaves(here.primals)
        if len(leaves) != 1:
            raise here.error(
                WrongInput, f"x must be one array, but it has {len(leaves)} leaves", "ravel the pytree first"
            )
        x = leaves[0]
        alphas = list(_compositions(degree, x.size))
        entries = mixed(here, alphas)
        place = {alpha: i for i, alpha in enumerate(alphas)}
        table = np.empty((x.size,) * degree, int)
        for where in product(range(x.size), repeat=degree):
            table[where] = place[tuple(where.count(i) for i in range(x.size))]

        def assemble(*parts: Any) -> Any:
            stacked = jnp.stack(parts, axis=-1)
            return stacked[..., table].reshape(stacked.shape[:-1] + x.shape * degree)

        return jax.tree.map(assemble, *entries)

    return transform(asked, f, compute, argnums=argnums, complex_ok=True)


def mixed(here: Point, alphas: Sequence[Index]) -> list[Any]:
    """∂^α of a function at a point for several multi-indices over its ravelled entries, as pytrees."""
    degree = max(sum(alpha) for alpha in alphas)
    active = [i for i in range(len(alphas[0])) if any(alpha[i] for alpha in alphas)]
    if degree == 0:
        return [here(*here.primals)] * len(alphas)
    rays = list(_compositions(degree, len(active)))
    along = _push_rays(here, np.array(rays, float), active, degree)

    def combine(alpha: Index) -> Any:
        order = sum(alpha)
        weights = np.array([float(w) for w in _weights(tuple(alpha[i] for i in active), tuple(rays), degree)])
        return jax.tree.map(lambda c: jnp.tensordot(weights.astype(c.dtype), c[:, order], 1), along)

    return [combine(alpha) for alpha in alphas]


def _push_rays(here: Point, rays: np.ndarray[Any, Any], active: list[int], degree: int) -> Any:
    """Coefficients 0 … degree of f along each ray: a pytree with leading axes (ray, order)."""
    leaves = jax.tree.leaves(here.primals)
    sizes = np.cumsum([0] + [np.size(leaf) for leaf in leaves])
    full = np.zeros((len(rays), sizes[-1]))
    full[:, active] = rays

    def along(ray: Any) -> Any:
        rows = [
            [leaf, jnp.reshape(ray[start:stop], leaf.shape).astype(leaf.dtype)]
            for leaf, start, stop in zip(leaves, sizes[:-1], sizes[1:], strict=True)
        ]
        value, orders = push(here, rows, degree)
        return jax.tree.map(lambda *column: jnp.stack(column), value, *(order for _, order in orders))

    directions = jnp.asarray(full, jnp.result_type(*leaves, jnp.float32))
    if len(rays) <= AT_ONCE:
        return jax.vmap(along)(directions)
    return jax.lax.map(along, directions, batch_size=AT_ONCE)


@cache
def _weights(alpha: Index, rays: tuple[Index, ...], degree: int) -> tuple[Fraction, ...]:
    """Weight of the coefficient of order |α| along each ray in ∂^α f (Griewank, Utke and Walther, eq. 13)."""
    order = sum(alpha)
    if order == 0:
        return (Fraction(1), *(Fraction(0) for _ in rays[1:]))
    totals = [Fraction(0)] * len(rays)
    for k in product(*(range(a + 1) for a in alpha)):
        if (length := sum(k)) == 0:
            continue
        front = (-1) ** (order - length) * prod(comb(a, b) for a, b in zip(alpha, k, strict=True))
        front = front * Fraction(length, degree) ** order
        for i, ray in enumerate(rays):
            totals[i] += front * prod(
                (_binomial(Fraction(degree * b, length), r) for b, r in zip(k, ray, strict=True)), start=Fraction(1)
            )
    return tuple(totals)


def _binomial(top: Fraction, bottom: int) -> Fraction:
    result = Fraction(1)
    for i in range(bottom):
        result *= (top - i) / (i + 1)
    return result


def _compositions(total: int, parts: int) -> Iterator[Index]:
    """All tuples of ``parts`` integers ≥ 0 that sum to ``total``."""
    if parts == 1:
        yield (total,)
        return
    for first in range(total, -1, -1):
        for rest in _compositions(total - first, parts - 1):
            yield (first, *rest)


def _multi_index(asked: str, alpha: Any) -> Index:
    try:
        index = tuple(int(a) for a in alpha if int(a) == a and a >= 0)
    except (TypeError, ValueError):
        index = ()
    if not index or len(index) != len(tuple(alpha)):
        raise WrongInput(asked, f"a multi-index has integers ≥ 0, not {alpha!r}", remedy="(2, 0, 1) means ∂³/∂x₀² ∂x₂")
    return index
