"""Terms that are outer products: two ends without a label in common, tied by nothing, or by a short sum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import jax.numpy as jnp

from .arrays import Array
from .entries import entry_numbers
from .factors import Factor, broadcast, product, scaled
from .labels import Indices, Label, sizes
from .structure import Structure
from .term import Term

LONGEST = 64
"""Lengths of an inner sum up to which it is kept as outer products."""


@dataclass(frozen=True, eq=False)
class Outer:
    """Σ over k of first[i, k] second[j, k] at entry (rows[i], columns[j]); not symmetric: and the transpose."""

    rows: Indices
    columns: Indices
    first: Array
    second: Array
    symmetric: bool

    @property
    def rank(self) -> int:
        """How many products of two vectors."""
        return self.first.shape[1]


def outer(structure: Structure, term: Term) -> Outer | None:
    """The term as outer products; None where it is not a sum of few, or written out takes less."""
    sides = [tuple(dict.fromkeys(label for axis in end.axes for label in axis.labels)) for end in term.ends]
    spans = [prod(sizes(labels)) for labels in sides]
    if set(sides[0]) & set(sides[1]) or spans[0] * spans[1] <= 4 * structure.size or min(spans) < 8:
        return None
    parts = _parts(term, sides)
    if parts is None:
        return None
    first, second, inner = parts
    rank = inner.size if inner is not None else 1
    if spans[0] * spans[1] <= 4 * rank * sum(spans):
        return None
    rows, columns = (
        entry_numbers(structure, end, labels).reshape(-1) for end, labels in zip(term.ends, sides, strict=True)
    )
    return Outer(
        rows,
        columns,
        _columns(scaled(first, term.coefficient), sides[0], inner),
        _columns(second, sides[1], inner),
        term.symmetric,
    )


def _parts(term: Term, sides: Sequence[tuple[Label, ...]]) -> tuple[Factor, Factor, Label | None] | None:
    """The factors at each end, and the label of the sum between them."""
    apart: list[list[Factor]] = [[], []]
    between: list[Factor] = []
    for factor in term.factors:
        if set(factor.labels) <= set(sides[0]):
            apart[0].append(factor)
        elif set(factor.labels) <= set(sides[1]):
            apart[1].append(factor)
        else:
            between.append(factor)
    inner = None
    if len(between) == 1:
        split = _split(between[0], sides)
        if split is None:
            return None
        inner = split[2]
        apart[0].append(split[0])
        apart[1].append(split[1])
    elif between:
        return None
    joined = [_joined(factors, labels, inner) for factors, labels in zip(apart, sides, strict=True)]
    return joined[0], joined[1], inner


def _joined(factors: Sequence[Factor], labels: tuple[Label, ...], inner: Label | None) -> Factor:
    if not factors:
        return Factor(Array((), (), lambda: jnp.ones(())), ())
    wanted = (*labels, *(() if inner is None else (inner,)))
    present = {label for factor in factors for label in factor.labels}
    return product(factors, [label for label in wanted if label in present])


def _split(factor: Factor, sides: Sequence[tuple[Label, ...]]) -> tuple[Factor, Factor, Label] | None:
    """A contraction of two arrays as these arrays, where each belongs to one end but for one summed label."""
    array = factor.array
    if array.einsum is None or len(array.inputs) != 2:
        return None
    operands, _, result = array.einsum.partition("->")
    names = operands.split(",")
    label_of = dict(zip(result, factor.labels, strict=True))
    inner_names = set(names[0] + names[1]) - set(result)
    if len(inner_names) != 1 or any(len(set(name)) < len(name) for name in names):
        return None
    inner_name = inner_names.pop()
    if inner_name not in names[0] or inner_name not in names[1]:
        return None
    inner = Label(array.inputs[0].shape[names[0].index(inner_name)])
    if inner.size > LONGEST:
        return None
    label_of[inner_name] = inner
    pair = [Factor(a, tuple(label_of[c] for c in name)) for a, name in zip(array.inputs, names, strict=True)]
    for one, two in (pair, pair[::-1]):
        if set(one.labels) - {inner} <= set(sides[0]) and set(two.labels) - {inner} <= set(sides[1]):
            return one, two, inner
    return None


def _columns(factor: Factor, labels: tuple[Label, ...], inner: Label | None) -> Array:
    """The array at one end as a matrix, a row for each value of the labels, a column for each of the inner one."""
    wanted = (*labels, *(() if inner is None else (inner,)))
    whole = broadcast(factor, wanted)
    shape = (prod(sizes(labels)), 1 if inner is None else inner.size)
    return Array(shape, (whole,), lambda value: jnp.reshape(value, shape))
