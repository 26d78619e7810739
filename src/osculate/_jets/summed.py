"""The lowering of collapsed jets: coefficients of a program's outputs, the last one summed over directions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from osculate._trace import Trace

from .collapsed import Collapsed
from .network import leaks_named
from .shared import SharedNetwork


def summed(asked: str, trace: Trace, rows: Sequence[Sequence[Any]], algebra: Collapsed) -> list[list[Any]]:
    """Coefficients 0 … K of each output; None for zero.

    ``rows[i]`` holds the coefficients of input i as far as they are not zero; those of degrees 1 … K − 1 are
    ``Spread``, one entry for each direction.
    """
    network = SharedNetwork(asked, algebra, algebra.top)
    inputs = [
        network.series(v, [*row, *[None] * (algebra.top + 1 - len(row))])
        for v, row in zip(trace.inputs, rows, strict=True)
    ]
    with leaks_named(asked):
        outputs = network.settled(trace, inputs)
        orders = range(algebra.top + 1)
        return [[s[k] if k == 0 or s.variable.inexact else None for k in orders] for s in outputs]
