"""The Jacobian."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from osculate._arguments import Argnums, Point, transform
from osculate._compiled import computed
from osculate._errors import WrongType
from osculate._linear import DEFAULT_MEMORY, columns

from .layout import cut
from .options import OUTPUTS, require
from .sparse_jacobian import sparse_jacobian


def jacobian(
    f: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False, *, output: str = "tree"
) -> Callable[..., Any]:
    """Jacobian of a function with several outputs: J[i, j] = ∂fᵢ/∂xⱼ.

    Parameters
    ----------
    f : callable
        Returns an array or a pytree of arrays; written with JAX or with plain NumPy.
    argnums : int or sequence of int
        The positional arguments to differentiate with respect to. With several, each output has a tuple.
    has_aux : bool
        Whether ``f`` returns a pair (output, auxiliary); then the result is a pair (Jacobian, auxiliary).
    output : {"tree", "matrix", "sparse"}
        ``"tree"``: the nested layout of ``jax.jacobian``. ``"matrix"``: one (m, n) array, rows and columns in the order
        of ``jax.flatten_util.ravel_pytree``. ``"sparse"``: the entries of the pattern alone, found by the structure of
        f; a ``scipy.sparse.csr_array``, and inside ``jit`` or ``vmap`` a ``jax.experimental.sparse.BCOO``.

    Returns
    -------
    callable
        Takes the arguments of ``f``; returns, as ``jax.jacobian`` does, a tree like the output of trees like the
        argument, each leaf of shape output shape + argument shape and of the output's dtype. It works under ``jit``,
        ``vmap`` and ``grad``. Where an output is NaN, so is its row.

    Raises
    ------
    WrongInput, WrongType, Unreadable
        At once for an unknown ``output``; when called, for outputs of integers, complex outputs of a sparse one, a
        point of integers, complex numbers or NaN, an f that cannot be traced.

    Notes
    -----
    Column by column (forward) where f has at least as many outputs as inputs or a complex output, otherwise row by row
    (reverse); as many side by side as a bounded temporary memory allows. (Griewank and Walther, *Evaluating
    Derivatives*, 2nd edition, SIAM 2008, chapter 3.) A sparse one is the mixed second derivative of λ·f(x) in λ and x,
    by edge pushing on whole arrays (Gower and Mello, *A new framework for the computation of Hessians*, Optimization
    Methods and Software 27, 2012): no columns are computed, and the pattern never misses an entry.

    Examples
    --------
    Polar coordinates, (r cos t, r sin t), at r = 2, t = 0:

    >>> import numpy as np, osculate
    >>> osculate.jacobian(lambda p: np.array([p[0] * np.cos(p[1]), p[0] * np.sin(p[1])]))(np.array([2.0, 0.0]))
    array([[1., 0.],
           [0., 2.]])

    Differences have two entries a row:

    >>> osculate.jacobian(lambda x: x[1:] - x[:-1], output="sparse")(np.zeros(1000)).nnz
    1998
    """
    require("osculate.jacobian", "output", output, OUTPUTS)
    return transform("osculate.jacobian", f, partial(_jacobian, output), argnums=argnums, has_aux=has_aux)


def _jacobian(output: str, point: Point) -> Any:
    for leaf in jax.tree.leaves(point.output):
        if not jnp.issubdtype(leaf.dtype, jnp.inexact):
            raise point.error(
                WrongType,
                f"an output is {leaf.dtype}{list(leaf.shape)}, and such an output has no derivative",
                "return floating-point numbers only; the rest may be an auxiliary output: has_aux=True",
            )
    if output == "sparse":
        result, auxiliary = sparse_jacobian(point)
    else:
        single = isinstance(point.argnums, int)
        result, auxiliary = computed(point, _matrix, options=(single, output == "matrix"))
    return (result, auxiliary) if point.has_aux else result


def _matrix(
    function: Callable[..., tuple[Any, Any]], primals: tuple[Any, ...], single: bool, whole: bool
) -> tuple[Any, Any]:
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
    return matrix if whole else cut(matrix, shapes, primals[0] if single else primals), auxiliary
