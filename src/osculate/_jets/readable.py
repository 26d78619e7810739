"""Which nodes of a trace the jets cannot read, without computing anything."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from osculate._dependence import Dependence, dependence_of_nodes
from osculate._errors import Unreadable
from osculate._trace import CustomJVP, CustomVJP, Node, Trace

from .network import RULES, attempt_pushforward


def unreadable(trace: Trace) -> Iterator[tuple[Node, str]]:
    """Nodes without a jet rule that an input reaches, each with the reason; bodies of loops and branches included."""
    for node, inputs in dependence_of_nodes(trace):
        if not any(links and v.inexact for links, v in zip(inputs, node.inputs, strict=True)):
            continue
        if node.bodies and not isinstance(node, (CustomJVP, CustomVJP)):
            for body in node.bodies:
                yield from unreadable(body)
        elif (reason := _reason(node, inputs)) is not None:
            yield node, reason


def _reason(node: Node, inputs: Sequence[Dependence]) -> str | None:
    if node.name in RULES or getattr(node, "linear", False) or not any(v.inexact for v in node.outputs):
        return None
    active = [i for i, (d, v) in enumerate(zip(inputs, node.inputs, strict=True)) if d and v.inexact]
    try:
        attempt_pushforward("osculate.coverage", node, active, node.where)
    except Unreadable as error:
        return error.problem
    return None
