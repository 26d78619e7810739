"""Arithmetic, loops and branches for coefficients that JAX takes as trees of arrays: plain arrays, and bundles of them.

A coefficient that is zero is None, which JAX takes as an empty tree: it costs nothing inside of a loop, either.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from osculate._trace import Node, Variable

from .algebra import Packed


class Trees:
    """What an algebra of trees of arrays has in common with any other."""

    whole = True

    def literal(self, value: Any, variable: Variable) -> Any:
        """A constant of the program: the same for all directions."""
        del variable
        return value

    def add(self, a: Any, b: Any) -> Any:
        """Leaf by leaf."""
        return jax.tree.map(lambda u, v: u + v, a, b)

    def subtract(self, a: Any, b: Any) -> Any:
        """Leaf by leaf."""
        return jax.tree.map(lambda u, v: u - v, a, b)

    def negate(self, a: Any) -> Any:
        """Leaf by leaf."""
        return jax.tree.map(lambda u: -u, a)

    def scale(self, a: Any, k: Any) -> Any:
        """By a number, or one that a loop over the degree counts."""
        return jax.tree.map(lambda u: u * _in_dtype(k, u.dtype), a)

    def divide(self, a: Any, k: Any) -> Any:
        """By a number, or one that a loop over the degree counts."""
        return jax.tree.map(lambda u: u / _in_dtype(k, u.dtype), a)

    def turned(self, packed: Packed) -> Packed:
        """What a loop goes over, with the axis of its steps in front; and back."""
        return packed

    def chosen(self, going: Any, new: Any, old: Any) -> Any:
        """A coefficient of the lanes that go on, and the old one of those that have finished."""
        if new is None:
            return None
        return jnp.where(jnp.reshape(going, jnp.shape(going) + (1,) * (new.ndim - going.ndim)), new, old)

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
        items = self.turned(scanned)
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
        return final, self.turned(stacked)

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
            return new if jnp.ndim(going) == 0 else rows(lambda n, o: self.chosen(going, n, o), new, moving)

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


class Arrays(Trees):
    """Plain JAX arrays and tracers: works under ``jit``, ``vmap`` and ``grad``."""

    def evaluate(self, node: Node, values: Sequence[Any], degrees: Sequence[int | None]) -> list[Any]:
        del degrees
        return node.evaluate(*values)

    def zeros(self, variable: Variable, degree: int) -> Any:
        del degree
        return jnp.zeros(variable.shape, variable.dtype)

    def fit(self, a: Any, variable: Variable, degree: int) -> Any:
        del degree
        return jnp.broadcast_to(jnp.asarray(a, variable.dtype), variable.shape)


def _in_dtype(k: Any, dtype: Any) -> Any:
    return k.astype(dtype) if isinstance(k, jax.Array) else np.asarray(k, dtype)


def rows(function: Callable[..., Any], *packed: Packed) -> Packed:
    """Map over the coefficients of packed streams, in step."""
    return [[function(*column) for column in zip(*rows, strict=True)] for rows in zip(*packed, strict=True)]


def _abstract(packed: Packed, variables: Sequence[Variable]) -> Packed:
    """Shapes of the coefficients that are there, in the dtypes of the variables."""
    return [
        jax.tree.map(lambda v, dtype=variable.dtype: jax.ShapeDtypeStruct(jnp.shape(v), dtype), row)
        for row, variable in zip(packed, variables, strict=False)
    ]


def _union(one: Packed, two: Packed) -> Packed:
    return rows(lambda a, b: b if a is None else a, one, two)


def _filled(packed: Packed, like: Packed) -> Packed:
    """The coefficients that ``like`` has, with zeros written out."""

    def fill(value: Any, shape: Any) -> Any:
        if shape is None:
            return None
        if value is None:
            return jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shape)
        return jax.tree.map(lambda v, s: jnp.asarray(v, s.dtype), value, shape)

    return rows(fill, packed, like)
