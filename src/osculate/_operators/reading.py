"""The form of a Hessian, from the terms of its structure: entries, and outer products that are never written out."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy.linalg
import scipy.sparse

from osculate._arguments import Point
from osculate._compiled import Program, computed, trace_key
from osculate._factorisations import Form, form_of
from osculate._structure import Entries, Indices, Outer, Structure, TooManyTerms, entries, index_constants, outer, read
from osculate._trace import Trace

Known = tuple[tuple[int, Indices], ...]
Numbers = np.ndarray[Any, Any]

MOST_RANK = 256
"""Columns of outer products that are kept at most."""

MOST_ENTRIES = 4 * 10**7
"""Entries beyond which a sparse matrix is not written out."""

DENSE_SHARE = 0.3
"""Share of entries that are not known to be zero from which a matrix is dense."""

NOT_FINITE = "the Hessian at this point is not finite"


@dataclass(frozen=True, eq=False)
class Parts:
    """Where the numbers of a form stand, known without any of them."""

    size: int
    rows: Numbers
    columns: Numbers
    outers: tuple[tuple[Numbers, Numbers, bool], ...]


_parts_kept: OrderedDict[Hashable, Parts | str] = OrderedDict()


def read_form(point: Point, dtype: Any) -> Form | str:
    """The Hessian's form at a point, or why it has none that is cheaper than the whole matrix."""
    known = index_constants(point.trace)
    key = trace_key(point.trace)
    found = _parts_kept.get((key, known)) if key is not None else None
    if found is None:
        made = _taken(point.trace, known)
        found = made if isinstance(made, str) else _placed(*made)
        if key is not None:
            _parts_kept[(key, known)] = found
            while len(_parts_kept) > 32:
                _parts_kept.popitem(last=False)
    if isinstance(found, str):
        return found
    values, pairs = computed(point, _numbers, options=(known,))
    if not all(np.isfinite(np.asarray(numbers)).all() for numbers in (values, *pairs)):
        return NOT_FINITE
    epsilon = float(jnp.finfo(dtype).eps)
    return _filled(found, np.asarray(values, np.float64), pairs, epsilon)


def _taken(trace: Trace, known: Known) -> tuple[Structure, Entries, list[Outer]] | str:
    """The structure, its entries, and its outer products."""
    structure = read(trace, {trace.constants[place][0]: indices.values for place, indices in known})
    if isinstance(structure, TooManyTerms):
        return f"its structure was given up: {structure.reason}"
    n = structure.size
    outers: list[Outer] = []
    rest: list[Any] = []
    for term in structure.terms:
        found = outer(structure, term)
        if found is None or 2 * (found.rank + sum(o.rank for o in outers)) > min(MOST_RANK, n // 4):
            rest.append(term)
        else:
            outers.append(found)
    span = sum(math.prod(label.size for label in term.open_labels) for term in rest)
    if span > max(DENSE_SHARE * n * n, 2.0**16):
        return f"{span:,} entries of {n}² are not known to be zero"
    if span > MOST_ENTRIES:
        return f"{span:,} entries are too many to be written out"
    return structure, entries(structure, rest), outers


def _placed(structure: Structure, found: Entries, outers: Sequence[Outer]) -> Parts:
    places = tuple((o.rows, o.columns, o.symmetric) for o in outers)
    return Parts(structure.size, np.asarray(found.rows), np.asarray(found.columns), places)


def _numbers(function: Program, primals: tuple[Any, ...], known: Known) -> tuple[Any, list[Any]]:
    """The value of each entry, and the two matrices of each outer product; JAX can transform it."""
    made = _taken(function.steps, known)
    assert not isinstance(made, str)
    structure, found, outers = made
    pairs = [array for o in outers for array in (o.first, o.second)]
    values = structure.compute([*found.arrays, *pairs], function.steps, jax.tree.leaves(primals))
    count = len(found.arrays)
    return found.added(values[:count]), values[count:]


def _filled(parts: Parts, values: Numbers, pairs: Sequence[Any], epsilon: float) -> Form:
    n = parts.size
    matrix = scipy.sparse.csr_array((values, (parts.rows, parts.columns)), shape=(n, n))
    if not parts.outers:
        return form_of(matrix, epsilon=epsilon)
    columns: list[Numbers] = []
    blocks: list[Numbers] = []
    for (rows, others, symmetric), first, second in zip(parts.outers, pairs[::2], pairs[1::2], strict=True):
        columns += [_scattered(n, rows, first), _scattered(n, others, second)]
        unit = np.eye(np.shape(first)[1]) * (0.5 if symmetric else 1.0)
        blocks.append(np.block([[np.zeros_like(unit), unit], [unit, np.zeros_like(unit)]]))
    weights = np.asarray(scipy.linalg.block_diag(*blocks))
    return form_of(matrix, np.concatenate(columns, axis=1), weights, epsilon)


def _scattered(size: int, places: Numbers, values: Any) -> Numbers:
    result = np.zeros((size, np.shape(values)[1]))
    np.add.at(result, places, np.asarray(values, np.float64))
    return result
