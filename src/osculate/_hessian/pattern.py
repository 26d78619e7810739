"""The sparsity pattern of a Hessian with its colouring, found once for each trace."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np
from jax.flatten_util import ravel_pytree

from osculate._arguments import Point
from osculate._compiled import trace_key
from osculate._structure import Structure, TooManyTerms, entries, gradient_pattern, index_constants, read
from osculate._trace import trace

from .colouring import Colouring, star_colouring
from .structured import given_of

MOST_ENTRIES = 3 * 10**7
"""Entries of a pattern beyond which no colouring is sought."""

_SPARSE = 0.25
"""Part of a dense matrix that a pattern may fill before colours cannot help."""

_KEPT = 16


@dataclass(frozen=True, eq=False)
class Pattern:
    """The entries that may differ from zero, row by row, and the colouring that reads them off."""

    rows: np.ndarray[Any, Any]
    columns: np.ndarray[Any, Any]
    colouring: Colouring = field(repr=False)


_patterns: OrderedDict[Hashable, Pattern | str] = OrderedDict()


def pattern_at(point: Point) -> Pattern | str:
    """The pattern of the Hessian at a point, found again for an equal trace; or why it is not known."""
    known = index_constants(point.trace)
    seen = trace_key(point.trace)
    key = None if seen is None else (seen, known, jax.tree.structure(point.primals))
    if key is not None and key in _patterns:
        _patterns.move_to_end(key)
        return _patterns[key]
    structure = read(point.trace, given_of(point.trace, known))
    if isinstance(structure, TooManyTerms):
        found = pattern_by_sets(point)
        if isinstance(found, str):
            found = f"edge pushing was given up ({structure.reason}), and {found}"
    else:
        found = pattern_of(structure, wanted=True) or f"it has more than {MOST_ENTRIES:.0e} entries"
    if key is not None:
        _patterns[key] = found
        while len(_patterns) > _KEPT:
            _patterns.popitem(last=False)
    return found


def pattern_by_sets(point: Point, wanted: bool = True) -> Pattern | str:
    """The pattern where edge pushing was given up: from the inputs that each entry of the gradient depends on.

    A text says why it is not known, or that it is too full for colours unless ``wanted``.
    """
    size = sum(leaf.size for leaf in jax.tree.leaves(point.primals))
    found = entries_by_sets(point)
    if isinstance(found, str):
        return found
    rows, columns = found
    if len(rows) > MOST_ENTRIES or (not wanted and len(rows) > _SPARSE * size * size):
        return "its pattern is too full"
    return Pattern(rows, columns, star_colouring(rows, columns, size))


def entries_by_sets(point: Point) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]] | str:
    """Rows and columns of the pattern by the sets of inputs that each entry of the gradient depends on."""
    shapes = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), point.primals)
    leaves, structure = jax.tree.flatten(shapes)

    def gradient(*flat: Any) -> Any:
        def value(primals: Any) -> Any:
            return point(*primals)

        return ravel_pytree(jax.grad(value)(jax.tree.unflatten(structure, flat)))[0]

    return gradient_pattern(trace(gradient, *leaves, asked=point.asked)[0])


def pattern_of(structure: Structure | TooManyTerms, wanted: bool = False) -> Pattern | None:
    """The pattern with its colouring; None where it is not known, or too full for colours unless ``wanted``."""
    if isinstance(structure, TooManyTerms):
        return None
    size = structure.size
    spans = [math.prod(label.size for label in term.open_labels) for term in structure.terms]
    full = _SPARSE * size * size
    if sum(spans) > MOST_ENTRIES or (not wanted and max(spans, default=0) > full):
        return None
    found = entries(structure)
    if found.count > full and not wanted:
        return None
    rows, columns = np.asarray(found.rows), np.asarray(found.columns)
    return Pattern(rows, columns, star_colouring(rows, columns, size))
