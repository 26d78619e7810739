"""What has to be said with a result: where f is not differentiable, and which orders are too large to be held."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from osculate._arguments import Point
from osculate._errors import warn
from osculate._kinks import warn_of_kinks
from osculate._trace import function_location, is_traced


def say_caveats(here: Point, value: Any, orders: Sequence[tuple[int, Any]]) -> None:
    """Warn once, as ``RuntimeWarning``; inside JAX's transformations there are no values to judge.

    ``orders`` holds pairs of an order and what was computed for it, shaped like ``value``.
    """
    if is_traced(value, [entry for _, entry in orders]):
        return
    highest = max(k for k, _ in orders)
    if not warn_of_kinks(here.asked, here.trace, jax.tree.leaves(here.primals), highest):
        _say_too_large(here, value, orders)


def _say_too_large(here: Point, value: Any, orders: Sequence[tuple[int, Any]]) -> None:
    for k, entry in orders:
        lost, largest = _lost(value, entry)
        if not lost:
            continue
        warn(
            here.asked,
            f"order {k} is not finite at {lost} {'entry' if lost == 1 else 'entries'} where f is, and those above "
            f"follow from it: it exceeds what the dtype holds ({largest:.2g}), or f has no such derivative there",
            where=function_location(here.function),
            remedy="ask for fewer orders, or for a function of a scaled variable; osculate.taylor gives f⁽ᵏ⁾/k!, which "
            "stays finite longer than osculate.derivative",
        )
        return


def _lost(value: Any, entry: Any) -> tuple[int, float]:
    """How many entries are not finite although f is, and the largest number of their dtype."""
    count, largest = 0, np.inf
    for first, found in zip(jax.tree.leaves(value), jax.tree.leaves(entry), strict=True):
        found = np.asarray(found)
        if np.issubdtype(found.dtype, np.inexact):
            count += int(np.sum(~np.isfinite(found) & np.isfinite(np.asarray(first))))
            largest = min(largest, float(np.finfo(found.dtype).max))
    return count, largest
