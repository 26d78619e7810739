"""The narrow affine cut of a program: the few arrays, affine in x, through which alone x enters the rest of it.

Where f(x) = g(Wx + b) with m < n rows in W, second derivatives of f see only W Wᵀ: m directions do for n.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

from osculate._dependence import dependence
from osculate._interpret import forward
from osculate._jets.network import RULES, linear
from osculate._trace import Call, Literal, Node, Trace, Variable


@dataclass(frozen=True)
class Cut:
    """A program in two parts: ``head`` is affine, from x to a few arrays; ``tail`` leads from them to the outputs."""

    head: Trace
    tail: Trace

    @property
    def width(self) -> int:
        """How many numbers cross the cut."""
        return sum(prod(v.shape) for v in self.tail.inputs)


def affine_cut(trace: Trace) -> Cut | None:
    """The cut with the fewest numbers that is found, if they are fewer than those of x; None otherwise."""
    flat = inlined(trace)
    parents = _affine_parents(flat)
    crossing = _crossing(flat, parents)
    if not crossing or any(not v.inexact for v in flat.outputs):
        return None
    narrow = list(dict.fromkeys(_narrowest(v, parents) for v in crossing))
    if sum(prod(v.shape) for v in narrow) >= sum(prod(v.shape) for v in flat.inputs):
        return None
    head = replace(flat, outputs=tuple(narrow), nodes=_needed(flat, narrow, ()), run=_unused)
    tail = replace(flat, inputs=tuple(narrow), nodes=_needed(flat, flat.outputs, narrow), run=_unused)
    if set(flat.inputs) & _used(tail):  # an output that is affine in x bypasses the cut
        return None
    return Cut(head, tail)


MOST_COORDINATES = 8
"""Coordinates of a particle, at most: with more, a tangent that is sparse saves little."""


def by_particles(trace: Trace) -> Cut | None:
    """The cut where x has become N particles of k coordinates, (N, k) but for axes of length one, by reshaping."""
    flat = inlined(trace)
    if len(flat.inputs) != 1 or not flat.inputs[0].inexact:
        return None
    x, passed = flat.inputs[0], list[Node]()
    while not _is_particles(x):
        users = [node for node in flat.nodes if x in node.inputs]
        if not users or x in flat.outputs or not all(map(_reshapes, users)):
            return None
        if len({node.outputs[0].shape for node in users}) > 1:
            return None
        passed.append(users[0])
        x = users[0].outputs[0]
        flat = _joined(flat, users)
    head = replace(flat, inputs=trace.inputs, nodes=tuple(passed), outputs=(x,), run=_unused)
    return Cut(head, replace(flat, inputs=(x,), run=_unused))


def _is_particles(x: Variable) -> bool:
    long = [length for length in x.shape if length > 1]
    return len(x.shape) >= 2 and len(long) == 2 and x.shape[-1] == long[1] <= MOST_COORDINATES


def _reshapes(node: Node) -> bool:
    """Whether the entries stay as they are, in order."""
    if prod(node.inputs[0].shape) != prod(node.outputs[0].shape) or len(node.inputs) != 1:
        return False
    dimensions = node.params.get("broadcast_dimensions" if node.name == "broadcast_in_dim" else "dimensions")
    if node.name == "broadcast_in_dim":
        return list(dimensions or ()) == sorted(dimensions or ())
    return node.name in ("squeeze", "expand_dims") or (node.name == "reshape" and dimensions is None)


def _joined(trace: Trace, same: Sequence[Node]) -> Trace:
    """The program without these nodes, which all do the same: their outputs are those of the first."""
    names = {node.outputs[0]: same[0].outputs[0] for node in same}
    nodes = [replace(n, inputs=tuple(names.get(v, v) for v in n.inputs)) for n in trace.nodes if n not in same]
    return replace(trace, nodes=tuple(nodes), outputs=tuple(names.get(v, v) for v in trace.outputs))


def evaluated(trace: Trace, values: Sequence[Any]) -> list[Any]:
    """The outputs of a part of a program at arrays."""
    return forward(trace, values, lambda node, arrays: node.evaluate(*arrays), lambda variable, value: value)


def inlined(trace: Trace) -> Trace:
    """The program with the bodies of calls in place, but for calls that act entry by entry: those stay together."""
    nodes: list[Node] = []
    constants = list(trace.constants)

    def walk(part: Trace, names: dict[Variable, Variable]) -> list[Variable]:
        def name(v: Variable) -> Variable:
            return v if isinstance(v, Literal) else names.get(v, v)

        for node in part.nodes:
            inputs = tuple(map(name, node.inputs))
            if isinstance(node, Call) and not _entry_by_entry(node):
                constants.extend(node.body.constants)
                inner = walk(node.body, dict(zip(node.body.inputs, inputs, strict=True)))
                names.update(zip(node.outputs, inner, strict=True))
            else:
                nodes.append(replace(node, inputs=inputs))
        return [name(v) for v in part.outputs]

    outputs = walk(trace, {})
    return replace(trace, nodes=tuple(nodes), constants=tuple(constants), outputs=tuple(outputs), run=_unused)


def _entry_by_entry(node: Call) -> bool:
    return all(link.elementwise and not link.affine for links in dependence(node.body) for link in links.values())


def _affine_parents(trace: Trace) -> dict[Variable, list[Variable]]:
    """Each variable that is affine in x, and moves with it, with the ones it is directly made of."""
    parents: dict[Variable, list[Variable]] = {v: [] for v in trace.inputs}
    moving: set[Variable] = set(trace.inputs)
    for node in trace.nodes:
        made_of = [v for v in dict.fromkeys(node.inputs) if v in moving]
        if not made_of:
            continue
        moving.update(node.outputs)
        if all(v in parents for v in made_of) and _is_affine(node, [v in moving for v in node.inputs]):
            parents.update(dict.fromkeys(node.outputs, made_of))
    return parents


def _is_affine(node: Node, moves: Sequence[bool]) -> bool:
    """Whether the outputs are affine in the inputs that move, jointly."""
    if not all(v.inexact for v in node.outputs) or any(
        m and not v.inexact for m, v in zip(moves, node.inputs, strict=True)
    ):
        return False
    if node.name in ("mul", "dot_general", "conv_general_dilated"):
        return sum(moves) == 1
    if node.name in ("div", "gather"):
        return not any(moves[1:])
    if node.name == "triangular_solve":
        return not moves[0]
    return node.name in ("add", "sub", "add_any") or getattr(node, "linear", False) or RULES.get(node.name) is linear


def _crossing(trace: Trace, parents: dict[Variable, list[Variable]]) -> list[Variable]:
    """Affine variables that something not affine uses, or that are outputs."""
    found: dict[Variable, None] = {}
    for node in trace.nodes:
        if not all(v in parents for v in node.outputs):
            found.update(dict.fromkeys(v for v in node.inputs if v in parents))
    found.update(dict.fromkeys(v for v in trace.outputs if v in parents))
    return list(found)


def _narrowest(v: Variable, parents: dict[Variable, list[Variable]]) -> Variable:
    """The smallest variable on the way back to x, as long as each is made of one other."""
    best = v
    while len(parents[v]) == 1:
        v = parents[v][0]
        if prod(v.shape) <= prod(best.shape):
            best = v
    return best


def _needed(trace: Trace, outputs: Sequence[Variable], given: Sequence[Variable]) -> tuple[Node, ...]:
    """The nodes that lead to ``outputs``, not looking behind what is ``given``."""
    wanted = set(outputs) - set(given)
    kept: list[Node] = []
    for node in reversed(trace.nodes):
        if any(v in wanted for v in node.outputs):
            kept.append(node)
            wanted.update(v for v in node.inputs if v not in given)
    return tuple(reversed(kept))


def _used(trace: Trace) -> set[Variable]:
    return ({v for node in trace.nodes for v in node.inputs} | set(trace.outputs)) - set(trace.inputs)


def _unused(*values: Any) -> list[Any]:
    raise NotImplementedError(f"a part of a program at {len(values)} values")
