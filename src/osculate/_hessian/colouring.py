"""Star colouring of a symmetric pattern: columns of one colour are computed by one product, every entry is read off.

Two columns may share a colour if each entry of theirs can still be found, in its own place or in its mirror image
(Coleman and Moré, "Estimation of sparse Hessian matrices and graph coloring problems", *Mathematical Programming* 28
(1984), section 3). In the graph of the pattern that is a star colouring: neighbours differ, and no path of four
vertices has two colours (Gebremedhin, Manne and Pothen, "What color is your Jacobian?", *SIAM Review* 47 (2005),
section 4.3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Integers = np.ndarray[Any, np.dtype[np.integer[Any]]]

_TABLE = 5 * 10**7
"""Numbers in the largest table of counts; beyond it, counting goes by sorting."""

_TRIED = 5 * 10**5
"""Entries up to which several colourings are tried; a larger pattern takes the first."""


@dataclass(frozen=True, eq=False)
class Colouring:
    """Colours of the columns, and where each entry is found among the products.

    Attributes
    ----------
    colours : array of int, shape (n,)
        The colour of each column, from 0.
    count : int
        How many there are: products for one Hessian.
    source : array of int, shape (entries,)
        Entry k of the pattern is number ``source[k]`` of the products, laid out as (colour, row) in one row.
    """

    colours: Integers
    count: int
    source: Integers


def star_colouring(rows: Integers, columns: Integers, size: int) -> Colouring:
    """Colour the columns of a symmetric pattern given by all its entries (both triangles), in any order.

    Dense rows get colours of their own first; then the best of a few greedy colourings is taken. The work is linear in
    the number of entries.
    """
    rows, columns = np.asarray(rows, np.int64), np.asarray(columns, np.int64)
    if 2 * len(rows) > size * size:
        colours: Integers = np.arange(size)  # nothing to be gained in a dense matrix
    else:
        colours = _coloured(rows, columns, size)
    source = recovery(rows, columns, colours)
    assert source is not None, "a star colouring leaves no entry behind"
    return Colouring(colours, int(colours.max(initial=-1)) + 1, source)


def recovery(rows: Integers, columns: Integers, colours: Integers) -> Integers | None:
    """Where each entry stands alone among the products; None if one of them never does.

    Entries (i, j) and (j, i) are read from the same place, so that the matrix comes out symmetric to the last bit.
    """
    size = len(colours)
    own = colours[columns] * size + rows
    mirrored = colours[rows] * size + columns
    alone, mirror_alone = _alone(own, mirrored, size * (int(colours.max(initial=-1)) + 1))
    if not (alone | mirror_alone).all():
        return None
    first = np.where(rows <= columns, alone, ~mirror_alone)
    return np.where(first, own, mirrored)


def _alone(keys: Integers, mirrored: Integers, span: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Whether each of ``keys`` occurs once among them, and the same for ``mirrored``, which are the same numbers."""
    if span <= _TABLE:
        once = np.bincount(keys, minlength=span) == 1
        return once[keys], once[mirrored]
    values, counts = np.unique(keys, return_counts=True)
    once = counts == 1
    return once[np.searchsorted(values, keys)], once[np.searchsorted(values, mirrored)]


def _coloured(rows: Integers, columns: Integers, size: int) -> Integers:
    edge = rows != columns
    rows, columns = rows[edge], columns[edge]
    hubs = dense_rows(np.bincount(rows, minlength=size))
    hub = np.zeros(size, bool)
    hub[hubs] = True
    kept = ~(hub[rows] | hub[columns])
    rows, columns = rows[kept], columns[kept]
    colours: Integers = np.zeros(size, np.int64)
    if len(rows):
        colours = _better(rows, columns, size)
    others = int(colours[~hub].max(initial=-1)) + 1
    colours[hubs] = others + np.arange(len(hubs))
    return colours


def dense_rows(degrees: Integers) -> Integers:
    """The rows that are worth a product each: with them set aside, the largest degree falls by more than half.

    A product for each of the k densest rows, and about as many for the rest as its largest degree.
    """
    order = np.argsort(-degrees, kind="stable")
    falling = degrees[order]
    peeled = np.arange(len(order) + 1)
    rest = np.append(np.maximum(falling - peeled[:-1], 0), 0)
    best = int(np.argmin(peeled + rest))
    return order[:best] if 2 * (best + rest[best]) < rest[0] else order[:0]


def _better(rows: Integers, columns: Integers, size: int) -> Integers:
    order = np.argsort(rows, kind="stable")
    degrees = np.bincount(rows, minlength=size)
    starts = np.concatenate([[0], np.cumsum(degrees)]).tolist()
    targets: list[int] = columns[order].tolist()
    neighbours = [targets[starts[v] : starts[v + 1]] for v in range(size)]
    best = _greedy(neighbours, range(size))
    # A path of four needs three colours; regular patterns come out as their widest row, and irregular ones vary.
    if max(best) + 1 > 3 and len(rows) < _TRIED:
        best = min(best, _apart(neighbours), _greedy(neighbours, _smallest_last(neighbours)), key=max)
    return np.array(best)


def _apart(neighbours: Sequence[Sequence[int]]) -> list[int]:
    """No two vertices of one colour with a common neighbour: the best for stencils, whose rows are all alike."""
    colour = [-1] * len(neighbours)
    around = [0] * len(neighbours)
    for v, adjacent in enumerate(neighbours):
        forbidden = around[v]
        for w in adjacent:
            forbidden |= around[w]
        free = ~forbidden & (forbidden + 1)
        colour[v] = free.bit_length() - 1
        for w in adjacent:
            around[w] |= free
    return colour


def _smallest_last(neighbours: Sequence[Sequence[int]]) -> list[int]:
    """The vertices, each with as few neighbours before it as can be: one of smallest degree is taken off at a time."""
    degree = list(map(len, neighbours))
    waiting: list[list[int]] = [[] for _ in range(max(degree) + 1)]
    for v, d in enumerate(degree):
        waiting[d].append(v)
    taken: list[int] = []
    least = 0
    while len(taken) < len(neighbours):
        while not waiting[least]:
            least += 1
        v = waiting[least].pop()
        if degree[v] != least:
            continue  # it has moved to a smaller degree, or is taken
        degree[v] = -1
        taken.append(v)
        for w in neighbours[v]:
            if degree[w] > 0:
                degree[w] -= 1
                waiting[degree[w]].append(w)
        least = max(least - 1, 0)
    return taken[::-1]


def _greedy(neighbours: Sequence[Sequence[int]], order: Sequence[int]) -> list[int]:
    """The smallest colour for one vertex after the other that leaves no path of four in two colours.

    Sets of colours are the bits of an integer, so that each edge is looked at a few times only. In a path v–w–x–y in
    two colours v would have the colour of x, and w that of y. ``barred[w]`` are the colours of such x, neighbours of w
    with another neighbour of w's colour; and where v itself has several neighbours in one colour, none of their
    neighbours' colours will do.
    """
    colour = [-1] * len(neighbours)
    around = [0] * len(neighbours)  # the colours of the neighbours
    repeated = [0] * len(neighbours)  # those that occur more than once
    barred = [0] * len(neighbours)
    for v in order:
        adjacent = neighbours[v]
        twice, forbidden = repeated[v], around[v]
        for w in adjacent:
            if colour[w] >= 0:
                forbidden |= barred[w]
                if twice >> colour[w] & 1:
                    forbidden |= around[w]
        free = ~forbidden & (forbidden + 1)
        mine = colour[v] = free.bit_length() - 1
        for w in adjacent:
            theirs = colour[w]
            if theirs >= 0:
                if twice >> theirs & 1:
                    barred[w] |= free
                if around[w] & free:
                    barred[v] |= 1 << theirs
                    if not repeated[w] & free:
                        _bar(neighbours[w], colour, mine, v, barred, 1 << theirs)
            repeated[w] |= around[w] & free
            around[w] |= free
    return colour


def _bar(adjacent: Sequence[int], colour: list[int], mine: int, but: int, barred: list[int], bit: int) -> None:
    """Bar a colour at the one other vertex of colour ``mine`` among ``adjacent``."""
    for x in adjacent:
        if colour[x] == mine and x != but:
            barred[x] |= bit
            return
