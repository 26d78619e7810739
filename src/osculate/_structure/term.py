"""A term of a second-order adjoint: a product of arrays in index notation, with two ends."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import prod

import jax.numpy as jnp

from osculate._trace import Variable

from .arrays import Array
from .factors import Factor, broadcast, cut_label, plus, product, scaled, taken, times
from .labels import Axes, Axis, Indices, Label, Labels, relabelled, restricted, sizes, union

SMALL = 2**15
"""Entries up to which terms are added however much larger their sum is: fewer terms are worth more."""


@dataclass(frozen=True)
class End:
    """Where a term stands: an array of the program, and the index along each of its axes."""

    variable: Variable
    axes: Axes


@dataclass(frozen=True, eq=False)
class Term:
    """coefficient × Σ over the labels at neither end of the product of the factors, at the entries of the two ends.

    A label at both ends is a Kronecker delta; one that no factor carries repeats the same number. ``symmetric``: the
    term stands for itself; otherwise for itself and its transpose. ``labels`` are all that run, the summed ones too.
    """

    coefficient: float
    factors: tuple[Factor, ...]
    ends: tuple[End, End]
    symmetric: bool
    labels: frozenset[Label] = field(default=frozenset(), repr=False)

    @cached_property
    def open_labels(self) -> Labels:
        """Labels at the ends, in order."""
        return union((*self.ends[0].axes, *self.ends[1].axes))

    @cached_property
    def signature(self) -> Hashable:
        """Equal for two terms whose ends run alike, so that their factors may be added."""
        numbers = {label: k for k, label in enumerate(self.open_labels)}
        axes = tuple(
            (
                tuple(numbers[label] for label in axis.labels),
                sizes(axis.labels),
                axis.offset,
                None if axis.table is None else axis.table.tobytes(),
            )
            for end in self.ends
            for axis in end.axes
        )
        return self.ends[0].variable, self.ends[1].variable, axes

    @property
    def variables(self) -> frozenset[Variable]:
        """The arrays at the ends."""
        return frozenset(end.variable for end in self.ends)


def new_term(factors: Sequence[Factor], first: End, second: End, symmetric: bool) -> Term:
    """A term with coefficient one."""
    return Term(1.0, tuple(factors), (first, second), symmetric)


def moved(
    term: Term, side: int, variable: Variable, axes: Sequence[Axis], factors: Sequence[Factor] = (), scale: float = 1.0
) -> Term:
    """The term with one end moved to another array, and further factors."""
    end = End(variable, tuple(axes))
    ends = (end, term.ends[1]) if side == 0 else (term.ends[0], end)
    return replace(
        term,
        coefficient=term.coefficient * scale,
        factors=(*term.factors, *factors),
        ends=ends,
        labels=term.labels.union(term.open_labels),
    )


def restrict(term: Term, places: Mapping[Label, Indices], into: Labels) -> Term:
    """The term where some labels are functions of the labels ``into``."""
    first, second = (End(e.variable, tuple(restricted(a, places, into) for a in e.axes)) for e in term.ends)
    return replace(
        term,
        factors=tuple(taken(f, places, into) for f in term.factors),
        ends=(first, second),
        labels=(term.labels | {*term.open_labels, *into}) - places.keys(),
    )


def cut(term: Term, label: Label, parts: Labels) -> Term:
    """The term with a label cut into several whose row-major number it was."""
    first, second = (End(e.variable, tuple(relabelled(a, label, parts) for a in e.axes)) for e in term.ends)
    return replace(
        term,
        factors=tuple(cut_label(f, label, parts) for f in term.factors),
        ends=(first, second),
        labels=(term.labels | {*term.open_labels, *parts}) - {label},
    )


def settled(term: Term) -> Term:
    """The term with labels at neither end summed out, and small factors multiplied into larger ones."""
    ends = set(term.open_labels)
    carried = {label for f in term.factors for label in f.labels}
    coefficient = term.coefficient
    for label in term.labels - ends - carried:
        coefficient *= label.size
    factors, gone = list(term.factors), carried - ends
    while gone:
        group = _connected(factors, next(iter(gone)), gone)
        kept = [label for label in dict.fromkeys(label for f in group for label in f.labels) if label in ends]
        factors = [f for f in factors if not any(f is g for g in group)] + [product(group, kept)]
        gone -= {label for f in group for label in f.labels}
    factors.sort(key=lambda f: -len(f.labels))
    kept_factors: list[Factor] = []
    for factor in factors:
        for k, wide in enumerate(kept_factors):
            if set(factor.labels) <= set(wide.labels):
                kept_factors[k] = times(wide, factor)
                break
        else:
            kept_factors.append(factor)
    return replace(term, coefficient=coefficient, factors=tuple(kept_factors), labels=frozenset())


def _connected(factors: Sequence[Factor], label: Label, gone: set[Label]) -> list[Factor]:
    """The factors that must be multiplied to sum a label, and all labels that are summed with it."""
    group: list[Factor] = []
    summed = {label}
    while found := [f for f in factors if summed & set(f.labels) and not any(f is g for g in group)]:
        group += found
        summed |= {label for f in found for label in f.labels if label in gone}
    return group


def merged(one: Term, two: Term) -> Term | None:
    """The sum of two terms whose ends run alike as one term, where that takes little more memory than the two."""
    if one.signature != two.signature:
        return None
    if one.symmetric != two.symmetric:
        one, two = symmetrised(one), symmetrised(two)
        if one.symmetric != two.symmetric:
            return None
    total = _added(one, two, dict(zip(two.open_labels, one.open_labels, strict=True)))
    return None if total is None else replace(one, coefficient=1.0, factors=(total,))


def symmetrised(term: Term) -> Term:
    """The sum of a term and its transpose as one symmetric term, where its ends run alike and that is no larger."""
    turned = replace(term, ends=term.ends[::-1])
    if term.symmetric or len(term.variables) > 1 or term.signature != turned.signature:
        return term
    total = _added(term, turned, dict(zip(turned.open_labels, term.open_labels, strict=True)))
    return term if total is None else replace(term, coefficient=1.0, factors=(total,), symmetric=True)


def _added(one: Term, two: Term, renamed: Mapping[Label, Label]) -> Factor | None:
    """The sum of the factors of two terms, the labels of the second renamed; None where it would be too large."""
    carried = {label for f in one.factors for label in f.labels if label in set(one.open_labels)}
    carried |= {renamed[label] for f in two.factors for label in f.labels if label in renamed}
    labels = [label for label in one.open_labels if label in carried]
    span = prod(sizes(labels))
    before = [f.array.size for term in (one, two) for f in term.factors]
    if span > max(SMALL, *before):
        return None
    a, b = single(one), single(two)
    b = Factor(b.array, tuple(renamed[label] for label in b.labels))
    if set(b.labels) <= set(a.labels):
        return plus(a, b)
    if set(a.labels) <= set(b.labels):
        return plus(b, a)
    return plus(Factor(broadcast(a, labels), tuple(labels)), b)


def single(term: Term) -> Factor:
    """All of a term's number as one factor."""
    if not term.factors:
        coefficient = term.coefficient
        return Factor(Array((), (), lambda: jnp.asarray(coefficient)), ())
    kept = {label for f in term.factors for label in f.labels}
    return scaled(product(term.factors, [label for label in term.open_labels if label in kept]), term.coefficient)
