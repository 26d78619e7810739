"""What the coefficients of a stream are. An algebra evaluates one node on coefficients; everything else is derived.

Arrays are the first algebra, here. Others (enclosures, symbols) bring the same few operations and get every rule: a
derivative rule is itself a program, so it needs nothing but the values of primitives.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from osculate._trace import Node, Variable

Coefficients = list[Any]
"""Coefficients 0, 1, … of one stream; None is zero."""

Packed = list[Coefficients]
"""Several streams in one go, as loops carry them."""


class Algebra(Protocol):
    """The operations on coefficients that streams need.

    ``whole`` says whether ``evaluate`` takes nodes with bodies too (loops, branches, calls, custom rules, linear
    systems). Where it does not, their bodies are read node by node, so an algebra needs primitives alone.
    """

    whole: bool

    def evaluate(self, node: Node, values: Sequence[Any], degrees: Sequence[int | None]) -> list[Any]:
        """Outputs of a node; ``degrees[i]`` is the degree of ``values[i]``, None where it stands still."""
        ...

    def zeros(self, variable: Variable, degree: int) -> Any:
        """A coefficient that is zero, written out."""
        ...

    def literal(self, value: Any, variable: Variable) -> Any:
        """A constant of the program as a coefficient of degree 0."""
        ...

    def add(self, a: Any, b: Any) -> Any:
        """A sum of two coefficients of the same shape."""
        ...

    def subtract(self, a: Any, b: Any) -> Any:
        """A difference of two coefficients of the same shape."""
        ...

    def negate(self, a: Any) -> Any:
        """The negative."""
        ...

    def scale(self, a: Any, k: Any) -> Any:
        """A coefficient times a number that the algebra can hold exactly, such as an integer."""
        ...

    def divide(self, a: Any, k: Any) -> Any:
        """A coefficient divided by an integer (never times 1/k, which is not exact)."""
        ...

    def fit(self, a: Any, variable: Variable, degree: int) -> Any:
        """A coefficient at another shape and dtype, as addition with a scalar does it."""
        ...

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
        """A loop of known length over packed coefficients; ``outputs`` are the variables of a step's results."""
        ...

    def while_loop(
        self,
        predicate: Callable[[Packed], Any],
        step: Callable[[Packed], Packed],
        carry: Packed,
        outputs: Sequence[Variable],
    ) -> Packed:
        """A loop whose length depends on its values."""
        ...

    def switch(
        self,
        index: Any,
        branches: Sequence[Callable[[Packed], Packed]],
        operands: Packed,
        outputs: Sequence[Variable],
    ) -> Packed:
        """One of several programs, by the value of ``index``."""
        ...


class Arrays:
    """Plain JAX arrays and tracers: works under ``jit``, ``vmap`` and ``grad``."""

    whole = True

    def evaluate(self, node: Node, values: Sequence[Any], degrees: Sequence[int | None]) -> list[Any]:
        del degrees
        return node.evaluate(*values)

    def zeros(self, variable: Variable, degree: int) -> Any:
        del degree
        return jnp.zeros(variable.shape, variable.dtype)

    def literal(self, value: Any, variable: Variable) -> Any:
        del variable
        return value

    def add(self, a: Any, b: Any) -> Any:
        return a + b

    def subtract(self, a: Any, b: Any) -> Any:
        return a - b

    def negate(self, a: Any) -> Any:
        return -a

    def scale(self, a: Any, k: Any) -> Any:
        return a * _in_dtype(k, a.dtype)

    def divide(self, a: Any, k: Any) -> Any:
        return a / _in_dtype(k, a.dtype)

    def fit(self, a: Any, variable: Variable, degree: int) -> Any:
        del degree
        return jnp.broadcast_to(jnp.asarray(a, variable.dtype), variable.shape)

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
        width = len(carry)
        pattern, scanned_pattern = _pattern(carry, first=True), _pattern(scanned)
        seen: list[Packed] = [[]]

        def body(moving: list[Any], items: list[Any]) -> tuple[list[Any], list[Any]]:
            new, out = step(_unpack(pattern, moving), _unpack(scanned_pattern, items))
            seen[0] = [*new, *out]
            return self._pack(pattern, new, outputs[:width]), [v for row in out for v in row if v is not None]

        items = [value for row in scanned for value in row if value is not None]
        while True:  # which coefficients of the carry are zero is a fixed point: a step can only fill more of them
            start = self._pack(pattern, carry, outputs[:width])
            jax.eval_shape(lambda c, xs: body(c, [jax.tree.map(lambda x: x[0], v) for v in xs]), start, _heads(items))
            grown = _union(pattern, _pattern(seen[0][:width]))
            if grown == pattern:
                break
            pattern = grown
        final, stacked = lax.scan(body, start, items, length=length, reverse=reverse, unroll=unroll)
        return _unpack(pattern, final), _unpack(_pattern(seen[0][width:]), stacked)

    def while_loop(
        self,
        predicate: Callable[[Packed], Any],
        step: Callable[[Packed], Packed],
        carry: Packed,
        outputs: Sequence[Variable],
    ) -> Packed:
        pattern = _pattern(carry, first=True)
        seen: list[Packed] = [[]]

        def body(moving: list[Any]) -> list[Any]:
            packed = _unpack(pattern, moving)
            new = step(packed)
            seen[0] = new
            going = predicate(packed)
            values = self._pack(pattern, new, outputs)
            if jnp.ndim(going) == 0:
                return values
            # Under vmap the predicate is a batch: lanes that have finished stand still.
            return [
                jnp.where(jnp.reshape(going, jnp.shape(going) + (1,) * (jnp.ndim(v) - jnp.ndim(going))), v, old)
                for v, old in zip(values, moving, strict=True)
            ]

        while True:
            start = self._pack(pattern, carry, outputs)
            jax.eval_shape(body, start)
            grown = _union(pattern, _pattern(seen[0]))
            if grown == pattern:
                break
            pattern = grown
        return _unpack(
            pattern, lax.while_loop(lambda moving: jnp.any(predicate(_unpack(pattern, moving))), body, start)
        )

    def switch(
        self,
        index: Any,
        branches: Sequence[Callable[[Packed], Packed]],
        operands: Packed,
        outputs: Sequence[Variable],
    ) -> Packed:
        inputs = _pattern(operands)
        values = [value for row in operands for value in row if value is not None]
        pattern: list[list[bool]] = []
        for branch in branches:
            found: list[Packed] = [[]]

            def look(*arrays: Any, branch: Any = branch, found: list[Packed] = found) -> list[Any]:
                found[0] = branch(_unpack(inputs, arrays))
                return [v for row in found[0] for v in row if v is not None]

            jax.eval_shape(look, *values)
            pattern = _union(pattern, _pattern(found[0])) if pattern else _pattern(found[0])

        def filled(branch: Callable[[Packed], Packed]) -> Callable[..., list[Any]]:
            return lambda *arrays: self._pack(pattern, branch(_unpack(inputs, arrays)), outputs)

        chosen = lax.switch(jnp.asarray(index, jnp.int32), [filled(branch) for branch in branches], *values)
        return _unpack(pattern, chosen)

    def _pack(self, pattern: list[list[bool]], packed: Packed, variables: Sequence[Variable]) -> list[Any]:
        """The coefficients that ``pattern`` wants, with zeros written out, as one flat list of arrays."""
        flat: list[Any] = []
        for wanted, row, variable in zip(pattern, packed, variables, strict=True):
            for k, keep in enumerate(wanted):
                if keep:
                    value = row[k] if k < len(row) else None
                    flat.append(self.zeros(variable, k) if value is None else jnp.asarray(value, variable.dtype))
        return flat


def _in_dtype(k: Any, dtype: Any) -> Any:
    """A number, or one that a loop over the degree counts."""
    return k.astype(dtype) if isinstance(k, jax.Array) else np.asarray(k, dtype)


def _heads(items: list[Any]) -> list[Any]:
    return [jax.ShapeDtypeStruct((1, *jnp.shape(v)[1:]), v.dtype) for v in items]


def _pattern(packed: Packed, *, first: bool = False) -> list[list[bool]]:
    """Which coefficients are not zero; with ``first``, coefficient 0 counts as present."""
    return [[v is not None or (first and k == 0) for k, v in enumerate(row)] for row in packed]


def _union(one: list[list[bool]], two: list[list[bool]]) -> list[list[bool]]:
    return [[a or b for a, b in zip(r, s, strict=True)] for r, s in zip(one, two, strict=True)]


def _unpack(pattern: list[list[bool]], values: Sequence[Any]) -> Packed:
    rest = iter(values)
    return [[next(rest) if keep else None for keep in row] for row in pattern]
