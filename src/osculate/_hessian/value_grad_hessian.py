"""Value, gradient and Hessian in one go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from osculate._arguments import Argnums, Point, transform
from osculate._compiled import computed
from osculate._linear import DEFAULT_MEMORY

from .hessian import derivatives, pick
from .structured import structured_hessian


def value_grad_hessian(f: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """Value, gradient and Hessian of a scalar function, with f and its gradient computed once.

    Parameters
    ----------
    f : callable
        Returns one real number; written with JAX or with plain NumPy.
    argnums : int or sequence of int
        The positional arguments to differentiate with respect to.
    has_aux : bool
        Whether ``f`` returns a pair (value, auxiliary); then the first result is that pair.

    Returns
    -------
    callable
        Takes the arguments of ``f``; returns ``(value, gradient, hessian)``, the gradient like the argument and the
        Hessian in the nested layout of ``jax.hessian``. It works under ``jit``, ``vmap`` and ``grad``. Where f is NaN,
        so are all three.

    Raises
    ------
    WrongInput, WrongType, Unreadable
        When called: for an f with several outputs, a point of integers, complex numbers or NaN, an f that cannot be
        traced.

    Notes
    -----
    What Newton's method needs at each step; the computation is that of ``hessian``.

    Examples
    --------
    >>> import osculate
    >>> osculate.value_grad_hessian(lambda x: x**3 - 3 * x)(1.0)
    (np.float64(-2.0), np.float64(0.0), np.float64(6.0))
    """
    return transform("osculate.value_grad_hessian", f, _value_grad_hessian, argnums=argnums, has_aux=has_aux)


def _value_grad_hessian(point: Point) -> tuple[Any, Any, Any]:
    point.require_scalar()
    if pick(point, "tree") == "structured":
        value, first, second, auxiliary = structured_hessian(point, "tree")
    else:
        options = ("tree", DEFAULT_MEMORY, isinstance(point.argnums, int))
        value, first, second, auxiliary = computed(point, derivatives, options=options)
    return (value, auxiliary) if point.has_aux else value, point.single(first), second
