"""All that a solver asks of a program, compiled once: values, gradient, sparse Jacobian, Hessian of the Lagrangian."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from osculate._arguments import Point, point
from osculate._errors import Unreadable, WrongInput, WrongType
from osculate._hessian.sparse_jacobian import jacobian_entries
from osculate._hessian.structured import structure_of, structured_entries
from osculate._structure import TooManyTerms, index_constants

from .limits import ASKED, Vector

LARGEST_FULL = 10**7
"""Entries that a matrix whose structure was given up may have, to be computed whole."""

Pattern = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]
"""Rows and columns."""


@dataclass(eq=False)
class Derivatives:
    """Functions of one flat vector in float64, with the patterns of their matrices.

    What is asked at the same x is computed once: value and constraints together, gradient and Jacobian together.
    ``calls`` counts the evaluations of each kind, and ``seconds`` is what they took.
    """

    start: Vector
    unravel: Callable[[Vector], Any]
    count: int
    jacobian_pattern: Pattern = field(repr=False)
    hessian_pattern: Pattern = field(repr=False)
    _values: Callable[[Any], Any] = field(repr=False)
    _slopes: Callable[[Any], Any] = field(repr=False)
    _curvature: Callable[[Any, Any, Any], Any] = field(repr=False)
    calls: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    _kept: dict[str, tuple[Vector, Any]] = field(default_factory=dict, repr=False)

    def value(self, x: Vector) -> float:
        """f(x)."""
        return float(self._at(x, "values", self._values)[0])

    def constraints(self, x: Vector) -> Vector:
        """c(x), all constraints one after the other."""
        return self._at(x, "values", self._values)[1]

    def gradient(self, x: Vector) -> Vector:
        """∇f(x)."""
        return self._at(x, "slopes", self._slopes)[0]

    def jacobian(self, x: Vector) -> Vector:
        """The entries of ∂c/∂x at ``jacobian_pattern``."""
        return self._at(x, "slopes", self._slopes)[1]

    def hessian(self, x: Vector, multipliers: Vector, factor: float) -> Vector:
        """The entries of σ ∇²f + Σ λᵢ ∇²cᵢ at ``hessian_pattern``, which lies on and below the diagonal."""
        arguments = np.array(x, np.float64), np.array(multipliers, np.float64), np.float64(factor)
        return self._computed("curvature", self._curvature, *arguments)

    def _at(self, x: Vector, name: str, compute: Callable[[Any], Any]) -> Any:
        kept = self._kept.get(name)
        if kept is None or not np.array_equal(kept[0], x):
            here = np.array(x, np.float64)
            kept = self._kept[name] = (here, self._computed(name, compute, here))
        return kept[1]

    def _computed(self, name: str, compute: Callable[..., Any], *arguments: Any) -> Any:
        began = time.perf_counter()
        with jax.enable_x64(True):
            found = jax.tree.map(np.array, compute(*arguments))
        self.calls[name] = self.calls.get(name, 0) + 1
        self.seconds += time.perf_counter() - began
        return found


@dataclass(frozen=True, eq=False)
class Functions:
    """Objective and constraints, each traced once, as functions of one flat vector."""

    objective: Point
    constraints: tuple[Point, ...]
    unravel: Callable[[Any], Any]

    def value(self, tree: Any) -> jax.Array:
        """f, in float64."""
        return jnp.asarray(self.objective(tree), jnp.float64)

    def stacked(self, tree: Any) -> jax.Array:
        """All constraints one after the other, in float64."""
        parts = [jnp.zeros(0)]
        parts += [jnp.ravel(leaf) for c in self.constraints for leaf in jax.tree.leaves(c(tree))]
        return jnp.concatenate([part.astype(jnp.float64) for part in parts])

    def lagrangian(self, tree: Any, multipliers: Any, factor: Any) -> jax.Array:
        """σ f + λ·c."""
        return factor * self.value(tree) + jnp.vdot(multipliers, self.stacked(tree))


def traced(f: Callable[..., Any], constraints: tuple[Callable[..., Any], ...], start: Any) -> Functions:
    """Trace objective and constraints at the start; to be called in float64."""
    objective = point(ASKED, f, (start,))
    objective.require_scalar()
    found = tuple(point(ASKED, c, (start,)) for c in constraints)
    for number, constraint in enumerate(found):
        for leaf in jax.tree.leaves(constraint.output):
            if not jnp.issubdtype(leaf.dtype, np.floating):
                raise constraint.error(
                    WrongType,
                    f"constraint {number} returns {leaf.dtype}{list(leaf.shape)}, and only real ones have limits",
                    "return real floating-point numbers",
                )
    return Functions(objective, found, ravel_pytree(objective.primals[0])[1])


def derivatives(functions: Functions, start: Vector, unravel: Callable[[Vector], Any]) -> Derivatives:
    """Compile everything once, and check it there by one random product; to be called in float64."""
    patterns: dict[str, Pattern] = {}
    tree = functions.unravel

    def values(x: jax.Array) -> tuple[jax.Array, jax.Array]:
        return functions.value(tree(x)), functions.stacked(tree(x))

    def slopes(x: jax.Array) -> tuple[jax.Array, jax.Array]:
        gradient = jax.grad(lambda at: functions.value(tree(at)))(x)
        patterns["jacobian"], entries = _jacobian(functions, tree(x), x)
        return gradient, entries

    def curvature(x: jax.Array, multipliers: jax.Array, factor: jax.Array) -> jax.Array:
        patterns["hessian"], entries = _hessian(functions, tree(x), x, multipliers, factor)
        return entries

    compiled = jax.jit(values), jax.jit(slopes), jax.jit(curvature)
    value, stacked = compiled[0](start)
    _require_numbers(functions, float(value), np.asarray(stacked))
    random = np.random.default_rng(0)
    multipliers, direction = random.standard_normal(len(stacked)), random.standard_normal(len(start))
    entries = compiled[1](start)[1], compiled[2](start, multipliers, np.float64(1.0))
    expected = jax.jit(_products, static_argnums=0)(functions, start, multipliers, direction)
    for name, got, right in zip(("jacobian", "hessian"), entries, expected, strict=True):
        _check(name, patterns[name], np.asarray(got), direction, np.asarray(right))
    return Derivatives(start, unravel, len(stacked), patterns["jacobian"], patterns["hessian"], *compiled)


def _jacobian(functions: Functions, primals: Any, x: jax.Array) -> tuple[Pattern, jax.Array]:
    here = point(ASKED, functions.stacked, (primals,))
    found = jacobian_entries(here.trace, 1, here.primals, index_constants(here.trace))
    if not isinstance(found, str):
        return (np.asarray(found[1]), np.asarray(found[2])), found[0].astype(jnp.float64)
    height, width = here.output.shape[0], x.size
    _require_small(height * width, "Jacobian of the constraints", found)
    by = jax.jacrev if height < width else jax.jacfwd
    matrix = by(lambda at: functions.stacked(functions.unravel(at)))(x)
    rows, columns = np.indices((height, width))
    return (rows.reshape(-1), columns.reshape(-1)), matrix.reshape(-1)


def _hessian(
    functions: Functions, primals: Any, x: jax.Array, multipliers: jax.Array, factor: jax.Array
) -> tuple[Pattern, jax.Array]:
    here = point(ASKED, functions.lagrangian, (primals, multipliers, factor))
    structure = structure_of(here.trace, index_constants(here.trace))
    if not isinstance(structure, TooManyTerms):
        rows, columns, entries = structured_entries(structure, here.trace, here.primals, triangle=True)
        return (np.asarray(rows), np.asarray(columns)), entries.astype(jnp.float64)
    _require_small(x.size**2, "Hessian of the Lagrangian", structure.reason)
    rows, columns = np.tril_indices(x.size)
    gradient = jax.grad(lambda at: functions.lagrangian(functions.unravel(at), multipliers, factor))
    product = jax.linearize(gradient, x)[1]
    return (rows, columns), jax.lax.map(product, jnp.eye(x.size))[rows, columns]


def _require_small(entries: int, what: str, reason: str) -> None:
    if entries > LARGEST_FULL:
        raise Unreadable(
            ASKED,
            f"the structure of the {what} is too large to be read ({reason}), and in full it has {entries} entries",
            remedy="make the intermediate results unknowns of their own, with constraints that tie them together",
        )


def _require_numbers(functions: Functions, value: float, stacked: Vector) -> None:
    if np.isnan(value):
        raise functions.objective.error(WrongInput, "the objective is NaN at the start", "start where it is defined")
    before = 0
    for number, constraint in enumerate(functions.constraints):
        size = sum(leaf.size for leaf in jax.tree.leaves(constraint.output))
        wrong = np.isnan(stacked[before : before + size])
        if wrong.any():
            problem = f"constraint {number} is NaN at the start, first at entry {int(wrong.argmax())}"
            raise constraint.error(WrongInput, problem, "start where it is defined")
        before += size


def _products(functions: Functions, x: jax.Array, multipliers: jax.Array, direction: jax.Array) -> tuple[Any, Any]:
    tree = functions.unravel
    gradient = jax.grad(lambda at: functions.lagrangian(tree(at), multipliers, jnp.ones(())))
    slope = jax.jvp(lambda at: functions.stacked(tree(at)), (x,), (direction,))[1]
    return slope, jax.jvp(gradient, (x,), (direction,))[1]


def _check(name: str, pattern: Pattern, entries: Vector, direction: Vector, right: Vector) -> None:
    rows, columns = pattern
    got = np.bincount(rows, entries * direction[columns], len(right))
    if name == "hessian":
        below = rows > columns
        got += np.bincount(columns[below], (entries * direction[rows])[below], len(right))
    scale = np.sqrt((entries**2).sum()) * np.linalg.norm(direction) + np.abs(right).max(initial=0.0)
    if np.isfinite(scale) and np.abs(got - right).max(initial=0.0) > 1e-8 * scale:
        worst = int(np.abs(got - right).argmax())
        raise Unreadable(
            ASKED,
            f"the sparse {name} failed its check by a product, entry {worst}: {got[worst]:.6g} instead of "
            f"{right[worst]:.6g}",
            remedy="a custom rule that is no derivative, or a wrong rule of osculate: please report this function",
        )
