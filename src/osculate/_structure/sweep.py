"""The backward walk: second-order adjoints of pairs of arrays, as terms, from the output to the inputs.

Edge pushing (Gower and Mello, *A new framework for the computation of Hessians*, Optimization Methods and Software 27,
2012) on whole arrays. Each stage moves the terms that stand on its results to its inputs, and adds the terms of its own
second derivative.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import jax
import jax.numpy as jnp

from osculate._errors import Location
from osculate._interpret import table
from osculate._trace import Literal, Variable

from .arrays import Array
from .flat import Flat
from .stages import Stage
from .term import Term, merged, settled

MOST_TERMS = 2000
"""Terms alive at once beyond which edge pushing is given up."""

LARGEST = 2 * 10**8
"""Entries of an array beyond which edge pushing is given up."""


class TooMuch(Exception):
    """Edge pushing that outgrows its limits; ``read`` turns it into a value."""


@dataclass(frozen=True)
class Fallback:
    """A node that is read as coupling everything with everything, with its own dense derivatives."""

    primitive: str
    where: Location | None
    reason: str


@dataclass(frozen=True, eq=False)
class Local:
    """What one stage does to terms.

    ``places`` are the inputs that move, once for each operand; ``pull(term, side, result, place)`` moves an end from
    result number ``result`` to an operand, or None where no path leads there; ``couple()`` are the terms of the second
    derivative of the results, weighted with their adjoints.
    """

    places: tuple[Variable, ...]
    pull: Callable[[Term, int, int, int], Term | None]
    couple: Callable[[], Iterable[Term]] = field(default=lambda: ())
    push: Callable[[Sequence[Array | None]], Sequence[Array | None]] | None = None


@dataclass(eq=False)
class Sweep:
    """The state of the walk, as rules see it."""

    flat: Flat
    values: dict[Variable, Array]
    adjoints: dict[Variable, Array] = field(default_factory=dict)
    terms: dict[frozenset[Variable], list[Term]] = field(default_factory=dict)
    fallbacks: list[Fallback] = field(default_factory=list)
    read_by_rule: dict[str, Location | None] = field(default_factory=dict)
    alive: int = 0

    def value(self, variable: Variable) -> Array:
        """The array of a variable's value."""
        if isinstance(variable, Literal):
            constant = variable.value
            return Array((), (), lambda: jnp.asarray(constant, variable.dtype))
        return self.values[variable]

    def moves(self, variable: Variable) -> bool:
        """Whether a variable depends on the inputs."""
        return self.flat.moves(variable)

    def put(self, term: Term) -> None:
        """Add a term to the second-order adjoint of its pair."""
        for factor in term.factors:
            if factor.array.size > LARGEST:
                raise TooMuch(f"an array of {factor.array.size:.1e} entries")
        first, second = term.ends
        if self.values[first.variable].number > self.values[second.variable].number:
            term = replace(term, ends=(second, first))  # one orientation for each pair, so that terms can be added
        here = self.terms.setdefault(term.variables, [])
        for k, other in enumerate(here):
            if (total := merged(other, term)) is not None:
                here[k] = total
                return
        here.append(term)
        self.alive += 1
        if self.alive > MOST_TERMS:
            raise TooMuch(f"more than {MOST_TERMS} terms")

    def take(self, variables: Sequence[Variable]) -> list[Term]:
        """Remove and return the terms that stand on any of the variables."""
        keys = [key for key in self.terms if not key.isdisjoint(variables)]
        found = [term for key in keys for term in self.terms.pop(key)]
        self.alive -= len(found)
        return found

    def add_adjoint(self, variable: Variable, array: Array) -> None:
        """One more summand of a first-order adjoint."""
        if variable in self.adjoints:
            array = Array(array.shape, (self.adjoints[variable], array), jnp.add, array.size)
        self.adjoints[variable] = array


RULES: dict[str, Callable[[Sweep, Stage], Local | None]] = table("structure")
ELEMENTWISE: list[Callable[[Sweep, Stage], Local]] = []
"""The rule of fused regions; registered by its own file."""
DENSE: list[Callable[[Sweep, Stage, str], Local]] = []
"""The rule of whatever has no other."""


def evaluated(sweep: Sweep, stage: Stage) -> None:
    """Make the arrays of a stage's outputs."""
    inputs = tuple(map(sweep.value, stage.inputs))
    work = sum(node_flops(node) for node in stage.nodes)
    together = Array((), inputs, stage.evaluate, work)
    for k, variable in enumerate(stage.outputs):
        sweep.values[variable] = Array(variable.shape, (together,), lambda results, k=k: results[k])


def node_flops(node: Any) -> float:
    """A count of a node's operations: products and contractions exactly, the rest by its largest array."""
    size = max([_size(v) for v in (*node.inputs, *node.outputs)], default=0)
    if node.name == "dot_general":
        contracted = node.params["dimension_numbers"][0][0]
        inner = 1
        for d in contracted:
            inner *= node.inputs[0].shape[d]
        return 2.0 * inner * _size(node.outputs[0])
    steps = getattr(node, "length", 1)
    return float(size) + steps * sum(node_flops(inner) for body in node.bodies for inner in body.nodes)


def _size(variable: Variable) -> int:
    size = 1
    for length in variable.shape:
        size *= length
    return size


def step(sweep: Sweep, stage: Stage) -> None:
    """Pull what has arrived at a stage's results back to its inputs."""
    weights = [sweep.adjoints.pop(v, None) for v in stage.results]
    waiting = sweep.take(stage.results)
    if not waiting and all(weight is None for weight in weights):
        return
    local = rule_of(sweep, stage, weights)
    for term in waiting:
        for pulled in _through(term, stage, local):
            sweep.put(pulled)
    if any(weight is not None for weight in weights):
        for term in local.couple():
            sweep.put(settled(term))
        _push_adjoints(sweep, stage, local, weights)


def rule_of(sweep: Sweep, stage: Stage, weights: Sequence[Array | None]) -> Local:
    """The rule that reads a stage; a dense one, by name, where there is none that can."""
    sweep.adjoints.update({v: w for v, w in zip(stage.results, weights, strict=True) if w is not None})
    if stage.elementwise:
        return ELEMENTWISE[0](sweep, stage)
    reason = "there is no rule for it"
    if len(stage.nodes) > 1:
        reason = "complex numbers inside"
    elif (rule := RULES.get(stage.name)) is not None:
        if (local := rule(sweep, stage)) is not None:
            return local
        reason = "its indices or parameters are not known while the plan is made"
    return DENSE[0](sweep, stage, reason)


def _through(term: Term, stage: Stage, local: Local) -> Iterable[Term]:
    """All that a term becomes when its ends on the stage's results are moved to the operands."""
    results = {variable: k for k, variable in enumerate(stage.results)}
    sides = [side for side in (0, 1) if term.ends[side].variable in results]
    places = range(len(local.places))
    for i in places:
        one = _pulled(term, sides[0], results, local, i)
        if one is None:
            continue
        if len(sides) == 1:
            yield one
            continue
        for j in range(i if term.symmetric else 0, len(local.places)):
            two = _pulled(one, 1, results, local, j)
            if two is not None:
                yield two if i == j or not term.symmetric else _unsymmetric(two)


def _unsymmetric(term: Term) -> Term:
    return replace(term, symmetric=False)


def _pulled(term: Term, side: int, results: dict[Variable, int], local: Local, place: int) -> Term | None:
    found = local.pull(term, side, results[term.ends[side].variable], place)
    return None if found is None else settled(found)


def _push_adjoints(sweep: Sweep, stage: Stage, local: Local, weights: Sequence[Array | None]) -> None:
    pushed = pullback(sweep, stage, weights) if local.push is None else local.push(weights)
    for variable, array in zip(stage.moving, pushed, strict=True):
        if array is not None:
            sweep.add_adjoint(variable, array)
    for variable in stage.results:
        if variable not in stage.moving:
            sweep.adjoints.pop(variable, None)


def pullback(sweep: Sweep, stage: Stage, weights: Sequence[Array | None]) -> list[Array]:
    """The first-order adjoints of a stage's moving inputs, by JAX's own reverse rule."""
    values = tuple(map(sweep.value, stage.inputs))
    present = tuple(w for w in weights if w is not None)

    def compute(*arrays: Any) -> tuple[Any, ...]:
        inputs, given = arrays[: len(values)], iter(arrays[len(values) :])
        moving = [inputs[stage.inputs.index(v)] for v in stage.moving]
        outputs, back = jax.vjp(stage.of_moving(inputs), *moving)
        cotangents = tuple(
            jnp.zeros_like(y) if w is None else next(given).astype(y.dtype)
            for y, w in zip(outputs, weights, strict=True)
        )
        return back(cotangents)

    work = 2 * sum(map(node_flops, stage.nodes))
    together = Array((), (*values, *present), compute, work)
    return [Array(v.shape, (together,), lambda results, k=k: results[k]) for k, v in enumerate(stage.moving)]
