"""The structure of a Jacobian: the walk of edge pushing with one end of each term left standing at an output.

The Jacobian of f is the mixed second derivative of λ·f(x) in λ and x. Seen so, its adjoint at the outputs is a
Kronecker delta between λ and f, and the other end of that delta is pulled back to the inputs by the same rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from osculate._trace import Literal, Trace, Variable

from .arrays import Array
from .flat import flattened
from .labels import fresh
from .stages import stages
from .structure import Structure, TooManyTerms
from .sweep import Sweep, TooMuch, evaluated, step
from .term import End, new_term


def read_first_order(
    trace: Trace, outputs: int, given: Mapping[Variable, Any] | None = None
) -> Structure | TooManyTerms:
    """Read the first derivatives of the first ``outputs`` outputs of ``trace``.

    The result's inputs are those of the trace and after them one array for each output, so the entries below the
    diagonal are the Jacobian's: their row, less the number of unknowns, is that of the output.
    """
    flat = flattened(trace, given, outputs)
    values = {v: Array(v.shape) for v in (*flat.inputs, *flat.constants)}
    sources = dict(values)
    weights = tuple(Variable(v.shape, v.dtype) for v in flat.outputs)
    values |= {weight: Array(weight.shape) for weight in weights}
    sweep = Sweep(flat, values)
    order = stages(flat)
    for stage in order:
        evaluated(sweep, stage)
    try:
        for weight, output in zip(weights, flat.outputs, strict=True):
            if not isinstance(output, Literal) and sweep.moves(output) and 0 not in output.shape:
                axes = fresh(output.shape)
                sweep.put(new_term((), End(weight, axes), End(output, axes), symmetric=False))
        for stage in reversed(order):
            if stage.results:
                step(sweep, stage)
    except TooMuch as reached:
        return TooManyTerms(str(reached))
    dense = {fallback.primitive for fallback in sweep.fallbacks}
    names = {node.name for stage in order if stage.results for node in stage.nodes} - dense
    return Structure(
        (*trace.inputs, *weights),
        tuple(term for terms in sweep.terms.values() for term in terms),
        Array(()),
        (),
        sources,
        {v: value for v, value in flat.constants.items() if v not in dict(trace.constants)},
        tuple(sweep.fallbacks),
        tuple(sorted(names)),
    )
