"""``value_gradient_laplacian``: the three from one pass, as a variational energy needs them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate
from math import prod
from typing import Any

import jax

from osculate._arguments import Point
from osculate._errors import WrongInput

from .call import Chunk, at_points

_ASKED = "osculate.pde.value_gradient_laplacian"


def value_gradient_laplacian(
    f: Callable[..., Any], argnums: Any = 0, has_aux: bool = False, *, chunk: Chunk = "auto"
) -> Callable[..., Any]:
    """Make the function that computes f, ∇f and Δf together.

    Parameters
    ----------
    f : callable
        Returns one number, real or complex; or, for x of shape (B, …) with independent rows, one for each row. With
        ``has_aux`` it returns a pair of that and anything: for a wave function log|ψ| and its sign.
    argnums : int or sequence of int
        The argument x, an array or pytree.
    has_aux : bool
        Whether ``f`` returns a pair ``(value, auxiliary)``.
    chunk : "auto", int or None
        For independent rows, how many are computed at a time, as in ``osculate.laplacian``.

    Returns
    -------
    callable
        ``(x, *args) → (value, gradient, laplacian)``, and the auxiliary output as a fourth with ``has_aux``. The
        gradient is a pytree like x.

    Raises
    ------
    WrongInput
        If ``f`` returns an array whose entries are not one for each row of x.

    References
    ----------
    Li et al., Nature Machine Intelligence 6 (2024): the forward Laplacian.

    Examples
    --------
    The local energy of the hydrogen atom, −½(Δlog ψ + |∇log ψ|²) − 1/r, is −½ everywhere for ψ = e⁻ʳ:

    >>> import numpy as np
    >>> from osculate import pde
    >>> x = np.array([0.3, -0.4, 1.2])
    >>> value, gradient, laplacian = pde.value_gradient_laplacian(lambda x: -np.sqrt(x @ x))(x)
    >>> float(np.round(-0.5 * (laplacian + gradient @ gradient) - 1 / np.sqrt(x @ x), 12))
    -0.5
    """
    want = ("value", "first", "second")
    return at_points(_ASKED, f, _finished, want, argnums=argnums, has_aux=has_aux, chunk=chunk)


def _finished(here: Point, found: dict[str, list[Any]], auxiliary: Any, by_rows: bool) -> Any:
    leaves = jax.tree.leaves(here.output)
    if len(leaves) != 1 or len(leaves[0].shape) != int(by_rows):
        shapes = ", ".join(str(list(leaf.shape)) for leaf in leaves) or "nothing"
        raise here.error(
            WrongInput,
            f"the function must return one number, or one for each independent row of x, but it returns {shapes}",
            "jax.vmap(osculate.pde.value_gradient_laplacian(f))(X) for an f of one point; osculate.laplacian(f) and "
            "osculate.jacobian(f) take any output",
        )
    structure = jax.tree.structure(here.output)
    value, laplacian = (jax.tree.unflatten(structure, found[name]) for name in ("value", "second"))
    result = value, gradient(here, found["first"][0], by_rows), laplacian
    return (*result, auxiliary) if here.has_aux else result


def gradient(here: Point, first: Any, by_rows: bool) -> Any:
    """First derivatives along the last axis as a pytree like x."""
    leaves, structure = jax.tree.flatten(here.primals)
    if by_rows:
        parts = [first.reshape(leaves[0].shape)]
    else:
        ends = accumulate(prod(leaf.shape) for leaf in leaves)
        parts = [first[end - prod(v.shape) : end].reshape(v.shape) for v, end in zip(leaves, ends, strict=True)]
    return here.single(jax.tree.unflatten(structure, parts))
