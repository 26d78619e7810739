"""The entries of the matrix that terms stand on: their numbers, once each, and how values are added up into them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax.numpy as jnp
import numpy as np

from .arrays import Array
from .factors import Factor, broadcast
from .labels import Indices, Labels, joint
from .structure import Structure
from .term import End, Term, single

LARGEST = 2 * 10**8
"""Entries of a pattern beyond which it is not written out."""


@dataclass(frozen=True, eq=False)
class Entries:
    """Where values go: ``keys`` are row × n + column, increasing; ``sources`` say which value is added where."""

    size: int
    keys: Indices
    sources: Indices
    arrays: tuple[Array, ...]

    @property
    def rows(self) -> Indices:
        """Row of each entry."""
        return self.keys // self.size

    @property
    def columns(self) -> Indices:
        """Column of each entry."""
        return self.keys % self.size

    def added(self, values: Sequence[Any]) -> Any:
        """The value of each entry, from the values of ``arrays``."""
        flat = jnp.concatenate([jnp.reshape(value, -1) for value in values]) if values else jnp.zeros(0)
        return combined(flat, self.sources, len(self.keys))


def entry_numbers(structure: Structure, end: End, labels: Labels) -> Indices:
    """The number of the input entry at one end, for every value of the labels."""
    start = structure.offsets[end.variable]
    return start + joint(end.axes, end.variable.shape, labels)


def entries(structure: Structure, terms: Sequence[Term], triangle: bool = False) -> Entries:
    """The entries of these terms; with ``triangle`` only those with row ≥ column."""
    size = structure.size
    keys: list[Indices] = []
    arrays: list[Array] = []
    places: list[Indices] = []
    before = 0
    for term in terms:
        labels = term.open_labels
        span = math.prod(label.size for label in labels)
        if span > LARGEST:
            raise MemoryError(f"a pattern of more than {LARGEST} entries")
        rows, columns = (entry_numbers(structure, end, labels).reshape(-1) for end in term.ends)
        arrays.append(broadcast(single(term), labels))
        here = np.arange(before, before + span)
        before += span
        keys.append(rows * size + columns)
        places.append(here)
        if not term.symmetric:
            keys.append(columns * size + rows)
            places.append(here)
    key = np.concatenate(keys) if keys else np.zeros(0, np.int64)
    place = np.concatenate(places) if places else np.zeros(0, np.int64)
    if triangle:
        lower = key // size >= key % size
        key, place = key[lower], place[lower]
    unique, sources = _grouped(key, place)
    return Entries(size, unique, sources, tuple(arrays))


def _grouped(key: Indices, place: Indices) -> tuple[Indices, Indices]:
    """The distinct keys in order, and a table of places: column k holds those added at key k, −1 for none."""
    order = np.argsort(key, kind="stable")
    key, place = key[order], place[order]
    first = np.ones(len(key), bool)
    first[1:] = key[1:] != key[:-1]
    starts = np.flatnonzero(first)
    counts = np.diff(np.append(starts, len(key)))
    most = int(counts.max()) if len(counts) else 0
    table = np.full((most, len(starts)), -1, np.int64)
    within = np.arange(len(key)) - np.repeat(starts, counts)
    table[within, np.repeat(np.arange(len(starts)), counts)] = place
    return key[starts], table


def combined(values: Any, table: Indices, count: int) -> Any:
    """The sum of the values at the places of each column of the table."""
    if not len(table):
        return jnp.zeros(count, values.dtype)
    if (table >= 0).sum() * 4 < table.size:  # few entries with many summands: one sum into entries
        summand, entry = np.nonzero(table >= 0)
        return jnp.zeros(count, values.dtype).at[entry].add(values[table[summand, entry]])
    total: Any = None
    for row in table:
        here = np.flatnonzero(row >= 0)
        if len(here) == count:
            part = values if np.array_equal(row, np.arange(len(values))) else values[row]
            total = part if total is None else total + part
        else:
            part = jnp.where(row >= 0, values[np.maximum(row, 0)], 0)
            total = part if total is None else total + part
    return total


def as_block(term: Term, limit: int = 8) -> Term | None:
    """The term without a label at both ends, if it runs over a block: a short delta is written as a unit matrix."""
    from .labels import Axis, Label

    if any(axis.table is not None for end in term.ends for axis in end.axes):
        return None
    one, two = ({label for axis in end.axes for label in axis.labels} for end in term.ends)
    shared = one & two
    if any(len(axis.labels) != len(set(axis.labels)) for end in term.ends for axis in end.axes):
        return None
    if sum(len(axis.labels) for axis in term.ends[0].axes) != len(one):
        return None
    if sum(len(axis.labels) for axis in term.ends[1].axes) != len(two):
        return None
    if math.prod(label.size for label in shared) > limit:
        return None
    renamed = {label: Label(label.size) for label in shared}
    axes = tuple(Axis(tuple(renamed.get(label, label) for label in a.labels), a.offset) for a in term.ends[1].axes)
    units = tuple(Factor(_unit(label.size), (label, new)) for label, new in renamed.items())
    return replace(term, factors=(*term.factors, *units), ends=(term.ends[0], End(term.ends[1].variable, axes)))


def _unit(size: int) -> Array:
    return Array((size, size), (), lambda: jnp.eye(size))
