"""The unrolled lowering: every coefficient of every stream is an operation of its own. Fast for small orders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax

from osculate._errors import Unreadable
from osculate._trace import Trace

from .algebra import Algebra, Arrays, Coefficients
from .network import Lowering, Network, Unrolled
from .stream import Stream


def coefficients(
    asked: str,
    trace: Trace,
    series: Sequence[Coefficients],
    order: int,
    algebra: Algebra | None = None,
    lowering: Callable[[int], Lowering] = Unrolled,
) -> list[list[Any]]:
    """Coefficients 0 … ``order`` of each output, from those of each input; zeros are written out.

    ``series[i]`` is coefficient 0, 1, … of input i, with None for zero.
    """
    network = Network(asked, Arrays() if algebra is None else algebra, order, lowering)
    inputs = [
        network.series(v, [*row, *[None] * (order + 1 - len(row))]) for v, row in zip(trace.inputs, series, strict=True)
    ]
    try:
        outputs = network.settled(trace, inputs)
        return [_written_out(stream, order) for stream in outputs]
    except jax.errors.UnexpectedTracerError as error:
        raise Unreadable(
            asked,
            "a custom rule in the function keeps a value of a trace that has ended; JAX cannot differentiate it twice",
            remedy="rewrite the custom rule so that it makes its constants itself; NumPy functions (scipy.special.exp1 "
            "instead of jax.scipy.special.exp1) have rules of their own here",
        ) from error


def _written_out(stream: Stream, order: int) -> list[Any]:
    if not stream.variable.inexact:
        return [stream.value(0)] + [stream.algebra.zeros(stream.variable, k) for k in range(1, order + 1)]
    return [stream.value(k) for k in range(order + 1)]
