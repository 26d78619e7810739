"""log |det A| in collapsed jets: by the inverse, once, and products of matrices, instead of a solve for each direction.

(log |det A|)′ = tr(B A′) with B = A⁻¹, and B′ = −B A′ B.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np

from osculate._trace import Node

from .network import Network, Primal
from .stream import Constant, Integral, Stream

LOG_DETERMINANTS = frozenset({"jax._slogdet_lu", "jax._slogdet_qr"})
"""JAX's own functions whose outputs are the sign and the logarithm of a determinant."""


def is_log_determinant(node: Node) -> bool:
    """Whether the node is such a function, of a real matrix: the sign of a complex one moves."""
    return getattr(node, "function", "") in LOG_DETERMINANTS and jnp.issubdtype(node.inputs[0].dtype, np.floating)


def log_determinant(network: Network, node: Node, inputs: Sequence[Stream]) -> list[Stream]:
    """The sign, which stands still, and the logarithm."""
    matrix, first = inputs[0], Primal(network, node, inputs)

    def inverted() -> Any:
        return jnp.linalg.inv(matrix.value(0))

    def change() -> Stream:
        return network.apply(_change_of_inverse, inverse, matrix.derivative())[0]

    def slope() -> Stream:
        return network.apply(_trace_of_product, inverse, matrix.derivative())[0]

    sign, logarithm = node.outputs
    inverse = Integral(network.algebra, matrix.variable, inverted, change)
    return [
        Constant(network.algebra, sign, partial(first, 0)),
        Integral(network.algebra, logarithm, partial(first, 1), slope),
    ]


def _change_of_inverse(inverse: Any, change: Any) -> Any:
    return -jnp.matmul(jnp.matmul(inverse, change, precision="highest"), inverse, precision="highest")


def _trace_of_product(inverse: Any, change: Any) -> Any:
    return jnp.einsum("...ij,...ji->...", inverse, change, precision="highest")
