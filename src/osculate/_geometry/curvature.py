"""How the graph of a function bends at a point."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from osculate._arguments import Argnums, Point, transform
from osculate._compiled import computed
from osculate._errors import WrongInput
from osculate._hessian.hessian import derivatives
from osculate._linear import DEFAULT_MEMORY

LARGEST = 2000
"""Variables up to which the principal curvatures are computed, by a dense eigendecomposition."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class Curvature:
    """How the graph of f bends at (x, f(x)), seen from above: a bowl has positive principal curvatures.

    Attributes
    ----------
    kappa : scalar
        The largest |principal curvature|; in one variable |f″| / (1 + f′²)^(3/2).
    radius : scalar
        1 / kappa, the radius of the osculating circle; infinite where the graph is flat.
    center : array of shape (n + 1,)
        Centre of the osculating circle in the direction of that curvature; in one variable
        (x − f′(1 + f′²)/f″, f + (1 + f′²)/f″). NaN where the graph is flat: a line has no centre.
    principal : array of shape (n,)
        Principal curvatures, the largest first.
    mean : scalar
        Their average.
    gaussian : scalar
        Their product (the Gauss-Kronecker curvature for n > 2).
    directions : array of shape (n + 1, n)
        Principal directions as columns: orthonormal tangent vectors of the graph in ℝⁿ⁺¹. The first n rows are the
        step in x, the last one the rise of the graph.
    how : str
        How it was obtained.

    Notes
    -----
    It is a pytree of arrays, so that ``curvature`` works under ``jit`` and ``vmap``.
    """

    kappa: Any
    radius: Any
    center: Any
    principal: Any
    mean: Any
    gaussian: Any
    directions: Any
    how: str = field(metadata={"static": True}, default="exact (algorithmic derivatives, rounding only)")

    def __str__(self) -> str:
        if self.principal.size == 1:
            return f"curvature {self.kappa:.6g}, radius {self.radius:.6g} ({self.how})"
        shown = ", ".join(f"{k:.6g}" for k in self.principal[:6]) + (", …" if self.principal.size > 6 else "")
        return f"principal curvatures {shown}; mean {self.mean:.6g}, Gaussian {self.gaussian:.6g} ({self.how})"


def curvature(f: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Curvature]:
    """Curvature of the graph of a scalar function, with the upward normal.

    In one variable κ = |f″| / (1 + f′²)^(3/2). In n variables the principal curvatures are the eigenvalues of
    (I + ∇f ∇fᵀ)⁻¹ H / √(1 + ‖∇f‖²), H the Hessian; their average is the mean curvature and their product,
    det H / (1 + ‖∇f‖²)^((n+2)/2), the Gaussian curvature.

    Parameters
    ----------
    f : callable
        Returns one real number; written with JAX or with plain NumPy.
    argnums : int or sequence of int
        The positional arguments that are the variables; a pytree is taken flat.

    Returns
    -------
    callable
        Takes the arguments of ``f``; returns a ``Curvature``. It works under ``jit``, ``vmap`` and, for ``mean`` and
        ``gaussian`` everywhere and the others where the principal curvatures differ, ``grad``.

    Raises
    ------
    WrongInput, WrongType, Unreadable
        When called: for more than 2000 variables, an f with several outputs, a point of integers, complex numbers or
        NaN, an f that cannot be traced.

    Notes
    -----
    M. P. do Carmo, *Differential Geometry of Curves and Surfaces*, 2nd edition, Dover 2016: section 1-5 (curvature of a
    curve) and section 3-3, example 5 (the graph of a function). Written with ∇f / √(1 + ‖∇f‖²), which does not
    overflow, and as a symmetric eigenproblem.

    Examples
    --------
    The parabola x² has curvature 2 at its vertex, and the sphere of radius 2 bends by −1/2 everywhere, seen from above:

    >>> import numpy as np, osculate
    >>> bend = osculate.curvature(lambda x: x**2)(0.0)
    >>> bend.kappa, bend.radius, bend.center
    (np.float64(2.0), np.float64(0.5), array([0. , 0.5]))
    >>> osculate.curvature(lambda x: np.sqrt(4 - x[0] ** 2 - x[1] ** 2))(np.array([0.0, 1.0])).principal
    array([-0.5, -0.5])
    """
    return transform("osculate.curvature", f, _curvature, argnums=argnums)


def _curvature(point: Point) -> Curvature:
    point.require_scalar()
    n = sum(leaf.size for leaf in jax.tree.leaves(point.primals))
    if n > LARGEST:
        raise point.error(
            WrongInput,
            f"the graph has {n} variables, and principal curvatures are computed for at most {LARGEST}",
            "osculate.eigenvalues(osculate.hessian_operator(f)(x)) gives the extreme eigenvalues of the Hessian",
        )
    return computed(point, _of_graph)


def _of_graph(function: Callable[..., tuple[Any, Any]], primals: tuple[Any, ...]) -> Curvature:
    value, first, second, _ = derivatives(function, primals, "matrix", DEFAULT_MEMORY, single=False)
    return bending(ravel_pytree(primals)[0], value, ravel_pytree(first)[0], second)


def bending(x: jax.Array, value: jax.Array, gradient: jax.Array, hessian: jax.Array) -> Curvature:
    """Curvature of a graph at (x, value), from the flat gradient and the Hessian there."""
    n, size = x.size, jnp.hypot(1, _norm(gradient))
    slope = gradient / size
    mirror = _reflection(gradient)
    # In mirrored coordinates the gradient lies along the first axis, so that (I + ∇f ∇fᵀ)^(−1/2) only divides that axis
    # by ``size``; subtracting the gradient's part from the identity instead would lose it where the graph is steep.
    scale = jnp.ones_like(x).at[0].set(1 / size)
    shape = scale[:, None] * (mirror @ (hessian / size) @ mirror) * scale
    ascending, vectors = jnp.linalg.eigh((shape + shape.T) / 2)
    principal, steps = ascending[::-1], mirror @ (scale[:, None] * vectors[:, ::-1])
    sharpest = principal[jnp.argmax(jnp.abs(principal))]
    normal = jnp.append(-slope, 1 / size)
    # The second form has a derivative where the gradient is zero, the first is accurate where it is large.
    smooth = (jnp.trace(hessian) - slope @ hessian @ slope) / size
    return Curvature(
        kappa=jnp.abs(sharpest),
        radius=1 / jnp.abs(sharpest),
        center=jnp.append(x, value) + normal / jnp.where(sharpest == 0, jnp.nan, sharpest),
        principal=principal,
        mean=jnp.where(size < 2, smooth, jnp.trace(shape)) / n,
        gaussian=jnp.linalg.det(hessian / size) / size / size,
        directions=jnp.vstack([steps, slope @ mirror @ vectors[:, ::-1]]),
    )


def _norm(vector: jax.Array) -> jax.Array:
    """Euclidean norm without overflow, and with derivative zero at zero."""
    largest = jnp.max(jnp.abs(vector))
    scaled = vector / jnp.where(largest == 0, 1, largest)
    return largest * jnp.sqrt(jnp.where(largest == 0, 1, scaled @ scaled))


def _reflection(vector: jax.Array) -> jax.Array:
    """The Householder matrix that maps ``vector`` to a multiple of the first unit vector."""
    largest = jnp.max(jnp.abs(vector))
    unit = jnp.where(largest == 0, jnp.zeros_like(vector).at[0].set(1), vector / jnp.where(largest == 0, 1, largest))
    unit = unit / jnp.sqrt(unit @ unit)
    axis = unit.at[0].add(jnp.where(unit[0] < 0, -1, 1))
    return jnp.eye(vector.size, dtype=vector.dtype) - 2 * jnp.outer(axis, axis) / (axis @ axis)
