"""Terms that all run along diagonals of the matrix: a band, whose entries can be counted without sorting."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .labels import Indices, Label, sizes
from .structure import Structure
from .term import End, Term

MOST = 64
"""Diagonals beyond which sorting is no slower."""


@dataclass(frozen=True)
class Diagonal:
    """Values of term number ``term`` at (row, row + offset), (row + 1, row + 1 + offset) and so on."""

    term: int
    row: int
    offset: int
    length: int


def diagonals(structure: Structure, terms: Sequence[Term]) -> list[Diagonal] | None:
    """The terms as diagonals, both halves of those that are not symmetric; None if one of them is no diagonal."""
    found: list[Diagonal] = []
    for number, term in enumerate(terms):
        one, two = (_run(structure, end) for end in term.ends)
        if one is None or two is None or one[1] != two[1] or len(found) > MOST:
            return None
        length = math.prod(sizes(one[1]))
        found.append(Diagonal(number, one[0], two[0] - one[0], length))
        if not term.symmetric:
            found.append(Diagonal(number, two[0], one[0] - two[0], length))
    return found


def _run(structure: Structure, end: End) -> tuple[int, tuple[Label, ...]] | None:
    """The first entry and the labels of an end that runs over entries without gaps."""
    shape = end.variable.shape
    labels = tuple(label for axis in end.axes for label in axis.labels)
    start = structure.offsets[end.variable]
    if any(axis.table is not None for axis in end.axes) or len(set(labels)) < len(labels):
        return None
    if not all(axis.covers(length) for axis, length in zip(end.axes[1:], shape[1:], strict=True)):
        return None
    first = end.axes[0].offset * math.prod(shape[1:]) if shape else 0
    return start + first, labels


def placed(size: int, found: Sequence[Diagonal]) -> tuple[Indices, Indices, list[Indices]]:
    """Row and column of each distinct entry, row by row, and for each diagonal the numbers of its entries."""
    offsets = sorted({diagonal.offset for diagonal in found})
    present = np.zeros((len(offsets), size), np.int8)
    for diagonal in found:
        present[offsets.index(diagonal.offset), diagonal.row : diagonal.row + diagonal.length] = 1
    rank = np.cumsum(present, axis=0, dtype=np.int32) - present
    counts = present.sum(axis=0, dtype=np.int64)
    starts = np.cumsum(counts) - counts
    total = int(counts.sum())
    rows = np.repeat(np.arange(size), counts)
    columns = np.empty(total, np.int64)
    numbers = [starts + r for r in rank]
    for offset, here, number in zip(offsets, present.astype(bool), numbers, strict=True):
        columns[number[here]] = np.flatnonzero(here) + offset
    positions = [
        numbers[offsets.index(diagonal.offset)][diagonal.row : diagonal.row + diagonal.length] for diagonal in found
    ]
    return rows, columns, positions
