"""The Hessian by its own structure: dense by products and sums into entries, or the entries of a sparse one."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from osculate._structure import Structure, matrix_plan
from osculate._trace import Trace


def structured_matrix(structure: Structure, trace: Trace, primals: Any) -> jax.Array:
    """The (n, n) Hessian at ``primals`` by the terms of ``structure``; JAX can transform it."""
    leaves = jax.tree.leaves(primals)
    plan = matrix_plan(structure)
    return plan.assembled(structure.compute(plan.arrays, trace, leaves), _dtype(leaves))


def _dtype(leaves: list[Any]) -> Any:
    return jnp.result_type(*leaves)
