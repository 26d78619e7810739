"""Who is to blame when a Hessian fails its check: custom rules whose own second derivative is not symmetric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from osculate._trace import CustomJVP, CustomVJP, Node, Trace, Variable

from .arrays import Array, run
from .flat import flattened
from .stages import Stage, stages
from .sweep import Fallback, Sweep, evaluated


def asymmetric_rules(trace: Trace, leaves: Sequence[Any], given: Mapping[Variable, Any]) -> list[Fallback]:
    """The nodes with a custom rule whose second derivative of w·f is not symmetric: u·Hv ≠ v·Hu for random u, v, w."""
    flat = flattened(trace, given)
    values = {v: Array(v.shape) for v in (*flat.inputs, *flat.constants)}
    sources = dict(values)
    sweep = Sweep(flat, values)
    known = dict(flat.constants) | dict(trace.constants) | dict(zip(flat.inputs, leaves, strict=True))
    numbers = {array: known[variable] for variable, array in sources.items()}
    blamed: list[Fallback] = []
    for stage in stages(flat):
        custom = [node for node in stage.nodes if isinstance(node, (CustomJVP, CustomVJP))]
        if custom and stage.results:
            inputs = run([sweep.value(v) for v in stage.inputs], numbers)
            if _differs(stage, inputs):
                blamed += [Fallback(_named(node), node.where or stage.where, "its rule") for node in custom]
        evaluated(sweep, stage)
    return blamed


def _named(node: Node) -> str:
    name = getattr(node, "function", "") or str(node.params.get("name", ""))
    return f"{node.name} {name}".strip()


def _differs(stage: Stage, inputs: Sequence[Any]) -> bool:
    random = np.random.default_rng(0)
    function = stage.of_moving(inputs)
    point = [inputs[stage.inputs.index(v)] for v in stage.moving]

    def drawn(like: Any) -> Any:
        return jnp.asarray(random.standard_normal(jnp.shape(like)), like.dtype)

    weights = [drawn(y) for y in function(*point)]
    one, two = ([drawn(x) for x in point] for _ in range(2))

    def gradient(*moving: Any) -> Any:
        results, back = jax.vjp(function, *moving)
        return back(tuple(w.astype(y.dtype) for w, y in zip(weights, results, strict=True)))

    def product(direction: list[Any]) -> Any:
        return jax.jvp(gradient, tuple(point), tuple(direction))[1]

    forth = sum(float(jnp.vdot(a, b)) for a, b in zip(one, product(two), strict=True))
    back = sum(float(jnp.vdot(a, b)) for a, b in zip(two, product(one), strict=True))
    precision = max(float(jnp.finfo(x.dtype).eps) for x in point)
    return abs(forth - back) > precision**0.5 * (abs(forth) + abs(back) + 1e-300)
