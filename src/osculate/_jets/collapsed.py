"""Sums of directional derivatives, Σᵣ wᵣ ∂ᵏ/∂dᵣᵏ, in one pass: the sum moves inside the program.

The last coefficient enters every later operation linearly, so it may be summed over the directions as soon as it
appears: degree 0 has no axis of directions, degrees 1 … K − 1 have one, degree K is summed already. For K = 2 that is
the Laplacian of one value, n tangents and one sum, where n jets would carry n seconds (Dangel et al., *Collapsing
Taylor mode automatic differentiation*, 2025; Li et al., *Forward Laplacian*, 2023).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from osculate._dependence import dependence
from osculate._trace import Node, Variable, pushforward

from .algebra import Packed
from .trees import Trees, rows

PRODUCTS = frozenset({"mul", "dot_general", "conv_general_dilated"})


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class Spread:
    """A coefficient that differs from direction to direction: they are its leading axis."""

    values: Any


class Collapsed(Trees):
    """Coefficients of jets along ``count`` directions whose coefficient ``top`` is summed with ``weights``.

    ``weights`` are numbers wᵣ (None for ones) or, at top 2, a symmetric matrix: then the sum is Σ w_{rs} ∂²/∂d_r∂d_s.
    """

    def __init__(self, top: int, count: int, weights: Any = None) -> None:
        self.top, self.count, self.weights = top, count, weights

    # what a coefficient is

    def is_spread(self, degree: int) -> bool:
        """Whether coefficients of this degree have the axis of directions."""
        return 0 < degree < self.top

    def width(self, degree: int) -> int:
        """Length of the leading axis of a spread coefficient of this degree."""
        del degree
        return self.count

    def evaluate(self, node: Node, values: Sequence[Any], degrees: Sequence[int | None]) -> list[Any]:
        spread = [i for i, value in enumerate(values) if isinstance(value, Spread)]
        arrays = [value.values if isinstance(value, Spread) else value for value in values]
        if not spread:
            return node.evaluate(*arrays)
        if len(spread) > 1 and multiplies(node, spread):
            return self.meet(node, arrays, spread, [degrees[i] or 0 for i in spread])
        return [Spread(out) for out in _along(node.evaluate, arrays, spread)]

    def meet(self, node: Node, arrays: list[Any], spread: list[int], degrees: list[int]) -> list[Any]:
        """A product of spread coefficients: direction by direction, and summed where it reaches the top."""
        if sum(degrees) < self.top:
            return [Spread(out) for out in _along(node.evaluate, arrays, spread)]
        if self.weights is not None:
            arrays[spread[0]] = _weighted(jnp.asarray(self.weights, arrays[spread[0]].dtype), arrays[spread[0]])
        return contracted(node, arrays, spread)

    def zeros(self, variable: Variable, degree: int) -> Any:
        if self.is_spread(degree):
            return Spread(jnp.zeros((self.width(degree), *variable.shape), variable.dtype))
        return jnp.zeros(variable.shape, variable.dtype)

    def fit(self, a: Any, variable: Variable, degree: int) -> Any:
        if not isinstance(a, Spread):
            return jnp.broadcast_to(jnp.asarray(a, variable.dtype), variable.shape)
        values = jnp.asarray(a.values, variable.dtype)
        inner = (1,) * (len(variable.shape) + 1 - values.ndim) + values.shape[1:]
        return Spread(jnp.broadcast_to(values.reshape(values.shape[0], *inner), (self.width(degree), *variable.shape)))

    def turned(self, packed: Packed) -> Packed:
        """The axis of steps and that of directions change places."""
        return rows(lambda v: Spread(jnp.swapaxes(v.values, 0, 1)) if isinstance(v, Spread) else v, packed)

    def chosen(self, going: Any, new: Any, old: Any) -> Any:
        if not isinstance(new, Spread):
            return super().chosen(going, new, old)
        return Spread(jax.vmap(partial(super().chosen, going))(new.values, old.values))


def contracted(node: Node, arrays: Sequence[Any], spread: Sequence[int]) -> list[Any]:
    """Σ over the directions of a node: in one contraction where the node is one itself."""
    if node.name == "dot_general" and len(spread) == 2:
        (left, right), (left_batch, right_batch) = node.params["dimension_numbers"]

        def shifted(axes: Sequence[int]) -> tuple[int, ...]:
            return tuple(axis + 1 for axis in axes)

        numbers = (((*shifted(left), 0), (*shifted(right), 0)), (shifted(left_batch), shifted(right_batch)))
        precision, element = node.params["precision"], node.params["preferred_element_type"]
        a, b = arrays
        return [lax.dot_general(a, b, numbers, precision=precision, preferred_element_type=element)]
    return [total(out) for out in _along(node.evaluate, arrays, spread)]


FEW = 16
"""Directions that are summed one by one: a compiler fuses that into what comes next, and some keep a slow reduction."""


def total(values: Any) -> Any:
    """Σ along the axis of directions."""
    count = values.shape[0]
    side = round(count**0.5)
    if FEW < count <= FEW**2 and side**2 == count:
        return total(total(values.reshape(side, side, *values.shape[1:])))
    return reduce(jnp.add, list(values)) if 0 < count <= FEW else values.sum(0)


def _along(function: Callable[..., list[Any]], arrays: Sequence[Any], spread: Sequence[int]) -> list[Any]:
    """A function of arrays, direction by direction."""
    return jax.vmap(function, in_axes=tuple(0 if i in spread else None for i in range(len(arrays))))(*arrays)


def _weighted(weights: Any, values: Any) -> Any:
    if weights.ndim == 2:
        return jnp.tensordot(weights, values, 1, precision="highest")
    return values * weights.reshape(-1, *[1] * (values.ndim - 1))


def multiplies(node: Node, spread: Sequence[int]) -> bool:
    """Whether the node multiplies these inputs; otherwise it is linear in them jointly."""
    if node.name in PRODUCTS:
        return True
    if getattr(node, "linear", False) or node.name in ADDITIVE:
        return False
    return any(i in links for links in dependence(pushforward(node, spread)) for i in spread)


ADDITIVE = frozenset(
    {"add", "sub", "add_any", "select_n", "concatenate", "pad", "complex", "dynamic_update_slice"}
    | {"scatter", "scatter-add", "scatter_add", "scatter-sub", "scatter_sub"}
)
