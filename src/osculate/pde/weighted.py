"""Operators of second order with coefficients: tr(A ∇²f), and ∇·(a ∇f)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from osculate._arguments import Point
from osculate._errors import WrongInput
from osculate._trace import trace

from .call import at_points

Coefficient = Callable[..., Any]
"""A function of x, or an array for constant coefficients."""

_WEIGHTED = "osculate.pde.weighted_laplacian"
_DIVERGENCE = "osculate.pde.divergence_form"


def weighted_laplacian(f: Callable[..., Any], weights: Any, argnums: Any = 0) -> Callable[..., Any]:
    """Make the function that computes tr(A ∇²f) = Σᵢⱼ Aᵢⱼ ∂²f/∂xᵢ∂xⱼ.

    Parameters
    ----------
    f : callable
        Written for JAX or plain NumPy, with any output.
    weights : array or callable
        A, of shape (n, n), or (n,) for a diagonal; or a function of x that returns it. It need not be definite. Only
        its symmetric part counts, and its own derivatives do not enter.
    argnums : int or sequence of int
        The argument x, one point: an array or pytree with n entries, in ravelled order.

    Returns
    -------
    callable
        ``(x, *args) → tr(A ∇²f)``, shaped like the output of ``f``.

    Raises
    ------
    WrongInput
        If A has another shape.

    Examples
    --------
    The wave operator ∂²/∂t² − ∂²/∂x² of t² + x² is 0, and of t² it is 2:

    >>> import numpy as np
    >>> from osculate import pde
    >>> wave = lambda f: pde.weighted_laplacian(f, np.array([1.0, -1.0]))(np.array([0.3, 0.8]))
    >>> float(wave(lambda v: v @ v)), float(wave(lambda v: v[0] ** 2))
    (0.0, 2.0)
    """

    def finish(here: Point, found: dict[str, list[Any]], auxiliary: Any, by_rows: bool) -> Any:
        del auxiliary, by_rows
        return jax.tree.unflatten(jax.tree.structure(here.output), found["second"])

    def matrix(here: Point) -> Any:
        return _matrix(here, _evaluate(here, weights))

    return at_points(_WEIGHTED, f, finish, ("second",), argnums=argnums, weights=matrix)


def divergence_form(f: Callable[..., Any], coefficient: Coefficient, argnums: Any = 0) -> Callable[..., Any]:
    """Make the function that computes ∇·(a(x) ∇f), as in diffusion with a conductivity.

    Parameters
    ----------
    f : callable
        Written for JAX or plain NumPy, with any output.
    coefficient : callable
        a, a function of x: a number, the diagonal (n,) or the matrix (n, n) of the fluxes aᵢⱼ ∂f/∂xⱼ.
    argnums : int or sequence of int
        The argument x, one point: an array or pytree with n entries, in ravelled order.

    Returns
    -------
    callable
        ``(x, *args) → ∇·(a ∇f)``, shaped like the output of ``f``.

    Raises
    ------
    WrongInput
        If a(x) has another shape.

    Notes
    -----
    tr(a ∇²f) + Σⱼ (Σᵢ ∂aᵢⱼ/∂xᵢ) ∂f/∂xⱼ, from one pass through ``f``.

    Examples
    --------
    In the plane, ∇·(|x|² ∇|x|²) = ∇·(2 |x|² x) = 8 |x|²:

    >>> import numpy as np
    >>> from osculate import pde
    >>> square = lambda x: np.sum(x**2)
    >>> float(pde.divergence_form(square, square)(np.array([1.0, 2.0])))
    40.0
    """

    def finish(here: Point, found: dict[str, list[Any]], auxiliary: Any, by_rows: bool) -> Any:
        del auxiliary, by_rows
        drift = _drift(here, coefficient)
        terms = [
            s + first @ drift.astype(first.dtype) for s, first in zip(found["second"], found["first"], strict=True)
        ]
        return jax.tree.unflatten(jax.tree.structure(here.output), terms)

    def matrix(here: Point) -> Any:
        return _matrix(here, _evaluate(here, coefficient))

    return at_points(_DIVERGENCE, f, finish, ("first", "second"), argnums=argnums, weights=matrix)


def _evaluate(here: Point, coefficient: Any) -> Any:
    return _function(here, coefficient)(*here.primals) if callable(coefficient) else coefficient


def _function(here: Point, coefficient: Coefficient) -> Callable[..., Any]:
    """The coefficient as a function that JAX can transform, read as NumPy where the user wrote NumPy."""
    program, shape = trace(coefficient, *here.primals, asked=here.asked, source=coefficient, host=here.precision.host)
    structure = jax.tree.structure(shape)
    return lambda *primals: jax.tree.unflatten(structure, program.evaluate(*jax.tree.leaves(primals)))


def _matrix(here: Point, value: Any) -> Any:
    """The symmetric matrix, or the diagonal, of the second-order part."""
    flat, _ = ravel_pytree(here.primals)
    weights = jnp.asarray(value, flat.dtype)
    if weights.shape == ():
        weights = jnp.broadcast_to(weights, flat.shape)
    if weights.shape not in ((flat.size,), (flat.size, flat.size)):
        raise here.error(
            WrongInput,
            f"the coefficients have shape {list(weights.shape)}, but the point has {flat.size} entries",
            f"pass a matrix of shape ({flat.size}, {flat.size}), or its diagonal of shape ({flat.size},)",
        )
    return weights if weights.ndim == 1 else (weights + weights.T) / 2


def _drift(here: Point, coefficient: Coefficient) -> Any:
    """Σᵢ ∂aᵢⱼ/∂xᵢ, over the ravelled entries of x."""
    flat, unravel = ravel_pytree(here.primals)
    function = _function(here, coefficient)
    slope = jax.jacfwd(lambda x: jnp.asarray(function(*unravel(x))))(flat)
    if slope.ndim == 1:
        return slope
    return jnp.diagonal(slope) if slope.ndim == 2 else jnp.einsum("iji->j", slope)
