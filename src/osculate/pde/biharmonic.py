"""``biharmonic``: Δ²f."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax

from osculate._arguments import Point

from .call import Chunk, at_points
from .stochastic import sampled


def biharmonic(
    f: Callable[..., Any],
    argnums: Any = 0,
    *,
    chunk: Chunk = "auto",
    samples: int | None = None,
    key: Any = 0,
) -> Callable[..., Any]:
    """Make the function that computes Δ²f = Σᵢⱼ ∂⁴f/∂xᵢ²∂xⱼ², of each output of ``f``.

    Parameters
    ----------
    f : callable
        Written for JAX or plain NumPy, with any output.
    argnums : int or sequence of int
        The argument x, an array or pytree.
    chunk : "auto", int or None
        For independent rows, how many are computed at a time, as in ``osculate.laplacian``.
    samples : int, optional
        Estimate instead, from fourth derivatives along so many normal directions v: E ∂ᵥ⁴f = 3 Δ²f. The result is an
        ``Estimate`` with its standard error.
    key : int or JAX key
        Where the random directions come from.

    Returns
    -------
    callable
        ``(x, *args) → Δ²f``, shaped like the output of ``f``; for x of shape (B, …) with independent rows it is
        computed row by row, as ``osculate.laplacian`` does.

    Raises
    ------
    WrongInput, WrongType, Unreadable
        As ``osculate.laplacian``.

    Notes
    -----
    Exact, in one pass. Of a Taylor polynomial of degree 4 it carries what Δ² can see: n tangents, the Hessian, the n
    derivatives of the Laplacian, and one number.

    References
    ----------
    Hu et al., *Stochastic Taylor derivative estimator*, NeurIPS 2024 (the estimate).

    Examples
    --------
    Δ²|x|⁴ = 8n(n + 2): 120 in space.

    >>> import numpy as np, osculate
    >>> float(osculate.biharmonic(lambda x: np.sum(x**2) ** 2)(np.array([1.0, 2.0, 3.0])))
    120.0
    """
    if samples is not None:
        return sampled("osculate.biharmonic", f, 4, "normal", samples, key, argnums)
    return at_points("osculate.biharmonic", f, _finished, ("fourth",), argnums=argnums, chunk=chunk)


def _finished(here: Point, found: dict[str, list[Any]], auxiliary: Any, by_rows: bool) -> Any:
    del auxiliary, by_rows
    return jax.tree.unflatten(jax.tree.structure(here.output), found["fourth"])
