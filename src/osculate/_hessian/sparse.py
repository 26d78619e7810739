"""Entries of a matrix as a sparse matrix of SciPy's, or of JAX's where they are traced."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from osculate._trace import at_top_level, is_traced


def as_sparse(values: Any, rows: Any, columns: Any, size: int) -> Any:
    """Entries given row by row: a ``scipy.sparse.csr_array`` at top level, a BCOO inside a transformation of JAX."""
    if is_traced(values) or not at_top_level():
        from jax.experimental.sparse import BCOO

        indices = jnp.stack([jnp.asarray(rows, np.int32), jnp.asarray(columns, np.int32)], 1)
        return BCOO((values, indices), shape=(size, size), indices_sorted=True, unique_indices=True)
    import scipy.sparse  # takes long to load, and a lean start does not need it

    starts = np.searchsorted(np.asarray(rows), np.arange(size + 1)).astype(np.int32)
    return scipy.sparse.csr_array((np.array(values), np.array(columns, np.int32), starts), shape=(size, size))
