"""The float64 policy: what Python and NumPy hold in double precision is computed in double precision.

Nothing sets ``jax_enable_x64`` for the user. Only at top level (no transformation of JAX active) does a call whose
numbers are Python's or NumPy's double ones enter ``jax.enable_x64``, and it answers in NumPy arrays: a float64
``jax.Array`` degrades silently once the context is left. With JAX arrays, or under ``jit``, ``vmap`` or ``grad``, JAX's
own setting rules.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import jax
import jax.core
import jax.extend.core as jex
import numpy as np


@dataclass(frozen=True)
class Precision:
    """How one call is computed (``double``: inside ``enable_x64``) and answered (``host``: in NumPy arrays)."""

    double: bool
    host: bool

    def context(self) -> AbstractContextManager[Any]:
        """The context to compute in; to be entered again by every lazy method."""
        return jax.enable_x64(True) if self.double else nullcontext()

    def answer(self, tree: Any) -> Any:
        """The result as the caller gets it."""
        return jax.tree.map(_to_host, tree) if self.host else tree


def precision_of(*arguments: Any) -> Precision:
    """Policy for a call with these arguments (pytrees)."""
    leaves = jax.tree.leaves(arguments)
    if not at_top_level() or any(isinstance(leaf, jax.Array) for leaf in leaves):
        return Precision(double=False, host=False)
    return Precision(double=any(map(_is_double, leaves)), host=True)


def at_top_level() -> bool:
    """Whether no transformation of JAX is active."""
    with jex.take_current_trace() as current:
        return type(current).__name__ == "EvalTrace"


def is_traced(*trees: Any) -> bool:
    """Whether a leaf has no value yet."""
    return any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(trees))


def lanes(*trees: Any) -> int:
    """How many copies ``vmap`` runs side by side, as far as the values show it (not through an inner ``jit``)."""
    return max((_lanes(leaf) for leaf in jax.tree.leaves(trees)), default=1)


def _lanes(leaf: Any) -> int:
    count = 1
    while isinstance(leaf, jax.core.Tracer):
        if type(leaf).__name__ == "BatchTracer":
            inner: Any = getattr(leaf, "val", None)
            dimension = getattr(leaf, "batch_dim", None)
            count *= np.shape(inner)[dimension] if isinstance(dimension, int) else 1
            leaf = inner
        else:
            leaf = getattr(leaf, "primal", None)
    return count


def _is_double(leaf: Any) -> bool:
    if isinstance(leaf, (bool, int)):
        return False
    return isinstance(leaf, (float, complex)) or getattr(leaf, "dtype", None) in (np.float64, np.complex128)


def _to_host(leaf: Any) -> Any:
    return np.array(leaf)[()] if isinstance(leaf, jax.Array) and not isinstance(leaf, jax.core.Tracer) else leaf
