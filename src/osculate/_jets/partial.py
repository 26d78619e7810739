"""``partial`` and ``derivative_tensor``: mixed derivatives of any order from one-dimensional jets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations_with_replacement
from math import comb
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from osculate._arguments import Point, transform
from osculate._errors import WrongInput
from osculate._rows import require_rows

from .blocks import compositions
from .directional import mixed
from .order import checked_order

Index = tuple[int, ...]

MOST_COEFFICIENTS = 200_000
"""Partial derivatives (all of an order, or up to one) above which a request is refused as a mistake."""
_MOST_ENTRIES = 50_000_000


def partial(f: Callable[..., Any], orders: Any, argnums: int = 0) -> Callable[..., Any]:
    """Make the function that computes ∂^α f.

    Parameters
    ----------
    f : callable
        Of an array of n variables (or a pytree, its entries in ravelled order), with any output; or of points X of
        shape (B, n), whose rows it must treat independently.
    orders : sequence of int, or a list of such
        The multi-index α: how often to differentiate in each of the n variables. A list of multi-indices gives a list
        of derivatives from one pass.
    argnums : int
        Which argument holds the variables.

    Returns
    -------
    callable
        ``(x, *args) → ∂^α f``, shaped like the output of f, or a list of them. For X of shape (B, n) the derivatives
        of each row of the output by its own row of X: shaped like the output, too.

    Raises
    ------
    WrongInput
        If a multi-index is not of n integers ≥ 0, if f mixes the rows of X (the message names the step and the line),
        or if rounding would be amplified beyond use.

    Notes
    -----
    A pure derivative needs one jet. A mixed one needs ½ [Π(αᵢ + 1) − Π(αᵢ − 1)], the fewest there can be for two
    variables or where some αᵢ = 1. A set of multi-indices shares jets. Weights are exact rational numbers.

    References
    ----------
    Griewank, Utke and Walther, Math. Comp. 69 (2000) 1117–1130; Carlini, Kummer, Oneto and Ventura, *On the real rank
    of monomials*, Math. Z. 286 (2017).

    Examples
    --------
    ∂³(x² y)/∂x² ∂y = 2:

    >>> import numpy as np, osculate
    >>> float(osculate.partial(lambda v: v[0] ** 2 * v[1], (2, 1))(np.array([3.0, 5.0])))
    2.0

    The residual of the heat equation, u_t − u_xx, of u = exp(−t) sin x at many points (x, t):

    >>> u = lambda X: np.exp(-X[:, 1]) * np.sin(X[:, 0])
    >>> u_xx, u_t = osculate.partial(u, [(2, 0), (0, 1)])(np.random.default_rng(0).normal(size=(5, 2)))
    >>> float(abs(u_t - u_xx).max()) < 1e-15
    True
    """
    asked = "osculate.partial"
    if not isinstance(orders, Sequence | np.ndarray):
        orders = (orders,)
    several = len(orders) > 0 and not isinstance(orders[0], (int, np.integer))
    wanted = [_multi_index(asked, alpha) for alpha in (orders if several else [orders])]
    for alpha in wanted:
        checked_order(asked, sum(alpha), least=0)

    def compute(here: Point) -> Any:
        rows = _has_rows(here, wanted)
        size = sum(np.size(leaf) for leaf in jax.tree.leaves(here.primals))
        if not rows and any(len(alpha) != size for alpha in wanted):
            raise here.error(
                WrongInput,
                f"the point has {size} variables, but the multi-indices have {sorted({len(a) for a in wanted})}",
                "give one order for each variable, for example (2, 0, 1) for ∂³/∂x₀² ∂x₂; points of shape (B, n) go "
                "with multi-indices of length n",
            )
        if rows:
            require_rows(here, {0: 0})
        results = mixed(here, wanted, rows=rows, scaled=True)
        entries = [jax.tree.map(lambda c, i=i: c[i], results) for i in range(len(wanted))]
        return entries if several else entries[0]

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
        For an order below 1 or above 500, an x that is not one array, or a tensor of absurd size.

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
        check_count(here, comb(x.size + degree - 1, degree), x.size, x.size**degree)
        alphas = list(compositions(degree, x.size))
        # The multi-indices come in the order of the sorted index tuples that they count.
        place = {where: i for i, where in enumerate(combinations_with_replacement(range(x.size), degree))}
        table = np.empty((x.size,) * degree, int)
        for where in np.ndindex(*table.shape):
            table[where] = place[tuple(sorted(where))]

        def assemble(entries: Any) -> Any:
            stacked = jnp.moveaxis(entries, 0, -1)
            return stacked[..., table].reshape(stacked.shape[:-1] + x.shape * degree)

        return jax.tree.map(assemble, mixed(here, alphas, scaled=True))

    return transform(asked, f, compute, argnums=argnums, complex_ok=True)


def check_count(here: Point, count: int, variables: int, entries: int) -> None:
    """Refuse a request for more partial derivatives than anybody means."""
    if count > MOST_COEFFICIENTS or max(entries, count * variables) > _MOST_ENTRIES:
        raise here.error(
            WrongInput,
            f"that is {count:,} different partial derivatives in {variables:,} variables for each output (and a result "
            f"of {entries:,} entries); the most is {MOST_COEFFICIENTS:,}",
            "osculate.partial(f, [α, …])(x) for those you need; osculate.gradient, hessian or hvp for orders 1 and 2",
        )


def _has_rows(here: Point, wanted: Sequence[Index]) -> bool:
    """Whether x holds points (B, n) rather than one point; one that fits as it is, is one."""
    leaves = jax.tree.leaves(here.primals)
    if len(leaves) != 1 or leaves[0].ndim != 2:
        return False
    return all(len(alpha) == leaves[0].shape[1] != leaves[0].size for alpha in wanted)


def _multi_index(asked: str, alpha: Any) -> Index:
    try:
        index = tuple(int(a) for a in alpha if int(a) == a and a >= 0)
    except (TypeError, ValueError):
        index = ()
    if not index or len(index) != len(tuple(alpha)):
        raise WrongInput(asked, f"a multi-index has integers ≥ 0, not {alpha!r}", remedy="(2, 0, 1) means ∂³/∂x₀² ∂x₂")
    return index
