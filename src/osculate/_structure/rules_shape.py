"""Rules that act on labels alone: sums, broadcasts, reshapes, slices and what else only moves entries about."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from osculate._interpret import register
from osculate._trace import Node

from .arrays import Array
from .factors import read
from .labels import POINT, Axes, Axis, Indices, Label, Labels, apart, fresh_axis, joint, mapped, over, union
from .stages import Stage
from .sweep import Local, Sweep
from .term import Term, cut, moved, restrict

Mover = Callable[[Node, int, Term, int], tuple[Term, Sequence[Axis]] | None]
"""``mover(node, operand, term, side)``: the term, cut as needed, and its axes at the operand; None where no path is."""


def structural(mover: Mover) -> Callable[[Sweep, Stage], Local]:
    """The rule of a linear movement of entries: it has no second derivative."""

    def rule(sweep: Sweep, stage: Stage) -> Local:
        node = stage.node
        operands = [k for k, v in enumerate(node.inputs) if sweep.moves(v)]

        def pull(term: Term, side: int, result: int, place: int) -> Term | None:
            found = mover(node, operands[place], term, side)
            return None if found is None else moved(found[0], side, node.inputs[operands[place]], found[1])

        return Local(tuple(node.inputs[k] for k in operands), pull)

    rule.__doc__ = mover.__doc__
    return rule


def with_axes(axes: Axes, where: Sequence[int], made: Callable[[int], Axis], count: int) -> list[Axis]:
    """The axes with one put in at each place of ``where``."""
    given = iter(axes)
    return [made(d) if d in where else next(given) for d in range(count)]


@register("structure", "reduce_sum")
@structural
def reduce_sum(node: Node, operand: int, term: Term, side: int) -> tuple[Term, Sequence[Axis]]:
    """The entries that are summed run freely."""
    shape = node.inputs[0].shape
    axes = term.ends[side].axes
    return term, with_axes(axes, node.params["axes"], lambda d: fresh_axis(shape[d]), len(shape))


@register("structure", "squeeze")
@structural
def squeeze(node: Node, operand: int, term: Term, side: int) -> tuple[Term, Sequence[Axis]]:
    """Axes of length one come back."""
    count = len(node.inputs[0].shape)
    where = [d % count for d in node.params["dimensions"]]
    return term, with_axes(term.ends[side].axes, where, lambda d: POINT, count)


@register("structure", "transpose")
@structural
def transpose(node: Node, operand: int, term: Term, side: int) -> tuple[Term, Sequence[Axis]]:
    """The axes in their old order."""
    order = node.params["permutation"]
    axes = term.ends[side].axes
    return term, [axes[order.index(d)] for d in range(len(axes))]


@register("structure", "broadcast_in_dim")
@structural
def broadcast_in_dim(node: Node, operand: int, term: Term, side: int) -> tuple[Term, Sequence[Axis]]:
    """A label along which entries were repeated is summed."""
    shape, wide = node.inputs[0].shape, node.params["shape"]
    axes = term.ends[side].axes
    kept = enumerate(node.params["broadcast_dimensions"])
    return term, [axes[b] if shape[d] == wide[b] else POINT for d, b in kept]


@register("structure", "copy", "copy_p", "optimization_barrier", "sharding_constraint", "device_put", "real")
def unchanged(sweep: Sweep, stage: Stage) -> Local:
    """Each result is its own operand."""
    node = stage.node
    operands = [k for k, v in enumerate(node.inputs) if sweep.moves(v)]
    results = [node.outputs.index(v) for v in stage.results]

    def pull(term: Term, side: int, result: int, place: int) -> Term | None:
        same = operands[place] == results[result]
        return moved(term, side, node.inputs[operands[place]], term.ends[side].axes) if same else None

    return Local(tuple(node.inputs[k] for k in operands), pull)


@register("structure", "slice")
@structural
def slice_rule(node: Node, operand: int, term: Term, side: int) -> tuple[Term, Sequence[Axis]]:
    """Offsets, or tables where there are strides."""
    axes = term.ends[side].axes
    strides = node.params["strides"] or (1,) * len(axes)
    return term, [
        shifted(axis, start) if step == 1 else mapped(axis.labels, start + step * axis.indices())
        for axis, start, step in zip(axes, node.params["start_indices"], strides, strict=True)
    ]


def shifted(axis: Axis, offset: int) -> Axis:
    """The axis with its index moved."""
    if axis.table is None:
        return Axis(axis.labels, axis.offset + offset)
    return mapped(axis.labels, axis.table + offset)


@register("structure", "rev")
@structural
def rev(node: Node, operand: int, term: Term, side: int) -> tuple[Term, Sequence[Axis]]:
    """Indices counted from the other end."""
    shape, where = node.inputs[0].shape, node.params["dimensions"]
    axes = term.ends[side].axes
    return term, [mapped(a.labels, shape[d] - 1 - a.indices()) if d in where else a for d, a in enumerate(axes)]


@register("structure", "reshape")
@structural
def reshape(node: Node, operand: int, term: Term, side: int) -> tuple[Term, Sequence[Axis]]:
    """Labels are handed out anew, and cut where an axis is; entries by their number where that cannot be."""
    while True:
        found = _regrouped(term.ends[side].axes, node.outputs[0].shape, node.inputs[0].shape)
        if isinstance(found, list):
            return term, found
        term = cut(term, *found)


def _regrouped(axes: Axes, have: Sequence[int], want: Sequence[int]) -> list[Axis] | tuple[Label, Labels]:
    """Axes of shape ``want`` for the entries that ``axes`` give in shape ``have``; or a label to be cut first."""
    out: list[Axis] = []
    for group_have, group_want in _groups(have, want):
        axes_here = tuple(axes[d] for d in group_have)
        lengths = [want[d] for d in group_want]
        dealt = None
        if all(axes[d].covers(have[d]) for d in group_have):
            dealt = _dealt([label for axis in axes_here for label in axis.labels], lengths)
        if isinstance(dealt, tuple):
            return dealt
        if dealt is None:
            labels = union(axes_here)
            numbers = joint(axes_here, [have[d] for d in group_have], labels)
            dealt = list(apart(labels, numbers, lengths)) if lengths else []
        out += dealt
    return out


def _groups(have: Sequence[int], want: Sequence[int]) -> list[tuple[list[int], list[int]]]:
    """The shortest runs of axes on both sides with equal products."""
    groups: list[tuple[list[int], list[int]]] = []
    i = j = 0
    while i < len(have) or j < len(want):
        a, b = ([i] if i < len(have) else []), ([j] if j < len(want) else [])
        i, j = i + len(a), j + len(b)
        left, right = (have[a[0]] if a else 1), (want[b[0]] if b else 1)
        while left != right:
            if left < right:
                a.append(i)
                left, i = left * have[i], i + 1
            else:
                b.append(j)
                right, j = right * want[j], j + 1
        groups.append((a, b))
    return groups


def _dealt(labels: list[Label], lengths: Sequence[int]) -> list[Axis] | tuple[Label, Labels] | None:
    """The labels dealt out to axes of these lengths; a label to be cut first; or None where they do not divide."""
    out: list[Axis] = []
    for length in lengths:
        mine: list[Label] = []
        span = 1
        while span < length:
            label, rest = labels[0], length // span
            if rest % label.size == 0:
                mine.append(labels.pop(0))
                span *= label.size
            elif label.size % rest == 0:
                return label, (Label(rest), Label(label.size // rest))
            else:
                return None
        out.append(Axis(tuple(mine)))
    return out


def keep(term: Term, labels: Labels, good: Indices) -> Term | None:
    """The part of a term where ``good`` (over ``labels``) holds, by shorter labels; None if it holds nowhere."""
    if good.all():
        return term
    if not good.any():
        return None
    needed = [k for k in range(len(labels)) if not (good == good.take([0], k)).all()]
    good = good[tuple(slice(None) if k in needed else 0 for k in range(len(labels)))]
    labels = tuple(labels[k] for k in needed)
    along = [good.any(axis=tuple(d for d in range(good.ndim) if d != k)) for k in range(good.ndim)]
    grid: Indices = np.ones((), bool)
    for part in along:
        grid = np.logical_and(grid[..., None], part)
    if (grid == good).all():
        for label, part in zip(labels, along, strict=True):
            if not part.all():
                index = np.flatnonzero(part)
                new = Label(index.size)
                term = restrict(term, {label: index}, (new,))
        return term
    index = np.nonzero(good)
    return restrict(term, dict(zip(labels, index, strict=True)), (Label(index[0].size),))


@register("structure", "concatenate")
@structural
def concatenate(node: Node, operand: int, term: Term, side: int) -> tuple[Term, Sequence[Axis]] | None:
    """The part of the axis that came from this operand."""
    d = node.params["dimension"]
    start = sum(v.shape[d] for v in node.inputs[:operand])
    stop = start + node.inputs[operand].shape[d]
    axis = term.ends[side].axes[d]
    index = axis.indices()
    kept = keep(term, axis.labels, (index >= start) & (index < stop))
    if kept is None:
        return None
    axes = kept.ends[side].axes
    return kept, [shifted(a, -start) if k == d else a for k, a in enumerate(axes)]


@register("structure", "stack")
@structural
def stack(node: Node, operand: int, term: Term, side: int) -> tuple[Term, Sequence[Axis]] | None:
    """The part of the new axis that is this operand."""
    d = node.params.get("axis", 0)
    axis = term.ends[side].axes[d]
    kept = keep(term, axis.labels, axis.indices() == operand)
    if kept is None:
        return None
    return kept, [a for k, a in enumerate(kept.ends[side].axes) if k != d]


@register("structure", "pad")
@structural
def pad(node: Node, operand: int, term: Term, side: int) -> tuple[Term, Sequence[Axis]] | None:
    """The part that is no padding; or, for the padding value, the part that is."""
    shape = node.inputs[0].shape
    labels = union(term.ends[side].axes)
    inside: Indices = np.ones((1,) * len(labels), bool)
    for axis, length, (low, _, inner) in zip(term.ends[side].axes, shape, node.params["padding_config"], strict=True):
        index = over(axis, labels) - low
        inside = inside & (index >= 0) & (index % (inner + 1) == 0) & (index // (inner + 1) < length)
    inside = np.broadcast_to(inside, tuple(label.size for label in labels))
    kept = keep(term, labels, inside if operand == 0 else ~inside)
    if kept is None or operand == 1:
        return None if kept is None else (kept, [])
    axes: list[Axis] = []
    for axis, (low, _, inner) in zip(kept.ends[side].axes, node.params["padding_config"], strict=True):
        axes.append(shifted(axis, -low) if inner == 0 else mapped(axis.labels, (axis.indices() - low) // (inner + 1)))
    return kept, axes


@register("structure", "split")
def split(sweep: Sweep, stage: Stage) -> Local:
    """Each part begins at its offset."""
    node = stage.node
    where = node.params["axis"]
    starts = [sum(node.params["sizes"][: node.outputs.index(v)]) for v in stage.results]

    def pull(term: Term, side: int, result: int, place: int) -> Term | None:
        axes = [shifted(a, starts[result]) if d == where else a for d, a in enumerate(term.ends[side].axes)]
        return moved(term, side, node.inputs[0], axes)

    return Local((node.inputs[0],), pull)


@register("structure", "reduce_max", "reduce_min")
def reduce_extreme(sweep: Sweep, stage: Stage) -> Local:
    """The slope is one at the extreme entry, shared evenly among several, as in JAX."""
    node = stage.node
    source, result = node.inputs[0], node.outputs[0]
    axes = tuple(node.params["axes"])

    def shares(value: Any, extreme: Any) -> Any:
        mask = (value == jnp.expand_dims(extreme, axes)).astype(value.dtype)
        return mask / mask.sum(axes, keepdims=True)

    values = (sweep.value(source), sweep.value(result))
    share = Array(source.shape, values, shares, 4.0 * values[0].size)

    def pull(term: Term, side: int, number: int, place: int) -> Term | None:
        here = term.ends[side].axes
        wide = with_axes(here, axes, lambda d: fresh_axis(source.shape[d]), len(source.shape))
        return moved(term, side, source, wide, [read(share, tuple(wide))])

    return Local((source,), pull)
