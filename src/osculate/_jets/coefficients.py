"""The Taylor coefficients of a program, by the lowering that suits the order and the size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from osculate._trace import Trace, lanes

from .algebra import Algebra, Coefficients
from .loop import HoldsLoop, Loop
from .network import Lowering, Network, Unrolled, leaks_named
from .stream import Stream
from .trees import Arrays

LOOP_FROM = 10
"""Orders from which a loop pays: on a 1-64-64-64-64-1 network both run as fast at 10, and it compiles in half the
time; at 20 it runs 1.3 and compiles 4 times as fast."""

LOOP_FROM_FOR_NUMBERS = 30
"""The same for programs of single numbers, which XLA fuses into one kernel however many operations they are: there
each loop costs as much to compile as all coefficients of order 29 of one function."""

NUMBERS = 16
"""Entries of the largest array up to which a program counts as one of single numbers."""

LOOP_FITS = 2_000_000
"""Bytes of coefficients up to which a loop pays: beyond, each step reads from outside of the cache what operations of
their own keep in registers (64 lanes of that network, 8 MB: 8 times slower)."""

LOOP_ALWAYS = 48
"""Orders from which compiling so many operations would take longer than any loop (16 s at 48)."""


def coefficients(
    asked: str,
    trace: Trace,
    series: Sequence[Coefficients],
    order: int,
    algebra: Algebra | None = None,
    lowering: Callable[[int], Lowering] | None = None,
) -> list[list[Any]]:
    """Coefficients 0 … ``order`` of each output, from those of each input; zeros are written out.

    ``series[i]`` is coefficient 0, 1, … of input i, with None for zero. A loop over the degree needs arrays; any other
    algebra is computed coefficient by coefficient.
    """
    if lowering is None:
        lowering = Loop if algebra is None and loop_pays(trace, series, order) else Unrolled
    with leaks_named(asked):
        try:
            return _computed(Network(asked, algebra or Arrays(), order, lowering), trace, series)
        except HoldsLoop:
            return _computed(Network(asked, algebra or Arrays(), order), trace, series)


def _computed(network: Network, trace: Trace, series: Sequence[Coefficients]) -> list[list[Any]]:
    order = network.order
    inputs = [
        network.series(v, [*row, *[None] * (order + 1 - len(row))]) for v, row in zip(trace.inputs, series, strict=True)
    ]
    return [_written_out(stream, order) for stream in network.settled(trace, inputs)]


def loop_pays(trace: Trace, series: Sequence[Coefficients], order: int) -> bool:
    """Whether one loop over the degree is better than an operation for each coefficient."""
    if order < LOOP_FROM or order >= LOOP_ALWAYS:
        return order >= LOOP_ALWAYS
    sizes = _bytes(trace)
    if order < LOOP_FROM_FOR_NUMBERS and max(sizes, default=0) <= NUMBERS * 8:
        return False
    width = sum(sizes) * lanes(list(series), [value for _, value in trace.constants])
    return width * (order + 1) <= LOOP_FITS


def _bytes(trace: Trace) -> list[int]:
    """Size of every floating-point result of a program; a body counts once, as its coefficients are used again."""
    own = [
        int(np.prod(v.shape)) * np.dtype(v.dtype).itemsize for node in trace.nodes for v in node.outputs if v.inexact
    ]
    return own + [size for node in trace.nodes for body in node.bodies for size in _bytes(body)]


def _written_out(stream: Stream, order: int) -> list[Any]:
    if not stream.variable.inexact:
        return [stream.value(0)] + [stream.algebra.zeros(stream.variable, k) for k in range(1, order + 1)]
    return [stream.value(k) for k in range(order + 1)]
