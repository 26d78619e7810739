"""Index notation: labels that run, and for each axis of an array the index that the labels give."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Indices = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Label:
    """A running index; two labels are equal only if identical."""

    size: int


Labels = tuple[Label, ...]


@dataclass(frozen=True, eq=False)
class Axis:
    """The index along one axis of an array, as a function of labels.

    Without a ``table`` it is ``offset`` plus the row-major number of the labels; with one it is ``table[labels]``.
    """

    labels: Labels
    offset: int = 0
    table: Indices | None = None

    @property
    def span(self) -> int:
        """How many values the labels take together."""
        return math.prod(sizes(self.labels))

    def indices(self) -> Indices:
        """The index for every value of the labels, as an array over them."""
        if self.table is not None:
            return self.table
        return (self.offset + np.arange(self.span)).reshape(sizes(self.labels))

    def covers(self, length: int) -> bool:
        """Whether it runs over a whole axis of this length in order."""
        return self.table is None and self.offset == 0 and self.span == length


Axes = tuple[Axis, ...]
POINT = Axis(())
"""The only index of an axis of length one."""


def sizes(labels: Iterable[Label]) -> tuple[int, ...]:
    """Length of each label."""
    return tuple(label.size for label in labels)


def fresh_axis(length: int) -> Axis:
    """A whole axis under a label of its own."""
    return POINT if length == 1 else Axis((Label(length),))


def fresh(shape: Sequence[int]) -> Axes:
    """All axes of an array, each under a label of its own."""
    return tuple(map(fresh_axis, shape))


def union(axes: Iterable[Axis]) -> Labels:
    """The labels of several axes, each once, in the order of first use."""
    return tuple(dict.fromkeys(label for axis in axes for label in axis.labels))


def spread(array: Indices, have: Sequence[Label], labels: Sequence[Label]) -> Indices:
    """An array over the labels ``have`` as one that broadcasts over ``labels``."""
    kept = [label for label in labels if label in have]
    turned = array.transpose([list(have).index(label) for label in kept])
    return turned.reshape([label.size if label in have else 1 for label in labels])


def over(axis: Axis, labels: Sequence[Label]) -> Indices:
    """The index along an axis as an array that broadcasts over ``labels``."""
    return spread(axis.indices(), axis.labels, labels)


def mapped(labels: Sequence[Label], array: Indices) -> Axis:
    """The axis whose index is ``array`` over ``labels``; without a table where that is possible."""
    labels = tuple(labels)
    array = np.broadcast_to(array, sizes(labels))
    kept = [k for k in range(len(labels)) if labels[k].size > 1 and not (array == array.take([0], k)).all()]
    if len(kept) < len(labels):
        return mapped(
            [labels[k] for k in kept], array[tuple(slice(None) if k in kept else 0 for k in range(len(labels)))]
        )
    first = int(array.flat[0]) if array.size else 0
    flat = array.reshape(-1)
    if (flat == first + np.arange(flat.size)).all():
        return Axis(labels, first)
    return Axis(labels, 0, np.ascontiguousarray(array))


def joint(axes: Axes, shape: Sequence[int], labels: Sequence[Label]) -> Indices:
    """The row-major number of an entry of an array of this shape, over ``labels``."""
    number: Indices = np.zeros((1,) * len(labels), np.int64)
    for axis, length in zip(axes, shape, strict=True):
        number = number * length + over(axis, labels)
    return np.broadcast_to(number, sizes(labels))


def apart(labels: Sequence[Label], numbers: Indices, shape: Sequence[int]) -> Axes:
    """The axes of an array of this shape whose entries have these row-major numbers."""
    return tuple(mapped(labels, index) for index in np.unravel_index(numbers, tuple(shape))) if shape else ()


def restricted(axis: Axis, taken: Mapping[Label, Indices], into: Labels) -> Axis:
    """The axis where some labels are functions of the labels ``into``: ``taken[label]`` is an array over those."""
    if not any(label in taken for label in axis.labels):
        return axis
    if axis.table is None and len(axis.labels) == 1:
        return mapped(into, axis.offset + taken[axis.labels[0]])
    rest = [label for label in axis.labels if label not in taken]
    labels = (*into, *rest)
    places = tuple(
        spread(taken[label], into, labels) if label in taken else spread(np.arange(label.size), [label], labels)
        for label in axis.labels
    )
    return mapped(labels, axis.indices()[places])


def relabelled(axis: Axis, label: Label, parts: Labels) -> Axis:
    """The axis with a label cut into several whose row-major number it was."""
    labels = tuple(new for old in axis.labels for new in (parts if old is label else (old,)))
    return Axis(labels, axis.offset, None if axis.table is None else axis.table.reshape(sizes(labels)))
