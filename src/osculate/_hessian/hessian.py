"""The Hessian, as a tree or as a matrix, in bounded temporary memory."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
from jax.flatten_util import ravel_pytree

from osculate._arguments import Argnums, Point, transform
from osculate._compiled import computed, trace_key
from osculate._errors import WrongInput
from osculate._kinks import warn_of_kinks
from osculate._linear import DEFAULT_MEMORY, linearise, memory_in_bytes, nan_where_nan
from osculate._trace import at_top_level

from .asymmetry import warn_of_asymmetry
from .chunked import beside_result, by_columns
from .coloured import coloured_hessian
from .layout import cut
from .options import HESSIANS, SPARSE, require
from .plan import plan_at
from .structured import structured_hessian

_ASKED = "osculate.hessian"

_FEW = 8
"""Columns that are computed at once without looking for anything better."""


def hessian(
    f: Callable[..., Any],
    argnums: Argnums = 0,
    has_aux: bool = False,
    *,
    output: str = "tree",
    method: str = "auto",
    memory: int | str | None = None,
) -> Callable[..., Any]:
    """Hessian of a scalar function: H[i, j] = ∂²f/∂xᵢ∂xⱼ.

    Parameters
    ----------
    f : callable
        Returns one real number; written with JAX or with plain NumPy.
    argnums : int or sequence of int
        The positional arguments to differentiate with respect to.
    has_aux : bool
        Whether ``f`` returns a pair (value, auxiliary); then the result is a pair (Hessian, auxiliary).
    output : {"tree", "matrix", "sparse", "lower"}
        ``"tree"``: the nested layout of ``jax.hessian``, for each leaf of the argument a tree of blocks of shape
        leaf shape + leaf shape. ``"matrix"``: one (n, n) array, in the order of ``jax.flatten_util.ravel_pytree``.
        ``"sparse"``: the entries of the pattern alone, found by the structure of f; a ``scipy.sparse.csr_array``, and
        inside ``jit`` or ``vmap`` a ``jax.experimental.sparse.BCOO``. ``"lower"``: those of them with i ≥ j.
    method : {"auto", "dense", "chunked", "structured", "coloured"}
        ``"auto"`` is what ``hessian_plan`` picks; with ``memory`` it is ``"chunked"``, for a sparse result
        ``"coloured"``. ``"dense"`` computes all columns side by side; ``"chunked"`` as many as the cache and ``memory``
        like. ``"structured"`` reads from the trace which entries depend on what and computes each once, without
        products with unit vectors. ``"coloured"`` computes columns that do not meet by one product, for a Hessian with
        few entries.
    memory : int or str, optional
        Bound on what the call adds to the memory of the process, in bytes or as ``"200MB"``, ``"1GiB"``: the result and
        all temporaries, columns being computed one by one where no more fit. By default columns computed side by side
        take at most 256 MiB beside the result.

    Returns
    -------
    callable
        Takes the arguments of ``f``; returns the Hessian, in the dtype of the argument. It works under ``jit``,
        ``vmap`` and ``grad``. Where f is NaN, so is the Hessian.

    Raises
    ------
    WrongInput, WrongType, Unreadable
        At once for an unknown ``output``, ``method`` or ``memory``; when called, for an f with several outputs, a point
        of integers, complex numbers or NaN, an f that cannot be traced, a ``memory`` below the size of the result.

    Notes
    -----
    Forward over reverse: the gradient is linearised once, and its linear part applied to the n unit vectors: about 1.4
    to 1.7 gradients of work for each column (Griewank and Walther, *Evaluating Derivatives*, 2nd edition, SIAM 2008,
    chapter 5).

    Examples
    --------
    >>> import numpy as np, osculate
    >>> osculate.hessian(lambda x: x[0] ** 2 + x[1] ** 2 + x[0] * x[1])(np.array([0.3, -0.7]))
    array([[2., 1.],
           [1., 2.]])
    >>> osculate.hessian(lambda x: x**4)(2.0)  # 12x²
    np.float64(48.0)
    """
    budget = _budget(output, method, memory)
    if method == "auto":
        method = "planned" if memory is None else "coloured" if output in SPARSE else "chunked"
    limited = {"memory": budget or DEFAULT_MEMORY, "in_all": memory is not None}
    compute = {
        "planned": _cheapest,
        "structured": _structured,
        "coloured": partial(_coloured, **limited),
        "chunked": partial(_hessian, budget=budget, in_all=memory is not None),
        "dense": partial(_hessian, budget=None, in_all=False),
    }[method]
    return transform(_ASKED, f, partial(_with_caveats, compute, output), argnums=argnums, has_aux=has_aux)


def _with_caveats(compute: Callable[..., Any], output: str, point: Point) -> Any:
    """The Hessian; that f has no second derivative at the point is said."""
    warn_of_kinks(point.asked, point.trace, jax.tree.leaves(point.primals), 2)
    return compute(output, point)


def _cheapest(output: str, point: Point) -> Any:
    point.require_scalar()
    kind = pick(point, output)
    if kind == "structured":
        return _structured(output, point)
    if kind == "coloured":
        return _coloured(output, point, DEFAULT_MEMORY)
    return _hessian(output, point, DEFAULT_MEMORY, in_all=False)


def pick(point: Point, output: str) -> str:
    """The kind of way that ``hessian_plan`` picks; a few columns are computed at once without looking for better.

    Nor is a program planned for that no later call can find again.
    """
    size = sum(leaf.size for leaf in jax.tree.leaves(point.primals))
    lost = at_top_level() and trace_key(point.trace) is None
    return "chunked" if output not in SPARSE and (size <= _FEW or lost) else plan_at(point, output).kind


def _structured(output: str, point: Point) -> Any:
    point.require_scalar()
    _, _, second, auxiliary = structured_hessian(point, output)
    if output not in SPARSE:
        warn_of_asymmetry(point, second, output)
    return (second, auxiliary) if point.has_aux else second


def _coloured(output: str, point: Point, memory: int, in_all: bool = False) -> Any:
    point.require_scalar()
    if in_all and output not in SPARSE:
        memory = beside_result(point, memory, pieces=output == "tree")
    second, auxiliary = coloured_hessian(point, output, memory)
    return (second, auxiliary) if point.has_aux else second


def _hessian(output: str, point: Point, budget: int | None, in_all: bool) -> Any:
    point.require_scalar()
    if in_all and budget is not None:
        budget = beside_result(point, budget, pieces=output == "tree")
    _, _, second, auxiliary = computed(point, derivatives, options=(output, budget, isinstance(point.argnums, int)))
    warn_of_asymmetry(point, second, output)
    return (second, auxiliary) if point.has_aux else second


def derivatives(
    function: Callable[..., tuple[Any, Any]],
    primals: tuple[Any, ...],
    output: str,
    memory: int | None,
    single: bool,
) -> tuple[Any, Any, Any, Any]:
    """Value, gradients, Hessian and auxiliary output: the gradient is computed once, on the way to the Hessian.

    The gradients are a tuple like ``primals``; the Hessian is laid out for one argument if ``single``.
    """
    vector, unravel = ravel_pytree(primals)
    here = linearise(lambda at: function(*unravel(at)), vector)
    matrix = by_columns(here, vector.size, vector.dtype, memory)
    like = primals[0] if single else primals
    second = matrix if output == "matrix" else cut(matrix, like, like)
    return here.value, nan_where_nan(here.value, unravel(here.gradient)), second, here.auxiliary


def _budget(output: str, method: str, memory: int | str | None) -> int | None:
    """Bytes of memory, None for no bound; the options of the call are checked."""
    require(_ASKED, "output", output, HESSIANS)
    require(_ASKED, "method", method, ("auto", "dense", "chunked", "structured", "coloured"))
    if output in SPARSE and method in ("dense", "chunked"):
        raise WrongInput(
            _ASKED,
            f'method="{method}" computes every column, and output="{output}" asks for the entries of a pattern alone',
            remedy='method="structured"; or output="matrix"',
        )
    if method in ("dense", "structured") and memory is not None:
        raise WrongInput(
            _ASKED,
            f'method="{method}" computes all columns at once and cannot keep to memory={memory!r}',
            remedy=f'method="chunked", memory={memory!r}',
        )
    return memory_in_bytes(memory, _ASKED)
