"""Gathers and overwrites, learnt by running the primitive on the numbers of the entries; sums into entries."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from osculate._interpret import register
from osculate._trace import Node

from .flat import Flat
from .labels import Axes, Axis, Indices, Label, Labels, apart, fresh, joint, mapped, over, sizes, union
from .rules_shape import keep
from .stages import Stage
from .sweep import Local, Sweep
from .term import Term, moved, restrict

_INDICES: dict[str, Callable[[int], Sequence[int]]] = {
    "gather": lambda count: [1],
    "dynamic_slice": lambda count: range(1, count),
    "scatter": lambda count: [1],
    "dynamic_update_slice": lambda count: range(2, count),
    "scatter-add": lambda count: [1],
    "scatter_add": lambda count: [1],
}
"""Which operands of a primitive are indices."""


def index_operands(node: Node) -> list[Any]:
    """The variables that decide where entries of a node go."""
    if node.name == "cond":
        return [node.inputs[0]]
    return [node.inputs[k] for k in _INDICES[node.name](len(node.inputs))] if node.name in _INDICES else []


def indices_of(flat: Flat, node: Node) -> dict[int, Any] | None:
    """The index operands of a node by place, none for one that moves entries without any; None if not known."""
    places = _INDICES[node.name](len(node.inputs)) if node.name in _INDICES else ()
    known = {k: flat.known.value(node.inputs[k]) for k in places}
    return None if any(value is None for value in known.values()) else known


def overwrites(node: Node) -> bool:
    """Whether a scatter puts its updates in place; ``x.at[i].apply`` hides a function in its combiner."""
    combiner = node.params.get("update_jaxpr") if node.name == "scatter" else None
    return not getattr(combiner, "eqns", ())


@register("structure", "gather", "dynamic_slice", "scatter", "dynamic_update_slice")
def movement(sweep: Sweep, stage: Stage) -> Local | None:
    """Each entry of the result is an entry of one operand, or of none; which, the primitive says itself."""
    node = stage.node
    indices = indices_of(sweep.flat, node) if overwrites(node) else None
    if indices is None:
        return None
    operands = [k for k, v in enumerate(node.inputs) if sweep.moves(v)]
    sources = {k: sources_of(node, k, indices) for k in operands}

    def pull(term: Term, side: int, result: int, place: int) -> Term | None:
        k = operands[place]
        axes = term.ends[side].axes
        labels = union(axes)
        kept = keep(term, labels, _looked_up(sources[k], axes, labels) >= 0)
        if kept is None:
            return None
        axes = kept.ends[side].axes
        labels = union(axes)
        return moved(
            kept, side, node.inputs[k], apart(labels, _looked_up(sources[k], axes, labels), node.inputs[k].shape)
        )

    return Local(tuple(node.inputs[k] for k in operands), pull)


def _looked_up(numbers: Indices, axes: Axes, labels: Labels) -> Indices:
    flat = numbers.reshape(-1)
    return np.broadcast_to(flat[joint(axes, numbers.shape, labels)], sizes(labels))


def sources_of(node: Node, operand: int, indices: dict[int, Any]) -> Indices:
    """For each entry of the result the number of the entry of the operand that it is, or −1.

    It is run on two sets of numbers: what does not move with them (a fill value, say) is no entry of the operand.
    """
    shape = node.inputs[operand].shape
    numbers = np.arange(math.prod(shape), dtype=np.int32).reshape(shape)

    def result(numbers: Indices) -> Indices:
        arguments = [
            jnp.asarray(indices[k] if k in indices else numbers if k == operand else np.full(v.shape, -1, np.int32))
            for k, v in enumerate(node.inputs)
        ]
        return np.asarray(node.evaluate(*arguments)[0])

    with jax.ensure_compile_time_eval():
        first, second = result(numbers), result(numbers + numbers.size)
    return np.where(second - first == numbers.size, first, -1)


@register("structure", "scatter-add", "scatter_add")
def scatter_add(sweep: Sweep, stage: Stage) -> Local | None:
    """The operand stands as it is; an update is where it is added."""
    node = stage.node
    indices = indices_of(sweep.flat, node)
    if indices is None:
        return None
    operands = [k for k, v in enumerate(node.inputs) if sweep.moves(v)]
    updates = node.inputs[2]
    places = destinations(node, indices[1]) if 2 in operands else np.zeros(0, np.int64)

    def pull(term: Term, side: int, result: int, place: int) -> Term | None:
        axes = term.ends[side].axes
        if operands[place] == 0:
            return moved(term, side, node.inputs[0], axes)
        found = _joined(term, axes, node.outputs[0].shape, places, updates.shape)
        return None if found is None else moved(found[0], side, updates, found[1])

    return Local(tuple(node.inputs[k] for k in operands), pull)


def destinations(node: Node, index: Any) -> Indices:
    """For each update the number of the entry that it is added to, or −1: read through the transpose, in two digits."""
    operand, updates = node.inputs[0], node.inputs[2]
    digit = 4096
    with jax.ensure_compile_time_eval():
        numbers = np.arange(int(np.prod(operand.shape))).reshape(operand.shape)

        def spread(values: Any) -> Any:
            return node.evaluate(jnp.zeros(operand.shape, operand.dtype), jnp.asarray(index), values)[0]

        _, back = jax.vjp(spread, jnp.zeros(updates.shape, updates.dtype))
        high = np.asarray(back(jnp.asarray(numbers // digit + 1, operand.dtype))[0]).astype(np.int64)
        low = np.asarray(back(jnp.asarray(numbers % digit, operand.dtype))[0]).astype(np.int64)
    return np.where(high > 0, (high - 1) * digit + low, -1)


def _joined(
    term: Term, axes: Axes, shape: Sequence[int], places: Indices, updates: Sequence[int]
) -> tuple[Term, Sequence[Axis]] | None:
    """The term where its end runs over the updates: axis by axis where that is possible, else pair by pair."""
    plain = all(axis.covers(length) and len(axis.labels) <= 1 for axis, length in zip(axes, shape, strict=True))
    distinct = len(union(axes)) == sum(len(axis.labels) for axis in axes)
    if plain and distinct and places.size and (places >= 0).all():
        return _axis_by_axis(term, axes, shape, places, updates)
    labels = union(axes)
    numbers = joint(axes, shape, labels).reshape(-1)
    order = np.argsort(numbers, kind="stable")
    flat = places.reshape(-1)
    first = np.searchsorted(numbers[order], flat, "left")
    last = np.searchsorted(numbers[order], flat, "right")
    count = np.where(flat >= 0, last - first, 0)
    total = int(count.sum())
    if total == 0:
        return None
    update = np.repeat(np.arange(flat.size), count)
    within = np.arange(total) - np.repeat(np.cumsum(count) - count, count)
    entry = order[np.repeat(first, count) + within]
    pair = Label(total)
    chosen = dict(zip(labels, np.unravel_index(entry, sizes(labels)), strict=True)) if labels else {}
    return restrict(term, chosen, (pair,)), apart((pair,), update, updates)


def _axis_by_axis(
    term: Term, axes: Axes, shape: Sequence[int], places: Indices, updates: Sequence[int]
) -> tuple[Term, Sequence[Axis]]:
    """Every axis of the result as a function of those labels of the updates on which it depends."""
    here = fresh(updates)
    labels = union(here)
    indices = np.unravel_index(places.reshape(sizes(labels)), tuple(shape)) if shape else ()
    targets = [(axis.labels[0], mapped(labels, i)) for axis, i in zip(axes, indices, strict=True) if axis.labels]
    waiting = list(targets)
    while waiting:
        group = [waiting.pop()]
        into = set(group[0][1].labels)
        while more := [t for t in waiting if into & set(t[1].labels)]:
            group += more
            waiting = [t for t in waiting if not any(t is m for m in more)]
            into |= {label for _, target in more for label in target.labels}
        ordered = tuple(label for label in labels if label in into)
        places_here = {label: _over(target, ordered) for label, target in group}
        term = restrict(term, places_here, ordered)
    return term, here


def _over(target: Axis, labels: Labels) -> Indices:
    return np.broadcast_to(over(target, labels), sizes(labels))
