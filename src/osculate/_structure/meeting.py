"""Values that meet at one entry: few by gathers, many by sums of rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np

from .labels import Indices

FEW = 4
"""Values at one entry, and different numbers of them, up to which they are gathered side by side."""


@dataclass(frozen=True, eq=False)
class Meeting:
    """Which values (by their place) are added at which of ``count`` entries.

    Column k of ``table`` holds the places of the few values at entry k, −1 for none. ``crowds`` are entries with the
    same larger number of values each, a row of places for each; ``rest`` are pairs of a place and an entry.
    """

    count: int
    table: Indices
    crowds: tuple[tuple[Indices, Indices], ...]
    rest: tuple[Indices, Indices]

    def added(self, values: Any) -> Any:
        """The value of each entry."""
        total = _side_by_side(values, self.table, self.count)
        for entries, places in self.crowds:
            sums = _at(values, places).sum(1)
            total = total.at[entries].add(sums, unique_indices=True, indices_are_sorted=True)
        places, entries = self.rest
        return total.at[entries].add(_at(values, places), indices_are_sorted=True) if len(places) else total


def meeting(keys: Indices, places: Indices) -> tuple[Indices, Meeting]:
    """The distinct keys in order, and how the values at ``places`` are added at them."""
    order = np.argsort(keys, kind="stable")
    keys, places = keys[order], places[order]
    first = np.ones(len(keys), bool)
    first[1:] = keys[1:] != keys[:-1]
    starts = np.flatnonzero(first)
    counts = np.diff(np.append(starts, len(keys)))
    few = counts <= FEW
    table = np.full((int(counts[few].max(initial=0)), len(starts)), -1, np.int32)
    for k in range(len(table)):
        here = np.flatnonzero(few & (counts > k))
        table[k, here] = places[starts[here] + k]
    crowds: list[tuple[Indices, Indices]] = []
    sizes = np.unique(counts[~few])
    if len(sizes) <= FEW:
        for size in sizes:
            here = np.flatnonzero(counts == size)
            crowds.append((here.astype(np.int32), places[starts[here][:, None] + np.arange(size)]))
        many = np.zeros(len(keys), bool)
    else:
        many = np.repeat(~few, counts)
    entry = np.repeat(np.arange(len(starts)), counts)
    rest = places[many], entry[many].astype(np.int32)
    return keys[starts], Meeting(len(starts), table, tuple(crowds), rest)


def _side_by_side(values: Any, table: Indices, count: int) -> Any:
    total: Any = None
    for row in table:
        if (row >= 0).all():
            part = values if np.array_equal(row, np.arange(len(values))) else _at(values, row)
        else:
            part = jnp.where(row >= 0, _at(values, np.maximum(row, 0)), 0)
        total = part if total is None else total + part
    return jnp.zeros(count, values.dtype) if total is None else total


def _at(values: Any, places: Indices) -> Any:
    return values.at[places.astype(np.int32)].get(mode="promise_in_bounds")
