"""Sums of directional derivatives, Σᵣ wᵣ ∂ᵏ/∂dᵣᵏ, in one pass: the sum moves inside the program.

The last coefficient enters every later operation linearly, so it may be summed over the directions as soon as it
appears: degree 0 has no axis of directions, degrees 1 … K − 1 have one, degree K is summed already. For K = 2 that is
the Laplacian of one value, n tangents and one sum, where n jets would carry n seconds (Dangel et al., *Collapsing
Taylor mode automatic differentiation*, 2025; Li et al., *Forward Laplacian*, 2023).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from osculate._dependence import dependence
from osculate._trace import Node, Variable, pushforward

from .algebra import Packed

PRODUCTS = frozenset({"mul", "dot_general", "conv_general_dilated"})


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class Spread:
    """A coefficient that differs from direction to direction: they are its leading axis."""

    values: Any


class Collapsed:
    """Coefficients of jets along ``count`` directions whose coefficient ``top`` is summed with ``weights``.

    ``weights`` are numbers wᵣ (None for ones) or, at top 2, a symmetric matrix: then the sum is Σ w_{rs} ∂²/∂d_r∂d_s.
    """

    whole = True

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

    def literal(self, value: Any, variable: Variable) -> Any:
        del variable
        return value

    def add(self, a: Any, b: Any) -> Any:
        return _each(jnp.add, a, b)

    def subtract(self, a: Any, b: Any) -> Any:
        return _each(jnp.subtract, a, b)

    def negate(self, a: Any) -> Any:
        return _each(jnp.negative, a)

    def scale(self, a: Any, k: float) -> Any:
        return _each(lambda v: v * np.asarray(k, v.dtype), a)

    def divide(self, a: Any, k: int) -> Any:
        return _each(lambda v: v / np.asarray(k, v.dtype), a)

    def fit(self, a: Any, variable: Variable, degree: int) -> Any:
        if not isinstance(a, Spread):
            return jnp.broadcast_to(jnp.asarray(a, variable.dtype), variable.shape)
        values = jnp.asarray(a.values, variable.dtype)
        inner = (1,) * (len(variable.shape) + 1 - values.ndim) + values.shape[1:]
        return Spread(jnp.broadcast_to(values.reshape(values.shape[0], *inner), (self.width(degree), *variable.shape)))

    # loops and branches: coefficients that are zero are None, which JAX takes as an empty tree

    def scan(
        self,
        step: Callable[[Packed, Packed], tuple[Packed, Packed]],
        carry: Packed,
        scanned: Packed,
        outputs: Sequence[Variable],
        *,
        length: int,
        reverse: bool,
        unroll: Any,
    ) -> tuple[Packed, Packed]:
        items = _axes_swapped(scanned)
        head = jax.tree.map(lambda v: jax.ShapeDtypeStruct(v.shape[1:], v.dtype), items)
        like = _abstract(carry, outputs)
        while True:  # which coefficients of the carry are zero is a fixed point: a step can only fill more of them
            new, _ = jax.eval_shape(step, like, head)
            grown = _union(like, _abstract(new, outputs))
            if jax.tree.structure(grown) == jax.tree.structure(like):
                break
            like = grown

        def body(moving: Packed, item: Packed) -> tuple[Packed, Packed]:
            new, out = step(moving, item)
            return _filled(new, like), out

        final, stacked = lax.scan(body, _filled(carry, like), items, length=length, reverse=reverse, unroll=unroll)
        return final, _axes_swapped(stacked)

    def while_loop(
        self,
        predicate: Callable[[Packed], Any],
        step: Callable[[Packed], Packed],
        carry: Packed,
        outputs: Sequence[Variable],
    ) -> Packed:
        like = _abstract(carry, outputs)
        while True:
            grown = _union(like, _abstract(jax.eval_shape(step, like), outputs))
            if jax.tree.structure(grown) == jax.tree.structure(like):
                break
            like = grown

        def body(moving: Packed) -> Packed:
            going, new = predicate(moving), _filled(step(moving), like)
            # Under vmap the predicate is a batch: lanes that have finished stand still.
            return new if jnp.ndim(going) == 0 else _rows(lambda n, o: _chosen(going, n, o), new, moving)

        return lax.while_loop(lambda moving: jnp.any(predicate(moving)), body, _filled(carry, like))

    def switch(
        self,
        index: Any,
        branches: Sequence[Callable[[Packed], Packed]],
        operands: Packed,
        outputs: Sequence[Variable],
    ) -> Packed:
        seen = [_abstract(jax.eval_shape(branch, operands), outputs) for branch in branches]
        like = seen[0]
        for other in seen[1:]:
            like = _union(like, other)

        def filled(branch: Callable[[Packed], Packed]) -> Callable[[Packed], Packed]:
            return lambda packed: _filled(branch(packed), like)

        return lax.switch(jnp.asarray(index, jnp.int32), [filled(branch) for branch in branches], operands)


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


def _each(function: Callable[..., Any], *coefficients: Any) -> Any:
    arrays = [c.values if isinstance(c, Spread) else c for c in coefficients]
    result = function(*arrays)
    return Spread(result) if isinstance(coefficients[0], Spread) else result


def _rows(function: Callable[..., Any], *packed: Packed) -> Packed:
    """Map over the coefficients of packed streams, in step."""
    return [[function(*column) for column in zip(*rows, strict=True)] for rows in zip(*packed, strict=True)]


def _axes_swapped(packed: Packed) -> Packed:
    """The axis of steps and that of directions change places."""
    return _rows(lambda v: Spread(jnp.swapaxes(v.values, 0, 1)) if isinstance(v, Spread) else v, packed)


def _abstract(packed: Packed, variables: Sequence[Variable]) -> Packed:
    """Shapes of the coefficients that are there, in the dtypes of the variables."""
    return [
        jax.tree.map(lambda v, dtype=variable.dtype: jax.ShapeDtypeStruct(jnp.shape(v), dtype), row)
        for row, variable in zip(packed, variables, strict=False)
    ]


def _union(one: Packed, two: Packed) -> Packed:
    return _rows(lambda a, b: b if a is None else a, one, two)


def _filled(packed: Packed, like: Packed) -> Packed:
    """The coefficients that ``like`` has, with zeros written out."""

    def fill(value: Any, shape: Any) -> Any:
        if shape is None:
            return None
        if value is None:
            return jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shape)
        return jax.tree.map(lambda v, s: jnp.asarray(v, s.dtype), value, shape)

    return _rows(fill, packed, like)


def _chosen(going: Any, new: Any, old: Any) -> Any:
    if new is None:
        return None

    def choose(n: Any, o: Any) -> Any:
        return jnp.where(going.reshape(going.shape + (1,) * (n.ndim - going.ndim)), n, o)

    return Spread(jax.vmap(choose)(new.values, old.values)) if isinstance(new, Spread) else choose(new, old)
