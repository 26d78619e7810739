"""The steps of the backward walk: fused elementwise regions, single nodes, and runs of nodes around complex numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax.numpy as jnp

from osculate._dependence import ELEMENTWISE
from osculate._errors import Location
from osculate._trace import CustomVJP, Literal, Node, Variable

from .flat import STANDING, Flat, entrywise

FUSED = ELEMENTWISE - {"complex", "real", "imag", "conj"} - STANDING


@dataclass(frozen=True, eq=False)
class Stage:
    """Some nodes as one. ``outputs`` are used elsewhere; ``moving`` inputs and ``results`` are those that move."""

    nodes: tuple[Node, ...]
    inputs: tuple[Variable, ...]
    moving: tuple[Variable, ...]
    outputs: tuple[Variable, ...]
    results: tuple[Variable, ...]
    elementwise: bool

    @property
    def node(self) -> Node:
        """The node of a stage of one; the last one of several."""
        return self.nodes[-1]

    @property
    def name(self) -> str:
        """What it is called in a plan."""
        return self.node.name if len(self.nodes) == 1 else f"{len(self.nodes)} nodes"

    @property
    def where(self) -> Location | None:
        """The user's line of its last node that has one."""
        return next((node.where for node in reversed(self.nodes) if node.where is not None), None)

    @cached_property
    def reverse_only(self) -> bool:
        """Whether a custom backward rule inside has no forward one."""
        return any(isinstance(node, CustomVJP) for node in self.nodes)

    def evaluate(self, *values: Any) -> list[Any]:
        """Values of the outputs at values of the inputs."""
        here: dict[Variable, Any] = dict(zip(self.inputs, values, strict=True))
        for node in self.nodes:
            read = (v.value if isinstance(v, Literal) else here[v] for v in node.inputs)
            here.update(zip(node.outputs, node.evaluate(*read), strict=True))
        return [here[v] for v in self.outputs]

    def of_moving(self, values: Sequence[Any]) -> Callable[..., tuple[Any, ...]]:
        """The results as a function of the inputs that move, at values of all inputs."""
        places = [self.inputs.index(v) for v in self.moving]
        kept = [self.outputs.index(v) for v in self.results]

        def function(*moving: Any) -> tuple[Any, ...]:
            full = list(values)
            for place, value in zip(places, moving, strict=True):
                full[place] = value
            outputs = self.evaluate(*full)
            return tuple(outputs[k] for k in kept)

        return function


def stages(flat: Flat) -> list[Stage]:
    """All nodes of a program in stages, in an order in which each can be computed after those before it."""
    users: dict[Variable, list[Node]] = {}
    for node in flat.nodes:
        for variable in {v for v in node.inputs if not isinstance(v, Literal)}:
            users.setdefault(variable, []).append(node)
    root = _regions(flat, users) | _complex_runs(flat)
    root = {node: root.get(last, last) for node, last in root.items()}  # a region that ends in a run joins it
    groups: dict[Node, list[Node]] = {}
    for node in flat.nodes:
        groups.setdefault(root.get(node, node), []).append(node)
    made: list[Stage] = []
    for node in flat.nodes:
        if root.get(node, node) is node:
            made.append(_stage(flat, groups[node], users, elementwise=node in root and _is_region(flat, node)))
    return made


def _is_region(flat: Flat, node: Node) -> bool:
    return flat.moves(node.outputs[0]) and entrywise(node, FUSED) and not _complex(node)


def _complex(node: Node) -> bool:
    return any(jnp.issubdtype(v.dtype, jnp.complexfloating) for v in (*node.inputs, *node.outputs))


MOST_INPUTS = 8
"""Moving inputs that a region may have: each pair of them may have a second derivative of its own."""


def _regions(flat: Flat, users: dict[Variable, list[Node]]) -> dict[Node, Node]:
    """For each entrywise node the last node of its region: one that all its users share, of the same shape."""
    root: dict[Node, Node] = {}
    inputs: dict[Node, set[Variable]] = {}
    for node in reversed(flat.nodes):
        if not _is_region(flat, node):
            continue
        variable = node.outputs[0]
        own = {v for v in node.inputs if flat.moves(v)}
        # A custom backward rule is differentiated in reverse, which would sum over entries that share a scalar input.
        over = {None if isinstance(user, CustomVJP) else root.get(user) for user in users.get(variable, [])}
        last = next(iter(over)) if len(over) == 1 and variable not in flat.outputs else None
        if last is not None and not isinstance(node, CustomVJP) and last.outputs[0].shape == variable.shape:
            together = (inputs[last] - {variable}) | own
            if len(together) <= MOST_INPUTS:
                root[node], inputs[last] = last, together
                continue
        root[node], inputs[node] = node, own
    return root


def _complex_runs(flat: Flat) -> dict[Node, Node]:
    """Nodes that stand together while a complex number that moves is alive; each run ends real, as one stage."""
    last_use = {v: i for i, node in enumerate(flat.nodes) for v in node.inputs}
    root: dict[Node, Node] = {}
    run: list[Node] = []
    alive_until = -1
    for i, node in enumerate(flat.nodes):
        for v in node.outputs:
            if flat.moves(v) and jnp.issubdtype(v.dtype, jnp.complexfloating):
                alive_until = max(alive_until, last_use.get(v, i))
        if alive_until >= i:
            run.append(node)
        if run and i == alive_until:
            root |= dict.fromkeys(run, node)
            run = []
    return root


def _stage(flat: Flat, nodes: Sequence[Node], users: dict[Variable, list[Node]], elementwise: bool) -> Stage:
    own = {v for node in nodes for v in node.outputs}
    inputs = dict.fromkeys(v for node in nodes for v in node.inputs if v not in own and not isinstance(v, Literal))
    inside = set(nodes)
    outputs = [
        v
        for node in nodes
        for v in node.outputs
        if v in flat.outputs or any(user not in inside for user in users.get(v, ()))
    ]
    moving = tuple(v for v in inputs if flat.moves(v))
    results = tuple(v for v in outputs if flat.moves(v))
    return Stage(tuple(nodes), tuple(inputs), moving, tuple(outputs), results, elementwise)
