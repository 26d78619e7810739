"""Programs made from programs: the pushforward of a node, and the node that a small function stands for."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.core
import jax.extend.core
import numpy as np

from .nodes import CustomVJP, Elementary, Node, Trace, Variable
from .reader import read

_KEPT = 2048
_pushforwards: OrderedDict[Any, tuple[Trace, Node]] = OrderedDict()
_programs: OrderedDict[Any, Trace] = OrderedDict()


def pushforward(node: Node, active: Sequence[int]) -> Trace:
    """Read the JVP rule of ``node`` as a program of its own.

    Its inputs are all inputs of the node, then the tangents of the ``active`` ones; its outputs are the tangents of the
    inexact outputs. The rule of a primitive is read once for each shape. Custom rules are read anew: they may close
    over a tracer, which dies with its transformation, and each trace makes them new.
    """
    key = (node.key, tuple(map(_type_key, node.inputs)), tuple(active), jax.dtypes.canonicalize_dtype(np.float64))
    if key in _pushforwards:
        return _pushforwards[key][0]
    structs = [v.abstract for v in node.inputs]
    program = jax.make_jaxpr(lambda full, tangents: _tangents(node, active, full, tangents))(
        structs, [structs[i] for i in active]
    )
    trace = read(program)
    if isinstance(node, Elementary) and not any(isinstance(v, jax.core.Tracer) for _, v in trace.constants):
        _keep(_pushforwards, key, (trace, node))  # the node lives as long as its key, so identities in it are unique
    return trace


def _tangents(node: Node, active: Sequence[int], full: Sequence[Any], tangents: Sequence[Any]) -> list[Any]:
    def inexact_outputs(*moving: Any) -> list[Any]:
        values = list(full)
        for i, value in zip(active, moving, strict=True):
            values[i] = value
        return [y for y, v in zip(node.evaluate(*values), node.outputs, strict=True) if v.inexact]

    primals = tuple(full[i] for i in active)
    if isinstance(node, CustomVJP):
        # A custom backward rule has no forward one; the transpose of its pullback, which is linear, is the forward map.
        outputs, pullback = jax.vjp(inexact_outputs, *primals)
        return jax.linear_transpose(pullback, outputs)(tuple(tangents))[0]
    return jax.jvp(inexact_outputs, primals, tuple(tangents))[1]


def _keep(store: OrderedDict[Any, Any], key: Any, value: Any) -> None:
    store[key] = value
    while len(store) > _KEPT:
        store.popitem(last=False)


def _type_key(variable: Variable) -> tuple[Any, ...]:
    return variable.shape, variable.dtype, variable.weak


def program(function: Callable[..., Any], *inputs: Variable) -> Trace:
    """The trace of a small function of JAX's own at these shapes; each is read once."""
    key = (function, tuple(map(_type_key, inputs)), jax.dtypes.canonicalize_dtype(np.float64))
    if key not in _programs:
        _keep(_programs, key, read(jax.make_jaxpr(function)(*(v.abstract for v in inputs))))
    return _programs[key]


def inner_program(node: Node) -> Trace:
    """The program that a primitive applies to entries, such as the reduction of a window."""
    found = node.params["jaxpr"]
    return read(
        found if hasattr(found, "consts") else jax.extend.core.ClosedJaxpr(found, node.params.get("consts", ()))
    )


def single(function: Callable[..., Any], *inputs: Variable) -> Node:
    """The one node that ``function`` (one primitive, such as ``lax.mul``) makes at these shapes."""
    nodes = program(function, *inputs).nodes
    if len(nodes) != 1:
        raise ValueError(f"{function} is not one primitive")
    return nodes[0]
