"""``taylor``: the Taylor polynomial of a function of one or several variables."""

from __future__ import annotations

from collections.abc import Callable
from math import comb
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from osculate._arguments import Point, point
from osculate._errors import WrongInput, WrongType
from osculate._trace import precision_of

from .caveats import say_caveats
from .derivative import acts_elementwise
from .directional import mixed
from .jet import push
from .multivariate import exponents
from .order import checked_order
from .partial import check_count
from .polynomial import Taylor


def taylor(f: Callable[..., Any], order: int, argnums: int = 0) -> Callable[..., Taylor]:
    """Make the function that computes Taylor polynomials of ``f``.

    Parameters
    ----------
    f : callable
        Written for JAX or plain NumPy; any output.
    order : int
        The highest power, at least 0.
    argnums : int
        Which argument is expanded.

    Returns
    -------
    callable
        ``(x, direction=None, *args) → Taylor``. For a scalar x, the polynomial in x; so for each entry of an array x
        where f acts elementwise. For any other array or pytree, the polynomial in all its entries, which has
        C(n + order, order) coefficients. With a ``direction`` (a pytree like x), the polynomial in t of
        f(x + t·direction). With ``argnums`` other than 0, ``x`` is still the first argument of f, and ``direction``
        belongs to the expanded one.

    Raises
    ------
    WrongInput
        For an order below 0 or above 500, more than 200,000 coefficients, or a direction of another shape.

    References
    ----------
    Griewank and Walther, *Evaluating Derivatives*, 2nd ed. 2008, ch. 13; Griewank, Utke and Walther, Math. Comp. 69
    (2000), for several variables.

    Examples
    --------
    sin x ≈ x − x³/6:

    >>> import numpy as np, osculate
    >>> print(osculate.taylor(np.sin, 4)(0.0))
    x - 0.166667 x^3

    In two variables, about a point:

    >>> print(osculate.taylor(lambda v: v[0] * np.exp(v[1]), 2)(np.array([1.0, 0.0])))
    1 + (x0 - 1) + x1 + (x0 - 1) x1 + 0.5 x1^2
    """
    asked = "osculate.taylor"
    n = checked_order(asked, order, least=0)
    if isinstance(argnums, (tuple, list)):
        raise WrongType(asked, "argnums must be one integer: a Taylor polynomial has one variable", remedy="argnums=0")

    def at(x: Any, direction: Any = None, *args: Any, **kwargs: Any) -> Taylor:
        precision = precision_of(x, direction, args, kwargs)
        with precision.context():
            here = point(asked, f, (x, *args), kwargs, argnums=argnums, complex_ok=True)
            return precision.answer(_expand(here, direction, n))

    return at


def _expand(here: Point, direction: Any, n: int) -> Taylor:
    leaves = jax.tree.leaves(here.primals)
    if direction is None and not acts_elementwise(here):
        size = sum(leaf.size for leaf in leaves)
        count = comb(size + n, n)
        check_count(here, count, size, count)
        alphas = exponents(size, n)
        return Taylor(here.primals[0], mixed(here, alphas), exponents=alphas)
    steps = [jnp.ones_like(leaves[0])] if direction is None else directions(here, direction)
    center = leaves[0] if direction is None else jnp.zeros(())
    if n == 0:
        trees = [here(*here.primals)]
    else:
        value, orders = push(here, [[leaf, step] for leaf, step in zip(leaves, steps, strict=True)], n)
        say_caveats(here, value, orders)
        trees = [value, *(order for _, order in orders)]
    return Taylor(center, jax.tree.map(lambda *column: jnp.stack(column), *trees), direction is not None)


def directions(here: Point, direction: Any) -> list[Any]:
    """Leaves of a direction, checked against those of the point."""
    parts, structure = jax.tree.flatten(direction)
    leaves = jax.tree.leaves(here.primals[0])
    if structure != jax.tree.structure(here.primals[0]) or any(
        np.shape(p) != v.shape for p, v in zip(parts, leaves, strict=True)
    ):
        raise here.error(
            WrongInput,
            f"the direction has shape {[np.shape(p) for p in parts]}, but the point has {[v.shape for v in leaves]}",
            "pass a direction with the shape (and pytree structure) of the point",
        )
    if any(np.iscomplexobj(p) and not np.iscomplexobj(v) for p, v in zip(parts, leaves, strict=True)):
        raise here.error(WrongType, "the direction is complex, but the point is real", "make the point complex: x + 0j")
    return [jnp.asarray(p, v.dtype) for p, v in zip(parts, leaves, strict=True)]
