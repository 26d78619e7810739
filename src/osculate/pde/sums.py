"""Second-order sums Σᵣ wᵣ ∂²f/∂dᵣ² of a program at a point: which directions to propagate, and the pass itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import prod
from typing import Any

import jax
import jax.numpy as jnp

from osculate._jets.collapsed import Collapsed, Spread
from osculate._jets.particles import particles
from osculate._jets.quartic import Quartic
from osculate._jets.summed import summed
from osculate._trace import Trace, Variable

from .cut import Cut, affine_cut, by_particles, evaluated
from .factor import compressed


@dataclass(frozen=True)
class Plan:
    """What does not depend on the point: the program and the directions to push through it.

    Attributes
    ----------
    asked : str
        The public name of the call, for messages.
    tail : Trace
        The program to push through: the whole one, or what comes after the affine cut.
    cut : Cut or None
        Where x enters through fewer numbers than it has.
    seeds : list of arrays
        For each input of ``tail`` the directions, along the first axis.
    weights : array or None
        wᵣ, or a matrix w_{rs} that couples directions; None for ones.
    back : array or None
        Takes derivatives along the seeds to the gradient: (n, directions); None for the identity.
    particles : bool
        Whether what ``tail`` begins with is an array of particles: then tangents begin sparse.
    """

    asked: str
    tail: Trace
    cut: Cut | None
    seeds: list[Any]
    weights: Any
    back: Any
    particles: bool = False


@dataclass(frozen=True)
class Sums:
    """Leaves of the outputs: value, first derivatives (a last axis for the entries of x), and the sum of seconds."""

    value: list[Any]
    first: list[Any]
    second: list[Any]


def plan(asked: str, program: Trace, weights: Any = None, *, sparse: bool = True) -> Plan:
    """Directions for Σ ∂²/∂xᵢ², or for Σ w_{ij} ∂²/∂xᵢ∂xⱼ with ``weights`` a vector (the diagonal) or a matrix.

    ``sparse`` allows tangents of particles, which only second derivatives have.
    """
    size = sum(prod(v.shape) for v in program.inputs)
    dtype = jnp.result_type(*(v.dtype for v in program.inputs))
    cut = affine_cut(program)
    if cut is None and weights is None and sparse and (alone := by_particles(program)) is not None:
        return Plan(asked, alone.tail, alone, [jnp.zeros((size, 0), dtype)], None, None, True)
    if cut is None:
        return Plan(asked, program, None, split(jnp.eye(size, dtype=dtype), program.inputs), weights, None)
    matrix = _matrix(cut, dtype)
    if weights is None:
        left, right = compressed(matrix)
        return Plan(asked, cut.tail, cut, split(left.T, cut.tail.inputs), None, right)
    scaled = matrix * weights if jnp.ndim(weights) == 1 else jnp.matmul(matrix, weights, precision="highest")
    metric = jnp.matmul(scaled, matrix.T, precision="highest")
    seeds = split(jnp.eye(cut.width, dtype=dtype), cut.tail.inputs)
    return Plan(asked, cut.tail, cut, seeds, metric, matrix.T)


def broadcast_plan(asked: str, program: Trace) -> Plan:
    """Directions that move all rows at once, for a program whose rows are independent."""
    x = program.inputs[0]
    row = Variable(x.shape[1:], x.dtype)
    seed = split(jnp.eye(prod(row.shape), dtype=x.dtype), [row])[0]
    return Plan(asked, program, None, [jnp.broadcast_to(seed[:, None], (seed.shape[0], *x.shape))], None, None)


def entered(here: Plan, leaves: Sequence[Any]) -> list[Any]:
    """The values across the cut at a point: what the pass starts from."""
    return list(leaves) if here.cut is None else evaluated(here.cut.head, leaves)


def sums(here: Plan, values: Sequence[Any]) -> Sums:
    """The pass, from the values across the cut."""
    columns = _particles(here, values) if here.particles else None
    columns = columns or _pushed(here, values, Collapsed(2, here.seeds[0].shape[0], here.weights))
    outputs = here.tail.outputs
    value = [_filled(column[0], v) for column, v in zip(columns, outputs, strict=True)]
    first = [_gradient(here, column[1], v) for column, v in zip(columns, outputs, strict=True)]
    second = [_filled(column[2], v) * 2 for column, v in zip(columns, outputs, strict=True)]
    return Sums(value, first, [nan_where_nan(v, s) for v, s in zip(value, second, strict=True)])


def double_sums(here: Plan, values: Sequence[Any]) -> list[Any]:
    """Σᵢⱼ ∂⁴/∂xᵢ²∂xⱼ² of each output, from the values across the cut."""
    columns = _pushed(here, values, Quartic(here.seeds[0].shape[0]))
    filled = [(_filled(c[0], v), _filled(c[4], v)) for c, v in zip(columns, here.tail.outputs, strict=True)]
    return [nan_where_nan(value, fourth) for value, fourth in filled]


def _pushed(here: Plan, values: Sequence[Any], algebra: Collapsed) -> list[list[Any]]:
    rows = [[value, Spread(seed)] for value, seed in zip(values, here.seeds, strict=True)]
    return summed(here.asked, here.tail, rows, algebra)


def _particles(here: Plan, values: Sequence[Any]) -> list[list[Any]]:
    algebra, seed = particles(here.tail.inputs[0])
    rows = [[values[0], seed]]
    columns = summed(here.asked, here.tail, rows, algebra)
    return [[value, algebra.dense(first), second] for value, first, second in columns]


def _filled(coefficient: Any, variable: Variable) -> Any:
    return jnp.zeros(variable.shape, variable.dtype) if coefficient is None else coefficient


def split(matrix: Any, variables: Sequence[Variable]) -> list[Any]:
    """Rows of ``matrix`` as arrays shaped like the variables, one after the other."""
    ends = list(accumulate(prod(v.shape) for v in variables))
    return [
        matrix[:, end - prod(v.shape) : end].reshape(matrix.shape[0], *v.shape).astype(v.dtype)
        for v, end in zip(variables, ends, strict=True)
    ]


def nan_where_nan(value: Any, derivative: Any) -> Any:
    """``derivative``, but NaN where the value is: a rule never looks at the value."""
    return jnp.where(jnp.isnan(value), jnp.asarray(jnp.nan, derivative.dtype), derivative)


def _matrix(cut: Cut, dtype: Any) -> Any:
    """The matrix of the affine head, (numbers across the cut) × (numbers in x); it is the same at every point."""
    origin = [jnp.zeros(v.shape, v.dtype) for v in cut.head.inputs]
    _, pull = jax.vjp(lambda *leaves: evaluated(cut.head, leaves), *origin)
    pulled = jax.vmap(pull)(split(jnp.eye(cut.width, dtype=dtype), cut.tail.inputs))
    return jnp.concatenate([p.reshape(cut.width, -1).astype(dtype) for p in pulled], axis=1)


def _gradient(here: Plan, coefficient: Any, variable: Variable) -> Any:
    count = here.seeds[0].shape[0] if here.back is None else here.back.shape[0]
    if coefficient is None:
        return jnp.zeros((*variable.shape, count), variable.dtype)
    along = jnp.moveaxis(coefficient.values, 0, -1)
    return along if here.back is None else jnp.matmul(along, here.back.T.astype(along.dtype), precision="highest")
