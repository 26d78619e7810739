"""Which nodes of a trace JAX can push tangents through, and which it can pull cotangents through."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import jax

from ._dependence import dependence_of_nodes
from ._errors import Location
from ._trace import Call, Node, Trace


@dataclass(frozen=True)
class Gap:
    """A primitive that a reading cannot read, where the user wrote it, and why."""

    primitive: str
    where: Location | None
    reason: str

    def __str__(self) -> str:
        return f"`{self.primitive}` ({self.where or 'place unknown'}): {self.reason}"


def forward_gaps(trace: Trace) -> Iterator[Gap]:
    """Nodes that an input reaches and that have no forward rule."""
    return _gaps(trace, _pushed)


def reverse_gaps(trace: Trace) -> Iterator[Gap]:
    """Nodes that an input reaches and that cannot be run backwards."""
    return _gaps(trace, _pulled)


def _gaps(trace: Trace, attempt: Callable[[Node, list[int]], object]) -> Iterator[Gap]:
    for node, inputs in dependence_of_nodes(trace):
        active = [i for i, (d, v) in enumerate(zip(inputs, node.inputs, strict=True)) if d and v.inexact]
        if not active or not any(v.inexact for v in node.outputs):
            continue
        if isinstance(node, Call):
            yield from _gaps(node.body, attempt)
            continue
        try:
            attempt(node, active)
        except Exception as error:  # JAX raises many kinds here; each is the answer that was asked for
            yield Gap(node.name, node.where, (str(error) or type(error).__name__).splitlines()[0])


def _moving(node: Node, active: list[int], values: list[Any]) -> Callable[..., list[Any]]:
    def outputs(*moving: Any) -> list[Any]:
        full = list(values)
        for i, value in zip(active, moving, strict=True):
            full[i] = value
        return [y for y, v in zip(node.evaluate(*full), node.outputs, strict=True) if v.inexact]

    return outputs


def _pushed(node: Node, active: list[int]) -> object:
    def tangents(*values: Any) -> Any:
        primals = tuple(values[i] for i in active)
        return jax.jvp(_moving(node, active, list(values)), primals, primals)

    return jax.eval_shape(tangents, *(v.abstract for v in node.inputs))


def _pulled(node: Node, active: list[int]) -> object:
    def cotangents(*values: Any) -> Any:
        outputs, pullback = jax.vjp(_moving(node, active, list(values)), *(values[i] for i in active))
        return pullback(outputs)

    return jax.eval_shape(cotangents, *(v.abstract for v in node.inputs))
