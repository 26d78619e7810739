"""The dense matrix: blocks as products, deltas as sums into entries, each block once and mirrored."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from .arrays import Array
from .entries import Entries, entries
from .factors import Factor, broadcast
from .labels import Axes, Axis, Label
from .structure import Structure
from .term import End, Term, single


@dataclass(frozen=True)
class Rectangle:
    """Where a block stands in the matrix."""

    row: int
    column: int
    height: int
    width: int


@dataclass(frozen=True, eq=False)
class MatrixPlan:
    """Which arrays to compute for a dense matrix, and where they go."""

    size: int
    blocks: tuple[tuple[Rectangle, bool, Array], ...]
    scattered: Entries | None

    @property
    def arrays(self) -> list[Array]:
        """All arrays to compute, those of the blocks first."""
        return [array for _, _, array in self.blocks] + list(self.scattered.arrays if self.scattered else ())

    def assembled(self, values: Sequence[Any], dtype: Any) -> Any:
        """The matrix from the values of ``arrays``."""
        count = len(self.blocks)
        matrix = _of_blocks(self.size, [(r, s, v) for (r, s, _), v in zip(self.blocks, values, strict=False)], dtype)
        if self.scattered is None:
            return jnp.zeros((self.size, self.size), dtype) if matrix is None else matrix
        added = self.scattered.added(values[count:]).astype(dtype)
        if self.scattered.count == self.size**2:
            whole = added.reshape(self.size, self.size)
            return whole if matrix is None else matrix + whole
        matrix = jnp.zeros((self.size, self.size), dtype) if matrix is None else matrix
        rows, columns = self.scattered.rows.astype(np.int32), self.scattered.columns.astype(np.int32)
        return matrix.at[rows, columns].add(added, unique_indices=True, indices_are_sorted=True)


def matrix_plan(structure: Structure) -> MatrixPlan:
    """How the terms of a structure make a dense matrix."""
    blocks: list[tuple[Rectangle, bool, Array]] = []
    scattered: list[Term] = []
    for term in structure.terms:
        block = as_block(term)
        if block is None:
            scattered.append(term)
        else:
            blocks.append(_block(structure, block))
    return MatrixPlan(structure.size, tuple(blocks), entries(structure, scattered) if scattered else None)


SHORT = 8
"""Longest delta that is written as a unit matrix."""


def as_block(term: Term) -> Term | None:
    """The term without a label at both ends, if it runs over a block: a short delta is written as a unit matrix."""
    if any(axis.table is not None for end in term.ends for axis in end.axes):
        return None
    one, two = ([label for axis in end.axes for label in axis.labels] for end in term.ends)
    if len(one) > len(set(one)) or len(two) > len(set(two)):
        return None
    shared = set(one) & set(two)
    if math.prod(label.size for label in shared) > SHORT:
        return None
    renamed = {label: Label(label.size) for label in shared}
    axes = tuple(Axis(tuple(renamed.get(label, label) for label in a.labels), a.offset) for a in term.ends[1].axes)
    units = tuple(Factor(_unit(label.size), (label, new)) for label, new in renamed.items())
    return replace(term, factors=(*term.factors, *units), ends=(term.ends[0], End(term.ends[1].variable, axes)))


def _unit(size: int) -> Array:
    return Array((size, size), (), lambda: jnp.eye(size))


def _block(structure: Structure, term: Term) -> tuple[Rectangle, bool, Array]:
    array = broadcast(single(term), [label for end in term.ends for axis in end.axes for label in axis.labels])
    shapes = [_box(end.axes) for end in term.ends]
    pads: list[tuple[int, int, int]] = []
    spans: list[tuple[int, int]] = []
    for end, box in zip(term.ends, shapes, strict=True):
        shape, start = end.variable.shape, structure.offsets[end.variable]
        if all(length == full for length, full in zip(box[1:], shape[1:], strict=True)):
            inner = math.prod(shape[1:])  # whole rows: a part of the entries without gaps
            first = end.axes[0].offset if shape else 0
            spans.append((start + first * inner, math.prod(box)))
            pads += [(0, 0, 0)] * len(box)
        else:
            spans.append((start, math.prod(shape)))
            pads += [(a.offset, n - a.offset - b, 0) for a, n, b in zip(end.axes, shape, box, strict=True)]
    (row, height), (column, width) = spans
    wide = tuple(shapes[0] + shapes[1])

    def placed(value: Any) -> Any:
        value = jnp.reshape(value, wide)
        if any(pad != (0, 0, 0) for pad in pads):
            value = lax.pad(value, jnp.zeros((), value.dtype), pads)
        return jnp.reshape(value, (height, width))

    return Rectangle(row, column, height, width), term.symmetric, Array((height, width), (array,), placed)


def _box(axes: Axes) -> tuple[int, ...]:
    return tuple(axis.span for axis in axes)


def _of_blocks(size: int, blocks: Sequence[tuple[Rectangle, bool, Any]], dtype: Any) -> Any:
    """The sum of blocks and of the transposes of those that are not symmetric."""
    sums: dict[Rectangle, Any] = {}
    halves: dict[Rectangle, Any] = {}
    for place, symmetric, value in blocks:
        kept = sums if symmetric else halves
        kept[place] = kept[place] + value if place in kept else value
    for place, value in halves.items():
        turned = Rectangle(place.column, place.row, place.width, place.height)
        for where, part in ((place, value), (turned, value.T)):
            sums[where] = sums[where] + part if where in sums else part
    if not sums:
        return None
    whole = sums.pop(Rectangle(0, 0, size, size), None)
    matrix = jnp.zeros((size, size), dtype) if whole is None else whole.astype(dtype)
    written = [Rectangle(0, 0, size, size)] if whole is not None else []
    for place, value in sums.items():
        value = value.astype(dtype)
        if any(_meet(place, other) for other in written):
            corner = (place.row, place.column)
            there = lax.slice(matrix, corner, (place.row + place.height, place.column + place.width))
            value = value + there
        matrix = lax.dynamic_update_slice(matrix, value, (place.row, place.column))
        written.append(place)
    return matrix


def _meet(one: Rectangle, two: Rectangle) -> bool:
    rows = one.row < two.row + two.height and two.row < one.row + one.height
    return rows and one.column < two.column + two.width and two.column < one.column + one.width
