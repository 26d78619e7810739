"""The four ways to compute one Hessian, each with its work as counted from shapes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from osculate._arguments import Point
from osculate._linear import linearise
from osculate._structure import Structure, TooManyTerms, index_constants, matrix_plan, read
from osculate._structure.arrays import Array, needed
from osculate._trace import Trace, trace

from .chunked import columns_plan
from .options import SPARSE
from .pattern import Pattern, pattern_by_sets, pattern_of
from .structured import Known, given_of
from .work import BYTE, ELEMENT, INDEXED, NODE, NOTHING, PRODUCT, Work, product_work, program_work, starts

MOST_WRITTEN = 10**8
"""Entries that terms may stand on before the structured way is not considered."""

MOST_ARRAYS = 1500
"""Arrays of a structured plan beyond which compiling it takes longer than it will save: about 5 ms each."""

STAGE = 2000.0
"""Nanoseconds that one array of a structured plan takes however small it is."""

DENSE = 20e-6
"""Seconds for each entry of the point, for each node that is differentiated densely: its calls are small and many."""

SLOWER = 2.5
"""Products over the long axis of data, as structured plans have them, against products with many columns."""


@dataclass(frozen=True, eq=False)
class Candidate:
    """One way to the Hessian: its products with vectors, work and temporary bytes; or why it cannot be taken."""

    kind: str
    products: int = 0
    work: Work = NOTHING
    bytes: float = 0.0
    refused: str = ""


@dataclass(frozen=True, eq=False)
class Candidates:
    """All ways, with what was found out about the function on the way."""

    size: int
    ways: tuple[Candidate, ...]
    structure: Structure | TooManyTerms
    pattern: Pattern | None
    known: Known


def candidates(point: Point, output: str, memory: int | None) -> Candidates:
    """Count the ways to compute the Hessian at ``point``; ``memory`` bounds their temporary bytes."""
    known = index_constants(point.trace)
    structure = read(point.trace, given_of(point.trace, known))
    leaves = jax.tree.leaves(point.primals)
    size = sum(leaf.size for leaf in leaves)
    itemsize = max(leaf.dtype.itemsize for leaf in leaves)
    pattern = _pattern(point, structure, output)
    linear = linear_program(point)
    first = program_work(point.trace).times(4) + Work(seconds=1e-9 * NODE * 4 * starts(point.trace))
    ways = (
        _structured(structure, output, first, itemsize),
        _coloured(pattern, linear, size, output, first, memory, itemsize),
        *_by_columns(linear, size, output, first, memory),
    )
    limit = math.inf if memory is None else memory
    ways = tuple(
        way if way.refused or way.bytes <= limit or way.kind in ("chunked", "coloured") else _too_large(way, limit)
        for way in ways
    )
    return Candidates(size, ways, structure, pattern, known)


def _pattern(point: Point, structure: Structure | TooManyTerms, output: str) -> Pattern | None:
    if not isinstance(structure, TooManyTerms):
        return pattern_of(structure, output in SPARSE)
    found = pattern_by_sets(point, output in SPARSE)
    return None if isinstance(found, str) else found


def linear_program(point: Point) -> Trace:
    """The product with the Hessian as a program of the direction, known by its shapes alone."""
    found: list[Trace] = []

    def at(primals: Any) -> Any:
        vector, unravel = ravel_pytree(primals)
        here = linearise(lambda x: point.with_aux(*unravel(x)), vector)
        shape = jax.ShapeDtypeStruct(vector.shape, vector.dtype)
        found.append(trace(here.product, shape, asked=point.asked)[0])
        return here.gradient

    jax.eval_shape(at, jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), point.primals))
    return found[0]


def _structured(structure: Structure | TooManyTerms, output: str, first: Work, itemsize: int) -> Candidate:
    if isinstance(structure, TooManyTerms):
        return Candidate("structured", refused=f"edge pushing was given up: {structure.reason}")
    size = structure.size
    written = sum(math.prod(label.size for label in term.open_labels) for term in structure.terms)
    if written > MOST_WRITTEN:
        return Candidate("structured", refused=f"its terms stand on {written:.1e} entries")
    plan = None if output in SPARSE else matrix_plan(structure)
    factors = [f.array for term in structure.terms for f in term.factors]
    count = len(needed(factors if plan is None else plan.arrays))
    if count > MOST_ARRAYS:
        return Candidate("structured", refused=f"a program of {count:,} arrays takes too long to compile")
    arrays = [a for a in needed(factors) if a.flops]
    work = sum(map(_array_work, arrays), first.times(0.25))
    work += Work(seconds=DENSE * size * len(structure.fallbacks))
    if plan is None:
        return Candidate("structured", 0, work + _writes(written), structure.peak() * itemsize)
    blocks = sum(place.height * place.width * (1 if symmetric else 2) for place, symmetric, _ in plan.blocks)
    scattered = 0 if plan.scattered is None else plan.scattered.count
    work += _writes(scattered) + _dense(size, itemsize) + Work(blocks, blocks * itemsize, 5e-10 * blocks)
    return Candidate("structured", 0, work, (structure.peak() + blocks + 2 * scattered) * itemsize)


def _coloured(
    pattern: Pattern | None,
    linear: Trace,
    size: int,
    output: str,
    first: Work,
    memory: int | None,
    itemsize: int,
) -> Candidate:
    if pattern is None:
        return Candidate("coloured", refused="the pattern is too full, or not known")
    count, entries = pattern.colouring.count, len(pattern.rows)
    plan = columns_plan(linear, size, memory)
    work = first + _products(linear, count, min(plan.chunk, count), plan.stored) + _writes(entries)
    if output not in SPARSE:
        work += _writes(entries) + _dense(size, itemsize)
    return Candidate("coloured", count, work, plan.stored + min(plan.chunk, count) * plan.column)


def _by_columns(linear: Trace, size: int, output: str, first: Work, memory: int | None) -> tuple[Candidate, Candidate]:
    if output in SPARSE:
        refused = "it computes the zeros, too"
        return Candidate("chunked", refused=refused), Candidate("full", refused=refused)
    found: list[Candidate] = []
    itemsize = jnp.dtype(linear.inputs[0].dtype).itemsize
    chunked = columns_plan(linear, size, memory)
    for kind, plan in (("chunked", chunked), ("full", columns_plan(linear, size, None))):
        work = first + _products(linear, size, plan.chunk, plan.stored) + _dense(size, itemsize).times(2)
        found.append(Candidate(kind, size, work, plan.bytes))
    if chunked.loops == 1:
        found[0] = Candidate("chunked", refused="one pass holds all columns")
    return found[0], found[1]


def _products(linear: Trace, count: int, chunk: int, stored: int) -> Work:
    """The work of ``count`` products, ``chunk`` of them side by side; far beyond the cache, memory is waited for."""
    one = program_work(linear, moving_only=True)
    loops = -(-count // max(1, chunk))
    spilled = 1.0 if loops > 1 or one.bytes * chunk < 5e7 else 2.0
    several = one.times(count)
    waiting = loops * (starts(linear) * NODE + stored * BYTE) * 1e-9
    return Work(several.flops, several.bytes + loops * stored, several.seconds * spilled + waiting)


def _array_work(array: Array) -> Work:
    read = sum(source.size for source in array.inputs)
    written = 8.0 * array.size
    if array.flops > 4 * (array.size + read):
        inner = array.flops / (2 * max(1, array.size))
        product = product_work(inner, array.flops, written)
        work = Work(product.flops, written, SLOWER * product.seconds)
    else:
        work = Work(array.flops, written, 1e-9 * (ELEMENT * max(array.flops, array.size) + BYTE * written))
    return work + Work(seconds=1e-9 * STAGE)


def _writes(entries: float) -> Work:
    """Reading and writing entries by their numbers."""
    return Work(entries, 8 * entries, 1e-9 * INDEXED * entries)


def _dense(size: int, itemsize: int) -> Work:
    return Work(0, size * size * itemsize, 1e-9 * 4 * PRODUCT * 2 * size * size)


def _too_large(way: Candidate, limit: float) -> Candidate:
    return Candidate(way.kind, refused=f"it would take {way.bytes:.1e} bytes, more than {limit:.1e}")
