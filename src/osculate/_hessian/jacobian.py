"""The Jacobian."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from osculate._arguments import Argnums, Point, transform
from osculate._compiled import computed
from osculate._errors import WrongType
from osculate._linear import DEFAULT_MEMORY, columns

from .layout import cut


def jacobian(f: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """Jacobian of a function with several outputs: J[i, j] = ∂fᵢ/∂xⱼ.

    Parameters
    ----------
    f : callable
        Returns an array or a pytree of arrays; written with JAX or with plain NumPy.
    argnums : int or sequence of int
        The positional arguments to differentiate with respect to. With several, each output has a tuple.
    has_aux : bool
        Whether ``f`` returns a pair (output, auxiliary); then the result is a pair (Jacobian, auxiliary).

    Returns
    -------
    callable
        Takes the arguments of ``f``; returns, as ``jax.jacobian`` does, a tree like the output of trees like the
        argument, each leaf of shape output shape + argument shape and of the output's dtype. It works under ``jit``,
        ``vmap`` and ``grad``. Where an output is NaN, so is its row.

    Raises
    ------
    WrongInput, WrongType, Unreadable
        When called: for outputs of integers, a point of integers, complex numbers or NaN, an f that cannot be traced.

    Notes
    -----
    Column by column (forward) where f has at least as many outputs as inputs or a complex output, otherwise row by row
    (reverse); as many side by side as a bounded temporary memory allows. (Griewank and Walther, *Evaluating
    Derivatives*, 2nd edition, SIAM 2008, chapter 3.)

    Examples
    --------
    Polar coordinates, (r cos t, r sin t), at r = 2, t = 0:

    >>> import numpy as np, osculate
    >>> osculate.jacobian(lambda p: np.array([p[0] * np.cos(p[1]), p[0] * np.sin(p[1])]))(np.array([2.0, 0.0]))
    array([[1., 0.],
           [0., 2.]])
    """
    return transform("osculate.jacobian", f, _jacobian, argnums=argnums, has_aux=has_aux)


def _jacobian(point: Point) -> Any:
    for leaf in jax.tree.leaves(point.output):
        if not jnp.issubdtype(leaf.dtype, jnp.inexact):
            raise point.error(
                WrongType,
                f"an output is {leaf.dtype}{list(leaf.shape)}, and such an output has no derivative",
                "return floating-point numbers only; the rest may be an auxiliary output: has_aux=True",
            )
    result, auxiliary = computed(point, _matrix, options=(isinstance(point.argnums, int),))
    return (result, auxiliary) if point.has_aux else result


def _matrix(function: Callable[..., tuple[Any, Any]], primals: tuple[Any, ...], single: bool) -> tuple[Any, Any]:
    vector, unravel = ravel_pytree(primals)
    shapes = jax.eval_shape(function, *primals)[0]

    def flat(at: jax.Array) -> tuple[jax.Array, Any]:
        output, auxiliary = function(*unravel(at))
        return ravel_pytree(output)[0], auxiliary

    shape = jax.eval_shape(flat, vector)[0]
    if shape.size >= vector.size or jnp.issubdtype(shape.dtype, jnp.complexfloating):
        output, linear, auxiliary = jax.linearize(flat, vector, has_aux=True)
        matrix = columns(linear, vector.size, vector.dtype, DEFAULT_MEMORY)
    else:
        output, pullback, auxiliary = jax.vjp(flat, vector, has_aux=True)
        matrix = columns(lambda weights: pullback(weights)[0], shape.size, shape.dtype, DEFAULT_MEMORY).T
    matrix = jnp.where(jnp.isnan(output)[:, None], jnp.nan, matrix)
    return cut(matrix, shapes, primals[0] if single else primals), auxiliary
