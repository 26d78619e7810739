"""``derivative``: f⁽ⁿ⁾ of a scalar variable."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from osculate._arguments import Point, transform
from osculate._dependence import dependence
from osculate._errors import WrongInput

from .caveats import say_caveats
from .factorial import times_factorial
from .jet import push
from .order import checked_order


def derivative(f: Callable[..., Any], order: int = 1, argnums: int = 0) -> Callable[..., Any]:
    """Make the function that computes f⁽ⁿ⁾, exactly.

    Parameters
    ----------
    f : callable
        Of a real (or, where it is holomorphic, complex) scalar variable, with any output; for JAX or plain NumPy.
    order : int
        n ≥ 1.
    argnums : int
        Which argument is the variable.

    Returns
    -------
    callable
        ``(x, *args) → f⁽ⁿ⁾(x, *args)``, shaped like the output of f. Over an array x it differentiates elementwise,
        if f acts elementwise: that is checked on the trace.

    Raises
    ------
    WrongInput
        For an order below 1, or an array x that f mixes.

    References
    ----------
    Griewank and Walther, *Evaluating Derivatives*, 2nd ed. 2008, ch. 13 (Taylor arithmetic).

    Examples
    --------
    The second derivative of x⁴ is 12 x²:

    >>> import osculate
    >>> float(osculate.derivative(lambda x: x**4, 2)(2.0))
    48.0
    """
    asked = "osculate.derivative"
    n = checked_order(asked, order)

    def compute(here: Point) -> Any:
        x = scalar_variable(here, asked)
        value, orders = push(here, [[x, jnp.ones_like(x)]], n)
        result = jax.tree.map(lambda c: times_factorial(c, n), orders[-1][1])
        say_caveats(here, value, [*orders, (n, result)])
        return result

    return transform(asked, f, compute, argnums=argnums, complex_ok=True)


def scalar_variable(here: Point, asked: str) -> Any:
    """The variable of a function of one scalar, or of an elementwise function of an array."""
    leaves = jax.tree.leaves(here.primals)
    if len(leaves) != 1 or jax.tree.structure(here.primals[0]) != jax.tree.structure(0):
        raise here.error(
            WrongInput,
            f"the variable must be one number or array, but it has {len(leaves)} leaves",
            "osculate.partial(f, orders)(x) gives mixed derivatives, osculate.jet those along a curve",
        )
    x = leaves[0]
    if not acts_elementwise(here):
        raise here.error(
            WrongInput,
            f"the point has shape {list(x.shape)}, and the function mixes its entries (or cannot be seen not to)",
            f"jax.vmap({asked}(f))(x) for a function of one number; osculate.partial for mixed derivatives",
        )
    return x


def acts_elementwise(here: Point) -> bool:
    """Whether the function is of one number, or of one array entry by entry."""
    leaves = jax.tree.leaves(here.primals)
    if len(leaves) != 1 or jax.tree.structure(here.primals[0]) != jax.tree.structure(0):
        return False
    links = dependence(here.trace)[: len(here.outputs)]
    return not leaves[0].ndim or all(link.elementwise for found in links for link in found.values())
