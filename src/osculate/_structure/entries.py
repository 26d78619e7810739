"""The entries of the matrix that terms stand on: their numbers, once each, and how values are added up into them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from .arrays import Array
from .diagonals import Diagonal, diagonals, placed
from .factors import broadcast
from .labels import Indices, Labels, joint
from .meeting import Meeting, meeting
from .structure import Structure
from .term import End, Term, single

LARGEST = 2 * 10**8
"""Entries of a pattern beyond which it is not written out."""


@dataclass(frozen=True, eq=False)
class Strided:
    """Values of one array that go to entries start, start + step, start + 2 step and so on."""

    array: int
    start: int
    step: int


@dataclass(frozen=True, eq=False)
class Entries:
    """The distinct entries, row by row, and where the values of ``arrays`` are added.

    ``strided`` values go to places at equal distances; ``other`` says where the rest go, by place among all values one
    after the other.
    """

    size: int
    rows: Indices
    columns: Indices
    arrays: tuple[Array, ...]
    strided: tuple[Strided, ...]
    other: Meeting | None

    @property
    def count(self) -> int:
        """How many entries there are."""
        return len(self.rows)

    def added(self, values: Sequence[Any]) -> Any:
        """The value of each entry, from the values of ``arrays``."""
        if not values:
            return jnp.zeros(self.count)
        flat = [jnp.reshape(value, -1) for value in values]
        total = interleaved(flat, self.strided, self.count) if self.strided else None
        if self.other is not None:
            rest = self.other.added(jnp.concatenate(flat))
            total = rest if total is None else total + rest
        return jnp.zeros(self.count, flat[0].dtype) if total is None else total


def entry_numbers(structure: Structure, end: End, labels: Labels) -> Indices:
    """The number of the input entry at one end, for every value of the labels."""
    start = structure.offsets[end.variable]
    return start + joint(end.axes, end.variable.shape, labels)


def entries(structure: Structure, terms: Sequence[Term] | None = None, triangle: bool = False) -> Entries:
    """The entries of these terms, of all by default; with ``triangle`` only those with row ≥ column."""
    terms = structure.terms if terms is None else terms
    arrays = tuple(broadcast(single(term), term.open_labels) for term in terms)
    found = diagonals(structure, terms)
    if found is not None:
        return _banded(structure.size, arrays, [d for d in found if d.offset <= 0 or not triangle])
    keys, places = _listed(structure, terms)
    if triangle:
        lower = keys // structure.size >= keys % structure.size
        keys, places = keys[lower], places[lower]
    unique, other = meeting(keys, places)
    return Entries(structure.size, unique // structure.size, unique % structure.size, arrays, (), other)


def _banded(size: int, arrays: tuple[Array, ...], found: Sequence[Diagonal]) -> Entries:
    """Entries on few diagonals: their places are counted, not sorted."""
    rows, columns, positions = placed(size, found)
    strided: list[Strided] = []
    rest: list[tuple[int, Indices]] = []
    for diagonal, position in zip(found, positions, strict=True):
        step = int(position[1] - position[0]) if len(position) > 1 else 1
        if (position == position[0] + step * np.arange(len(position))).all():
            strided.append(Strided(diagonal.term, int(position[0]), step))
        else:
            rest.append((diagonal.term, position))
    if not rest:
        return Entries(size, rows, columns, arrays, tuple(strided), None)
    starts = np.cumsum([0, *(array.size for array in arrays)])
    places = np.concatenate([starts[k] + np.arange(len(position)) for k, position in rest])
    unique, few = meeting(np.concatenate([position for _, position in rest]), places)
    table = np.full((len(few.table), len(rows)), -1, np.int32)
    table[:, unique] = few.table
    crowds = tuple((unique[entry].astype(np.int32), place) for entry, place in few.crowds)
    other = Meeting(len(rows), table, crowds, (few.rest[0], unique[few.rest[1]]))
    return Entries(size, rows, columns, arrays, tuple(strided), other)


def _listed(structure: Structure, terms: Sequence[Term]) -> tuple[Indices, Indices]:
    """For each value that a term adds its key, row × n + column, and its place among all values."""
    size = structure.size
    keys: list[Indices] = [np.zeros(0, np.int64)]
    places: list[Indices] = [np.zeros(0, np.int64)]
    before = 0
    for term in terms:
        labels = term.open_labels
        span = math.prod(label.size for label in labels)
        if span > LARGEST:
            raise MemoryError(f"a pattern of more than {LARGEST} entries")
        rows, columns = (entry_numbers(structure, end, labels).reshape(-1) for end in term.ends)
        here = np.arange(before, before + span)
        before += span
        keys.append(rows * size + columns)
        places.append(here)
        if not term.symmetric:
            keys.append(columns * size + rows)
            places.append(here)
    return np.concatenate(keys), np.concatenate(places)


def interleaved(values: Sequence[Any], strided: Sequence[Strided], count: int) -> Any:
    """The sum of arrays each placed at equal distances: for each distance columns side by side, read row by row."""
    total: Any = None
    for step in dict.fromkeys(place.step for place in strided):
        length = -(-count // step) + 1
        columns: list[Any] = [None] * step
        for place in (p for p in strided if p.step == step):
            value = values[place.array]
            before, residue = divmod(place.start, step)
            padding = [(before, length - before - value.shape[0], 0)]
            column = lax.pad(value, jnp.zeros((), value.dtype), padding)
            columns[residue] = column if columns[residue] is None else columns[residue] + column
        filled = [jnp.zeros(length, values[0].dtype) if column is None else column for column in columns]
        part = jnp.stack(filled).T.reshape(-1)[:count] if step > 1 else filled[0][:count]
        total = part if total is None else total + part
    return total
