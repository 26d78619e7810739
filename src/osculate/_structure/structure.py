"""What is read from a trace: the second derivative as terms for pairs of inputs, with its cost, before any number."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from osculate._trace import Literal, Trace, Variable, is_traced

from . import dense, rules_contraction, rules_elementwise, rules_indexing, rules_shape
from .arrays import Array, flops, peak, run
from .flat import flattened
from .stages import Stage, stages
from .sweep import Fallback, Sweep, TooMuch, evaluated, step
from .term import Term

FAMILIES = (rules_elementwise, rules_contraction, rules_shape, rules_indexing, dense)
"""The files of rules; importing them fills the table."""


@dataclass(frozen=True)
class TooManyTerms:
    """Edge pushing was given up: the terms, or an array, would outgrow the limits."""

    reason: str


@dataclass(frozen=True, eq=False)
class Structure:
    """The Hessian of a trace's first output as terms over pairs of its inputs.

    Attributes
    ----------
    inputs : tuple of Variable
        The leaves of the point, in order; entry numbers count through them one after the other.
    terms : tuple of Term
        Their sum (a term that is not symmetric with its transpose) is the Hessian.
    value : Array
        The value, and ``gradients`` its first derivatives (None: zero), one for each input.
    fallbacks : tuple of Fallback
        The nodes that were read as dense, each with the user's line.
    rules : tuple of str
        The primitives that were read by a rule.
    """

    inputs: tuple[Variable, ...]
    terms: tuple[Term, ...] = field(repr=False)
    value: Array = field(repr=False)
    gradients: tuple[Array | None, ...] = field(repr=False)
    given: Mapping[Variable, Array] = field(repr=False)
    closed_over: Mapping[Variable, Any] = field(repr=False)
    fallbacks: tuple[Fallback, ...]
    rules: tuple[str, ...]

    @property
    def size(self) -> int:
        """n, the number of entries of the point."""
        return sum(math.prod(v.shape) for v in self.inputs)

    @property
    def offsets(self) -> dict[Variable, int]:
        """The number of the first entry of each input."""
        found: dict[Variable, int] = {}
        before = 0
        for variable in self.inputs:
            found[variable] = before
            before += math.prod(variable.shape)
        return found

    def flops(self) -> float:
        """Operations for the factors of all terms; writing the matrix comes on top."""
        return flops([f.array for term in self.terms for f in term.factors])

    def peak(self) -> int:
        """Most entries alive at once for these; an upper estimate, since a compiler fuses some away."""
        return peak([f.array for term in self.terms for f in term.factors])

    def compute(self, arrays: Sequence[Array], trace: Trace, leaves: Sequence[Any]) -> list[Any]:
        """Values of arrays of the plan at a point; JAX can transform it. ``trace`` has the constants' values."""
        values = dict(self.closed_over) | dict(trace.constants) | dict(zip(self.inputs, leaves, strict=True))
        return run(arrays, {array: values[variable] for variable, array in self.given.items()})


def read(trace: Trace, given: Mapping[Variable, Any] | None = None) -> Structure | TooManyTerms:
    """Read the second derivative of the first output of ``trace``.

    ``given`` holds values of constants that are tracers in the trace, where indices depend on them.
    """
    flat = flattened(trace, given)
    values = {v: Array(v.shape) for v in (*flat.inputs, *flat.constants)}
    sources = dict(values)
    sweep = Sweep(flat, values)
    order = stages(flat)
    for stage in order:
        evaluated(sweep, stage)
    try:
        _walked(sweep, order)
    except TooMuch as reached:
        return TooManyTerms(str(reached))
    named = {stage.name for stage in order if stage.results and len(stage.nodes) == 1}
    dense_ones = {fallback.primitive for fallback in sweep.fallbacks}
    names = {n.name for stage in order if stage.elementwise for n in stage.nodes} | (named - dense_ones)
    assert flat.output is not None
    return Structure(
        trace.inputs,
        tuple(term for terms in sweep.terms.values() for term in terms),
        sweep.value(flat.output),
        tuple(sweep.adjoints.get(v) for v in flat.inputs),
        sources,
        {v: value for v, value in flat.constants.items() if v not in dict(trace.constants)},
        tuple(sweep.fallbacks),
        tuple(sorted(names)),
    )


def _walked(sweep: Sweep, order: Sequence[Stage]) -> None:
    output = sweep.flat.output
    assert output is not None
    if isinstance(output, Literal) or not sweep.moves(output):
        return
    dtype = output.dtype
    sweep.adjoints[output] = Array((), (), lambda: np.ones((), dtype))
    for stage in reversed(order):
        if stage.results:
            step(sweep, stage)


def index_constants(trace: Trace) -> tuple[tuple[int, Indices], ...]:
    """The arrays that a trace closes over and on which the structure depends, by place: the key of a plan."""
    flat = flattened(trace)
    wanted = flat.decided_by + [v for node in flat.nodes for v in rules_indexing.index_operands(node)]
    if not wanted:
        return ()
    places = {variable: k for k, (variable, _) in enumerate(trace.constants)}
    found = flat.known.constants_behind(wanted, list(places))
    constants = dict(trace.constants)
    return tuple(sorted((places[v], Indices(np.asarray(constants[v]))) for v in found if not is_traced(constants[v])))


@dataclass(frozen=True, eq=False)
class Indices:
    """An array that counts by its contents."""

    values: np.ndarray[Any, Any]

    def _key(self) -> Hashable:
        return self.values.shape, str(self.values.dtype), self.values.tobytes()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Indices) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())
