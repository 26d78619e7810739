"""Arrays over labels: products and sums of them, in the cheapest order, and their restriction to part of a label."""

from __future__ import annotations

import string
from collections.abc import Collection, Mapping, Sequence
from math import prod
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import lax

from .arrays import Array
from .labels import Axes, Indices, Label, Labels, over, sizes, spread, union


class Factor(NamedTuple):
    """An array and the label of each of its axes."""

    array: Array
    labels: Labels


def transposed(factor: Factor, labels: Sequence[Label]) -> Array:
    """The array as one that broadcasts over ``labels``, of which it has some."""
    array, have = factor
    if tuple(labels) == have:
        return array
    order = [have.index(label) for label in labels if label in have]
    shape = tuple(label.size if label in have else 1 for label in labels)

    def compute(value: Any) -> Any:
        return jnp.reshape(jnp.transpose(value, order), shape)

    return Array(shape, (array,), compute)


def broadcast(factor: Factor, labels: Sequence[Label]) -> Array:
    """The array with every one of ``labels``, repeated along those that it has not."""
    shape = sizes(labels)
    narrow = transposed(factor, labels)
    return narrow if narrow.shape == shape else Array(shape, (narrow,), lambda value: jnp.broadcast_to(value, shape))


def times(wide: Factor, narrow: Factor) -> Factor:
    """The product entry by entry, where the first has all labels of the second."""
    other = transposed(narrow, wide.labels)
    return Factor(Array(wide.array.shape, (wide.array, other), jnp.multiply, wide.array.size), wide.labels)


def plus(wide: Factor, narrow: Factor) -> Factor:
    """The sum entry by entry, where the first has all labels of the second."""
    other = transposed(narrow, wide.labels)
    return Factor(Array(wide.array.shape, (wide.array, other), jnp.add, wide.array.size), wide.labels)


def scaled(factor: Factor, coefficient: float) -> Factor:
    """A multiple of an array."""
    array = factor.array
    if coefficient == 1.0:
        return factor
    return Factor(Array(array.shape, (array,), lambda value: value * coefficient, array.size), factor.labels)


def reduced(factor: Factor, kept: Collection[Label]) -> Factor:
    """The sum over all labels but those ``kept``; a label that stands twice is read along its diagonal."""
    out = tuple(label for label in dict.fromkeys(factor.labels) if label in kept)
    if out == factor.labels:
        return factor
    return Factor(_einsum([factor], out), out)


def product(factors: Sequence[Factor], kept: Sequence[Label]) -> Factor:
    """Σ over all labels but those ``kept`` of the product of the factors, two at a time in the cheapest order."""
    factors = [reduced(f, _still_wanted(f, factors, kept)) for f in factors]
    while len(factors) > 1:
        i, j = _best_pair(factors, kept)
        rest = [f for k, f in enumerate(factors) if k not in (i, j)]
        wanted = {*kept, *(label for f in rest for label in f.labels)}
        out = tuple(label for label in dict.fromkeys((*factors[i].labels, *factors[j].labels)) if label in wanted)
        factors = [*rest, Factor(_einsum([factors[i], factors[j]], out), out)]
    return reduced(factors[0], kept)


def _still_wanted(factor: Factor, factors: Sequence[Factor], kept: Sequence[Label]) -> set[Label]:
    return {*kept, *(label for f in factors if f is not factor for label in f.labels)}


def _best_pair(factors: Sequence[Factor], kept: Sequence[Label]) -> tuple[int, int]:
    """The first step of the cheapest order: exhaustive for up to five factors, greedy for more."""
    count = len(factors)
    if count == 2:
        return 0, 1
    shapes = [frozenset(f.labels) for f in factors]
    pairs = [(i, j) for i in range(count) for j in range(i + 1, count)]
    exhaustive = count <= 5
    return min(pairs, key=lambda pair: _cost(shapes, pair, frozenset(kept), exhaustive))


def _cost(shapes: list[frozenset[Label]], pair: tuple[int, int], kept: frozenset[Label], onwards: bool) -> float:
    """Multiplications of contracting a pair first, and of the best that can follow."""
    i, j = pair
    rest = [s for k, s in enumerate(shapes) if k not in pair]
    both = shapes[i] | shapes[j]
    out = both & kept.union(*rest)
    here = float(prod(sizes(both))) + prod(sizes(out))
    if not onwards or len(rest) == 0:
        return here
    left = [*rest, out]
    following = [(a, b) for a in range(len(left)) for b in range(a + 1, len(left))]
    return here + min(_cost(left, p, kept, onwards) for p in following)


def _einsum(factors: Sequence[Factor], out: Labels) -> Array:
    labels = tuple(dict.fromkeys(label for f in factors for label in f.labels))
    letters = dict(zip(labels, string.ascii_letters, strict=False))
    operands = ",".join("".join(letters[label] for label in f.labels) for f in factors)
    spec = operands + "->" + "".join(letters[label] for label in out)
    work = float(prod(sizes(labels))) * (2 if len(factors) > 1 and len(out) < len(labels) else 1)
    arrays = tuple(f.array for f in factors)
    return Array(sizes(out), arrays, lambda *values: jnp.einsum(spec, *values), work, spec)


def read(array: Array, axes: Axes) -> Factor:
    """An array at the place that ``axes`` describe."""
    if any(axis.table is not None for axis in axes):
        labels = union(axes)
        places = tuple(over(axis, labels) for axis in axes)
        return Factor(Array(sizes(labels), (array,), lambda value: value[places]), labels)
    starts = [axis.offset for axis in axes]
    ends = [axis.offset + axis.span for axis in axes]
    labels = tuple(label for axis in axes for label in axis.labels)
    if tuple(ends) != array.shape or any(starts):
        cut = tuple(end - start for start, end in zip(starts, ends, strict=True))
        array = Array(cut, (array,), lambda value: lax.slice(value, starts, ends))
    shape = sizes(labels)
    if shape != array.shape:
        array = Array(shape, (array,), lambda value: jnp.reshape(value, shape))
    return reduced(Factor(array, labels), labels)


def taken(factor: Factor, places: Mapping[Label, Indices], into: Labels) -> Factor:
    """The factor where some labels are functions of the labels ``into``."""
    array, labels = factor
    moved = [label for label in labels if label in places]
    if not moved:
        return factor
    if len(moved) == 1 and len(into) == 1:
        axis, index = labels.index(moved[0]), places[moved[0]]
        first, size = int(index[0]) if index.size else 0, index.size
        new = labels[:axis] + into + labels[axis + 1 :]
        if (index == first + np.arange(size)).all():
            cut = Array(sizes(new), (array,), lambda value: lax.slice_in_dim(value, first, first + size, axis=axis))
        else:
            cut = Array(sizes(new), (array,), lambda value: jnp.take(value, index, axis=axis))
        return Factor(cut, new)
    rest = [label for label in labels if label not in places]
    out = (*into, *rest)
    at = tuple(
        spread(places[label], into, out) if label in places else spread(np.arange(label.size), [label], out)
        for label in labels
    )
    return Factor(Array(sizes(out), (array,), lambda value: value[at]), out)


def cut_label(factor: Factor, label: Label, parts: Labels) -> Factor:
    """The factor with a label cut into several whose row-major number it was."""
    array, labels = factor
    if label not in labels:
        return factor
    new = tuple(n for old in labels for n in (parts if old is label else (old,)))
    return Factor(Array(sizes(new), (array,), lambda value: jnp.reshape(value, sizes(new))), new)
