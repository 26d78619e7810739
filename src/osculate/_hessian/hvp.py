"""One Hessian-vector product."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from osculate._arguments import Argnums, Point, point
from osculate._compiled import computed
from osculate._errors import WrongInput, WrongType
from osculate._linear import nan_where_nan
from osculate._trace import precision_of

_ASKED = "osculate.hvp"


def hvp(f: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """Hessian-vector product of a scalar function: H(x) v = d/dt ∇f(x + tv) at t = 0.

    For many products at the same point ``hessian_operator`` is cheaper: it linearises the gradient once.

    Parameters
    ----------
    f : callable
        Returns one real number; written with JAX or with plain NumPy.
    argnums : int or sequence of int
        The positional arguments to differentiate with respect to.
    has_aux : bool
        Whether ``f`` returns a pair (value, auxiliary); then the result is a pair (product, auxiliary).

    Returns
    -------
    callable
        Takes ``(x, v, *args)``: the direction comes second, the other arguments of ``f`` after it. ``v`` has the
        structure and shapes of the differentiated argument (a tuple of such for several), and so has the product. It
        works under ``jit``, ``vmap`` and ``grad``. Where f is NaN, so is the product.

    Raises
    ------
    WrongInput, WrongType, Unreadable
        When called: for a direction of another structure or shape or of complex numbers, an f with several outputs, a
        point of integers, complex numbers or NaN, an f that cannot be traced.

    Notes
    -----
    Forward over reverse, about two gradients of work (Pearlmutter, "Fast exact multiplication by the Hessian", *Neural
    Computation* 6 (1994), section 3).

    Examples
    --------
    >>> import numpy as np, osculate
    >>> osculate.hvp(lambda x: x[0] ** 2 + x[1] ** 2 + x[0] * x[1])(np.array([0.3, -0.7]), np.array([1.0, 0.0]))
    array([2., 1.])
    """

    def at(x: Any, v: Any, *args: Any, **kwargs: Any) -> Any:
        precision = precision_of((x, *args), kwargs, v)
        with precision.context():
            here = point(_ASKED, f, (x, *args), kwargs, argnums=argnums, has_aux=has_aux)
            here.require_scalar()
            product, auxiliary = computed(here, _forward_over_reverse, _direction(here, v))
            product = here.single(product)
            return precision.answer((product, auxiliary) if has_aux else product)

    at.__name__ = f"hvp({getattr(f, '__name__', 'f')})"
    return at


def _forward_over_reverse(
    function: Callable[..., tuple[Any, Any]], primals: tuple[Any, ...], direction: tuple[Any, ...]
) -> tuple[Any, Any]:
    def gradient_first(at: tuple[Any, ...]) -> tuple[Any, Any]:
        return jax.value_and_grad(lambda p: function(*p), has_aux=True)(at)[::-1]

    _, product, (value, auxiliary) = jax.jvp(gradient_first, (primals,), (direction,), has_aux=True)
    return nan_where_nan(value, product), auxiliary


def _direction(here: Point, v: Any) -> tuple[Any, ...]:
    """The direction as a tuple like the primals, of their dtypes; or an error that names what differs."""
    like = here.single(here.primals)
    remedy = "pass a direction shaped like the point, for example jax.tree.map(jnp.ones_like, x)"
    if jax.tree.structure(v) != jax.tree.structure(like):
        raise here.error(
            WrongInput,
            f"the direction v is {_kind(v)}, but the point is {_kind(like)}: their pytree structures differ",
            remedy,
        )

    def leaf(path: Any, at: Any, step: Any) -> Any:
        place = "v" + jax.tree_util.keystr(path)
        step = step if isinstance(step, jax.Array) else np.asarray(step)
        if step.shape != at.shape:
            raise here.error(
                WrongInput,
                f"the direction {place} has shape {list(step.shape)}, but the point there has {list(at.shape)}",
                remedy,
            )
        if not (jnp.issubdtype(step.dtype, np.floating) or jnp.issubdtype(step.dtype, np.integer)):
            raise here.error(
                WrongType, f"the direction {place} is {step.dtype}, not a real number", "pass real numbers"
            )
        return jnp.asarray(step, at.dtype)

    checked = jax.tree_util.tree_map_with_path(leaf, like, v)
    return (checked,) if isinstance(here.argnums, int) else tuple(checked)


def _kind(tree: Any) -> str:
    shapes = [f"{getattr(leaf, 'dtype', type(leaf).__name__)}{list(np.shape(leaf))}" for leaf in jax.tree.leaves(tree)]
    shown = ", ".join(shapes[:3]) + (", …" if len(shapes) > 3 else "")
    return (
        f"{type(tree).__name__} of {shown}" if isinstance(tree, (dict, list, tuple)) else shown or type(tree).__name__
    )
