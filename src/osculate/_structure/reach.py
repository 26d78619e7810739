"""Which entries of the inputs each entry of a result depends on, as bits: the way to a pattern that always ends.

Edge pushing sees more, but its terms can outgrow any limit where a program is long and its arrays are short. A set of
inputs for each entry never does: a step joins sets, and the sets that the gradient ends with are the rows of the
Hessian's pattern (Walther, "Computing sparse Hessians with automatic differentiation", *ACM Transactions on
Mathematical Software* 34 (2008), section 2, on whole arrays).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from osculate._interpret import register, table
from osculate._trace import Elementary, Literal, Node, Trace, Variable

from .flat import Flat, entrywise, flattened
from .labels import Indices
from .rules_indexing import destinations, indices_of, overwrites, sources_of
from .stages import FUSED

MOST_BYTES = 3 * 10**8
"""Bytes of the sets of one array beyond which they are not kept."""

MOST_WORK = 2 * 10**10
"""Bytes of the sets of all arrays together beyond which they are not computed."""

Bits = np.ndarray[Any, np.dtype[np.uint8]]
"""Sets of input entries: an array's shape, then one axis of bytes with eight inputs each."""

Rule = Callable[[Flat, Node, Sequence[Bits | None]], Sequence[Bits] | None]

RULES: dict[str, Rule] = table("pattern")


class TooLong(Exception):
    """Sets that would take too much memory or time."""


def gradient_pattern(gradient: Trace, given: Mapping[Variable, Any] | None = None) -> tuple[Indices, Indices] | str:
    """Rows and columns of the Hessian whose gradient, one flat vector, ``gradient`` computes; or why that is unknown.

    An entry is in the pattern if both it and its mirror image may differ from zero: the Hessian is symmetric.
    """
    flat = flattened(gradient, given)
    size = sum(math.prod(v.shape) for v in gradient.inputs)
    try:
        rows = _reach(flat, size)
    except TooLong as reason:
        return str(reason)
    if rows is None:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    whole = np.unpackbits(np.ascontiguousarray(rows), axis=-1, count=size).astype(bool)
    found, places = np.nonzero(whole & whole.T)
    return found, places


def _reach(flat: Flat, size: int) -> Bits | None:
    width = -(-size // 8)
    moving = [v for node in flat.nodes for v in node.outputs if flat.moves(v)]
    work = sum(map(_entries, moving)) * width
    largest = max(map(_entries, [*moving, *flat.inputs]), default=0) * width
    if work > MOST_WORK or largest > MOST_BYTES or size * size > 8 * MOST_BYTES:
        raise TooLong(f"sets of inputs for every entry would take {max(work, largest, size * size // 8):.1e} bytes")
    sets: dict[Variable, Bits] = {}
    before = 0
    for v in flat.inputs:
        count = _entries(v)
        if v.inexact:
            units = np.zeros((count, width), np.uint8)
            number = before + np.arange(count)
            units[np.arange(count), number // 8] = 128 >> (number % 8)
            sets[v] = units.reshape(*v.shape, width)
        before += count
    last = {v: i for i, node in enumerate(flat.nodes) for v in node.inputs}
    for i, node in enumerate(flat.nodes):
        if any(map(flat.moves, node.outputs)):
            found = _step(flat, node, [sets.get(v) for v in node.inputs])
            sets.update((v, s) for v, s in zip(node.outputs, found, strict=True) if flat.moves(v))
        for v in node.inputs:
            if last[v] == i and v is not flat.output:
                sets.pop(v, None)
    output = flat.output
    return None if output is None or isinstance(output, Literal) else sets.get(output)


def _step(flat: Flat, node: Node, inputs: Sequence[Bits | None]) -> Sequence[Bits]:
    rule = RULES.get(node.name)
    if isinstance(node, Elementary) and rule is not None and (found := rule(flat, node, inputs)) is not None:
        return found
    if entrywise(node, FUSED):
        return [_together(flat, node, inputs)]
    return everything(node, inputs)


def _together(flat: Flat, node: Node, inputs: Sequence[Bits | None]) -> Bits:
    """The sets of the same entry, joined; a factor that is known to be zero lets nothing through."""
    shape = node.outputs[0].shape
    parts = [spread(s, shape) for s in inputs if s is not None]
    total = parts[0]
    for part in parts[1:]:
        total = total | part
    if node.name == "mul" and len(parts) == 1:
        value = _written(flat, next(v for v, s in zip(node.inputs, inputs, strict=True) if s is None))
        if value is not None and not np.all(value):
            total = np.where((np.broadcast_to(value, shape) == 0)[..., None], np.uint8(0), total)
    return total


def _written(flat: Flat, variable: Variable) -> Any:
    """A value that the program itself makes; None if it follows from arrays that are closed over.

    A pattern is kept for all programs that do the same, whatever data they close over.
    """
    if flat.known.constants_behind([variable], list(flat.constants)):
        return None
    return flat.known.value(variable)


def spread(sets: Bits, shape: Sequence[int]) -> Bits:
    """The sets of an array that is repeated to ``shape``."""
    have = sets.shape[:-1]
    return sets if have == tuple(shape) else np.broadcast_to(sets, (*shape, sets.shape[-1]))


def everything(node: Node, inputs: Sequence[Bits | None]) -> list[Bits]:
    """Every entry of the results depends on all that any entry of the inputs does: always right."""
    union = joined([s.reshape(-1, s.shape[-1]) for s in inputs if s is not None])
    return [np.broadcast_to(union, (*v.shape, union.shape[-1])) for v in node.outputs]


def joined(parts: Sequence[Bits]) -> Bits:
    """The union of all sets in these tables."""
    return np.bitwise_or.reduce([np.bitwise_or.reduce(part, axis=0) for part in parts], axis=0)


def _entries(variable: Variable) -> int:
    return math.prod(variable.shape)


def _moved(move: Callable[[Node, Bits], Bits]) -> Rule:
    """The rule of a node with one operand whose entries are only moved about."""

    def rule(flat: Flat, node: Node, inputs: Sequence[Bits | None]) -> Sequence[Bits]:
        assert inputs[0] is not None
        return [move(node, inputs[0])]

    return rule


def _reduced(node: Node, sets: Bits) -> Bits:
    return np.bitwise_or.reduce(sets, axis=tuple(node.params["axes"]))


def _accumulated(node: Node, sets: Bits) -> Bits:
    axis = node.params["axis"]
    if node.params["reverse"]:
        return np.flip(np.bitwise_or.accumulate(np.flip(sets, axis), axis), axis)
    return np.bitwise_or.accumulate(sets, axis)


def _broadcast(node: Node, sets: Bits) -> Bits:
    shape, where = node.params["shape"], node.params["broadcast_dimensions"]
    placed = [1] * len(shape)
    for d, target in enumerate(where):
        placed[target] = sets.shape[d]
    return spread(sets.reshape(*placed, sets.shape[-1]), shape)


def _sliced(node: Node, sets: Bits) -> Bits:
    p: Any = node.params
    steps = p["strides"] or (1,) * len(p["start_indices"])
    return sets[tuple(map(slice, p["start_indices"], p["limit_indices"], steps))]


def _transposed(node: Node, sets: Bits) -> Bits:
    return np.transpose(sets, (*node.params["permutation"], sets.ndim - 1))


def _reshaped(node: Node, sets: Bits) -> Bits:
    return sets.reshape(*node.outputs[0].shape, sets.shape[-1])


def _reversed(node: Node, sets: Bits) -> Bits:
    return np.flip(sets, node.params["dimensions"])


for _names, _move in (
    (("reshape", "squeeze", "expand_dims", "copy", "copy_p", "real"), _reshaped),
    (("convert_element_type", "reduce_precision"), _reshaped),
    (("transpose",), _transposed),
    (("rev",), _reversed),
    (("slice",), _sliced),
    (("broadcast_in_dim",), _broadcast),
    (("reduce_sum", "reduce_max", "reduce_min", "reduce_prod"), _reduced),
    (("cumsum", "cumprod", "cummax", "cummin", "cumlogsumexp"), _accumulated),
):
    register("pattern", *_names)(_moved(_move))


@register("pattern", "split")
def _split(flat: Flat, node: Node, inputs: Sequence[Bits | None]) -> Sequence[Bits]:
    assert inputs[0] is not None
    return np.split(inputs[0], np.cumsum(node.params["sizes"])[:-1], axis=node.params["axis"])


def _empty(variable: Variable, inputs: Sequence[Bits | None]) -> Bits:
    width = next(s.shape[-1] for s in inputs if s is not None)
    return np.zeros((*variable.shape, width), np.uint8)


@register("pattern", "concatenate")
def _concatenated(flat: Flat, node: Node, inputs: Sequence[Bits | None]) -> Sequence[Bits]:
    parts = [_empty(v, inputs) if s is None else s for v, s in zip(node.inputs, inputs, strict=True)]
    return [np.concatenate(parts, axis=node.params["dimension"])]


@register("pattern", "dot_general")
def _product(flat: Flat, node: Node, inputs: Sequence[Bits | None]) -> Sequence[Bits] | None:
    """Each operand's sets joined along the axes that are summed; through the zeros of a known matrix nothing passes."""
    (contracted, batches) = node.params["dimension_numbers"]
    total: Bits | None = None
    for k, sets in enumerate(inputs):
        if sets is None:
            continue
        other = _written(flat, node.inputs[1 - k]) if inputs[1 - k] is None else None
        if other is not None and not batches[0] and 2 * np.count_nonzero(other) < other.size:
            part = _through_zeros(sets, contracted[k], other != 0, contracted[1 - k], first=k == 0)
        else:
            part = _contracted(node, k, sets, contracted[k], batches[k])
        total = part if total is None else total | part
    return None if total is None else [np.broadcast_to(total, (*node.outputs[0].shape, total.shape[-1]))]


def _contracted(node: Node, operand: int, sets: Bits, summed: Sequence[int], batch: Sequence[int]) -> Bits:
    free = [d for d in range(sets.ndim - 1) if d not in summed and d not in batch]
    union = np.bitwise_or.reduce(np.transpose(sets, (*batch, *free, *summed, sets.ndim - 1)).reshape(
        *(sets.shape[d] for d in (*batch, *free)), -1, sets.shape[-1]), axis=-2)  # fmt: skip
    others = len(node.outputs[0].shape) - len(batch) - len(free)
    shape = [sets.shape[d] for d in batch]
    mine, ones = [sets.shape[d] for d in free], [1] * others
    return union.reshape(*shape, *(mine + ones if operand == 0 else ones + mine), sets.shape[-1])


def _through_zeros(
    sets: Bits, summed: Sequence[int], mask: np.ndarray[Any, Any], across: Sequence[int], first: bool
) -> Bits:
    width = sets.shape[-1]
    free = [d for d in range(sets.ndim - 1) if d not in summed]
    others = [d for d in range(mask.ndim) if d not in across]
    table = np.transpose(sets, (*summed, *free, sets.ndim - 1))
    inner = math.prod(sets.shape[d] for d in summed)
    table = table.reshape(inner, -1, width)
    rows, places = np.nonzero(np.transpose(mask, (*others, *across)).reshape(-1, inner))
    count = math.prod(mask.shape[d] for d in others)
    result = np.zeros((count, *table.shape[1:]), np.uint8)
    if rows.size:
        found, starts = np.unique(rows, return_index=True)
        result[found] = np.bitwise_or.reduceat(table[places], starts, axis=0)
    shapes = [mask.shape[d] for d in others], [sets.shape[d] for d in free]
    whole = result.reshape(*shapes[0], *shapes[1], width)
    if not first:
        return whole
    return np.moveaxis(whole.reshape(count, *shapes[1], width), 0, -2).reshape(*shapes[1], *shapes[0], width)


@register("pattern", "gather", "dynamic_slice", "scatter", "dynamic_update_slice", "pad")
def _gathered(flat: Flat, node: Node, inputs: Sequence[Bits | None]) -> Sequence[Bits] | None:
    indices = indices_of(flat, node) if overwrites(node) else None
    if indices is None:
        return None
    result = node.outputs[0]
    total = _empty(result, inputs).reshape(_entries(result), -1)
    for k, sets in enumerate(inputs):
        if sets is not None:
            sources = sources_of(node, k, indices).reshape(-1)
            there = sources >= 0
            total[there] |= sets.reshape(-1, sets.shape[-1])[sources[there]]
    return [total.reshape(*result.shape, -1)]


@register("pattern", "scatter-add", "scatter_add")
def _added(flat: Flat, node: Node, inputs: Sequence[Bits | None]) -> Sequence[Bits] | None:
    indices = indices_of(flat, node)
    if indices is None:
        return None
    result = node.outputs[0]
    total = _empty(result, inputs) if inputs[0] is None else inputs[0].copy()
    total = total.reshape(_entries(result), -1)
    updates = inputs[2]
    if updates is not None:
        places = destinations(node, indices[1]).reshape(-1)
        order = np.argsort(places, kind="stable")
        order = order[places[order] >= 0]
        if order.size:
            found, starts = np.unique(places[order], return_index=True)
            table = updates.reshape(-1, updates.shape[-1])
            total[found] |= np.bitwise_or.reduceat(table[order], starts, axis=0)
    return [total.reshape(*result.shape, -1)]


def _along(name: str) -> Callable[[Node], Sequence[int]]:
    return (lambda node: (node.params[name] % len(node.inputs[0].shape),)) if name else (lambda node: (-2, -1))


def _coupled(axes: Callable[[Node], Sequence[int]]) -> Rule:
    """Entries along these axes depend on each other; along the others they stand side by side."""

    def rule(flat: Flat, node: Node, inputs: Sequence[Bits | None]) -> Sequence[Bits] | None:
        shapes = [v.shape for v in (*node.inputs, *node.outputs)]
        where = axes(node)
        rest = {tuple(np.delete(np.asarray(shape, int), where)) for shape in shapes if len(shape) >= len(where)}
        if len(rest) != 1 or any(len(shape) < len(where) for shape in shapes):
            return None
        parts: list[Bits] = []
        for sets in inputs:
            if sets is not None:
                counted = tuple(d % (sets.ndim - 1) for d in where)
                parts.append(np.bitwise_or.reduce(sets, axis=counted, keepdims=True))
        total = parts[0]
        for part in parts[1:]:
            total = total | part
        return [spread(total, v.shape) for v in node.outputs]

    return rule


register("pattern", "sort")(_coupled(_along("dimension")))
register("pattern", "cholesky", "triangular_solve")(_coupled(_along("")))
