"""The gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax

from osculate._arguments import Argnums, Point, transform
from osculate._compiled import computed
from osculate._linear import nan_where_nan


def gradient(f: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """Gradient of a scalar function: ∇f(x) = (∂f/∂x₁, …, ∂f/∂xₙ).

    Parameters
    ----------
    f : callable
        Returns one real number; written with JAX or with plain NumPy.
    argnums : int or sequence of int
        The positional arguments to differentiate with respect to. With several, the result is a tuple.
    has_aux : bool
        Whether ``f`` returns a pair (value, auxiliary); then the result is a pair (gradient, auxiliary).

    Returns
    -------
    callable
        Takes the arguments of ``f``; returns the gradient, a pytree of the shape and dtype of the argument. It works
        under ``jit``, ``vmap`` and ``grad``. Where f is NaN, so is the gradient.

    Raises
    ------
    WrongInput, WrongType, Unreadable
        When called: for an f with several outputs, a point of integers, complex numbers or NaN, an f that cannot be
        traced.

    Notes
    -----
    Reverse accumulation: the work is a small multiple of one evaluation, whatever n is (Griewank and Walther,
    *Evaluating Derivatives*, 2nd edition, SIAM 2008, section 3.3).

    Examples
    --------
    The gradient of x² + y² + xy is (2x + y, x + 2y):

    >>> import osculate
    >>> osculate.gradient(lambda x: x[0] ** 2 + x[1] ** 2 + x[0] * x[1])([1.0, 2.0])
    [np.float64(4.0), np.float64(5.0)]
    """
    return transform("osculate.gradient", f, _gradient, argnums=argnums, has_aux=has_aux)


def _gradient(point: Point) -> Any:
    point.require_scalar()
    gradients, auxiliary = computed(point, _reverse)
    result = point.single(gradients)
    return (result, auxiliary) if point.has_aux else result


def _reverse(function: Callable[..., tuple[Any, Any]], primals: tuple[Any, ...]) -> tuple[Any, Any]:
    (value, auxiliary), gradients = jax.value_and_grad(lambda at: function(*at), has_aux=True)(primals)
    return nan_where_nan(value, gradients), auxiliary
