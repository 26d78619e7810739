"""Whatever has no rule: the node's own dense derivatives, and everything in it coupled with everything.

Where all but some axes of a node are side by side (a sort along one axis, a Cholesky factor of each matrix of a stack),
only the others are coupled: one seed serves the whole batch.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from osculate._trace import Elementary, Node, Variable, While

from .arrays import Array
from .factors import Factor, read
from .labels import Axes, Axis, fresh, fresh_axis
from .stages import Stage
from .sweep import DENSE, LARGEST, Fallback, Local, Sweep, TooMuch, node_flops
from .term import End, Term, moved, new_term

_ALONG = dict.fromkeys(("cumsum", "cumprod", "cummax", "cummin", "cumlogsumexp"), "axis") | {"sort": "dimension"}
_MATRICES = frozenset(
    {"cholesky", "lu", "eigh", "qr", "svd", "triangular_solve", "householder_product", "tridiagonal_solve"}
)


@dataclass(frozen=True)
class Batch:
    """Axes along which a stage does the same to each entry: their places in each input and in each result."""

    inputs: tuple[tuple[int, ...], ...]
    results: tuple[tuple[int, ...], ...]


def batch_of(stage: Stage) -> Batch:
    """What is seen of a stage's batch axes; none is always right."""
    node = stage.node
    operands, results = len(stage.moving), len(stage.results)
    if len(stage.nodes) > 1 or any(v.shape == () for v in stage.moving):
        return Batch(((),) * operands, ((),) * results)
    count = len(stage.moving[0].shape)
    if node.name in _ALONG:
        rest = tuple(d for d in range(count) if d != node.params[_ALONG[node.name]] % count)
        return Batch((rest,) * operands, (rest,) * results)
    if node.name == "reduce_prod":
        rest = tuple(d for d in range(count) if d not in node.params["axes"])
        return Batch((rest,), (tuple(range(len(rest))),))
    if node.name in _MATRICES and len({v.shape[:-2] for v in stage.moving}) == 1:
        lead = tuple(range(count - 2))
        return Batch((lead,) * operands, (lead,) * results)
    return Batch(((),) * operands, ((),) * results)


def local_axes(variable: Variable, batch: Sequence[int]) -> tuple[int, ...]:
    """The axes that are coupled."""
    return tuple(d for d in range(len(variable.shape)) if d not in batch)


def dense(sweep: Sweep, stage: Stage, reason: str) -> Local:
    """Jacobian blocks move the ends; the Hessian of the weighted results couples the inputs."""
    sweep.fallbacks.append(Fallback(stage.name, stage.where, reason))
    own = Derivatives(sweep, stage)

    def pull(term: Term, side: int, result: int, place: int) -> Term | None:
        axes, factor = own.jacobian_at(result, place, term.ends[side].axes)
        return moved(term, side, stage.moving[place], axes, [factor])

    def couple() -> Iterable[Term]:
        if len(stage.nodes) == 1 and isinstance(stage.node, Elementary) and stage.node.linear:
            return
        for i in range(len(stage.moving)):
            for j in range(i, len(stage.moving)):
                yield own.coupling(i, j)

    return Local(stage.moving, pull, couple, own.pushed if own.forward_only else None)


class Derivatives:
    """The dense derivatives of one stage, each an array that is made when asked for."""

    def __init__(self, sweep: Sweep, stage: Stage) -> None:
        """The stage is differentiated at the values of all of its inputs."""
        self.stage = stage
        self.sweep = sweep
        self.forward_only = any(_loops_freely(node) for node in stage.nodes)
        self.batch = Batch(((),) * len(stage.moving), ((),) * len(stage.results))
        if not self.forward_only:
            self.batch = batch_of(stage)
        self._values = tuple(map(sweep.value, stage.inputs))
        self._jacobians: dict[tuple[int, int], tuple[Array, bool]] = {}
        self._work = sum(map(node_flops, stage.nodes))

    def jacobian_at(self, result: int, place: int, axes: Axes) -> tuple[list[Axis], Factor]:
        """The axes of an input for those of a result, and the Jacobian between them as a factor."""
        array, forward = self._jacobian(result, place)
        variable, out = self.stage.moving[place], self.stage.results[result]
        batch_in, batch_out = self.batch.inputs[place], self.batch.results[result]
        source = [fresh_axis(length) for length in variable.shape]
        for d, b in zip(batch_in, batch_out, strict=True):
            source[d] = axes[b]
        if forward:
            return source, read(array, (*(source[d] for d in local_axes(variable, batch_in)), *axes))
        return source, read(array, (*(axes[d] for d in local_axes(out, batch_out)), *source))

    def coupling(self, i: int, j: int) -> Term:
        """The second derivative of the weighted results with respect to inputs i and j, as a term."""
        one, two = self.stage.moving[i], self.stage.moving[j]
        first = fresh(one.shape)
        second = [fresh_axis(length) for length in two.shape]
        for d, b in zip(self.batch.inputs[j], self.batch.inputs[i], strict=True):
            second[d] = first[b]
        local = local_axes(two, self.batch.inputs[j])
        factor = read(self._hessian(i, j), (*(second[d] for d in local), *first))
        return new_term([factor], End(one, first), End(two, tuple(second)), symmetric=i == j)

    def pushed(self, weights: Sequence[Array | None]) -> list[Array | None]:
        """The first adjoints by forward derivatives, where there is no reverse rule."""
        given = self._weights(weights)

        def compute(place: int, *arrays: Any) -> Any:
            return jax.jacfwd(self._weighted(arrays, weights), argnums=place)(*self._point(arrays))

        return [
            Array(v.shape, (*self._values, *given), lambda *arrays, k=k: compute(k, *arrays), v_size(v) * self._work)
            for k, v in enumerate(self.stage.moving)
        ]

    def _jacobian(self, result: int, place: int) -> tuple[Array, bool]:
        if (result, place) not in self._jacobians:
            variable, out = self.stage.moving[place], self.stage.results[result]
            inward = local_axes(variable, self.batch.inputs[place])
            outward = local_axes(out, self.batch.results[result])
            span_in = math.prod(variable.shape[d] for d in inward)
            span_out = math.prod(out.shape[d] for d in outward)
            reverse = self.stage.reverse_only or (span_out < span_in and not self.forward_only)
            made = self._reverse(result, place, outward) if reverse else self._forward(result, place, inward)
            self._jacobians[result, place] = made, not reverse
        return self._jacobians[result, place]

    def _forward(self, result: int, place: int, local: Sequence[int]) -> Array:
        variable, out = self.stage.moving[place], self.stage.results[result]
        lengths = tuple(variable.shape[d] for d in local)

        def compute(*values: Any) -> Any:
            function, point = self.stage.of_moving(values), self._point(values)

            def along(seed: Any) -> Any:
                def one(value: Any) -> Any:
                    return function(*point[:place], value, *point[place + 1 :])[result]

                return jax.jvp(one, (point[place],), (seed,))[1]

            columns = jax.vmap(along)(seeds(variable, local, point[place].dtype))
            return columns.reshape(*lengths, *out.shape)

        return self._limited((*lengths, *out.shape), self._values, compute, math.prod(lengths) * 3 * self._work)

    def _reverse(self, result: int, place: int, local: Sequence[int]) -> Array:
        variable, out = self.stage.moving[place], self.stage.results[result]
        lengths = tuple(out.shape[d] for d in local)

        def compute(*values: Any) -> Any:
            function, point = self.stage.of_moving(values), self._point(values)

            def one(value: Any) -> Any:
                return function(*point[:place], value, *point[place + 1 :])[result]

            output, back = jax.vjp(one, point[place])
            rows = jax.vmap(lambda seed: back(seed)[0])(seeds(out, local, output.dtype))
            return rows.reshape(*lengths, *variable.shape)

        return self._limited((*lengths, *variable.shape), self._values, compute, math.prod(lengths) * 3 * self._work)

    def _hessian(self, i: int, j: int) -> Array:
        one, two = self.stage.moving[i], self.stage.moving[j]
        weights = [self.sweep.adjoints.get(v) for v in self.stage.results]
        local = local_axes(two, self.batch.inputs[j])
        lengths = tuple(two.shape[d] for d in local)

        def compute(*arrays: Any) -> Any:
            function, point = self._weighted(arrays, weights), self._point(arrays)
            gradient = jax.jacfwd(function, argnums=i) if self.forward_only else jax.grad(function, argnums=i)

            def along(seed: Any) -> Any:
                def at(value: Any) -> Any:
                    return gradient(*point[:j], value, *point[j + 1 :])

                return jax.jvp(at, (point[j],), (seed,))[1]

            return jax.vmap(along)(seeds(two, local, point[j].dtype)).reshape(*lengths, *one.shape)

        inputs = (*self._values, *self._weights(weights))
        return self._limited((*lengths, *one.shape), inputs, compute, math.prod(lengths) * 8 * self._work)

    def _weighted(self, arrays: Sequence[Any], weights: Sequence[Array | None]) -> Any:
        """The weighted sum of the results as a function of the inputs that move."""
        function = self.stage.of_moving(arrays[: len(self._values)])

        def total(*moving: Any) -> Any:
            given = iter(arrays[len(self._values) :])
            parts = [jnp.vdot(next(given), y) for y, w in zip(function(*moving), weights, strict=True) if w is not None]
            return sum(parts[1:], parts[0])

        return total

    def _weights(self, weights: Sequence[Array | None]) -> tuple[Array, ...]:
        return tuple(w for w in weights if w is not None)

    def _point(self, arrays: Sequence[Any]) -> list[Any]:
        return [arrays[self.stage.inputs.index(v)] for v in self.stage.moving]

    def _limited(self, shape: tuple[int, ...], inputs: tuple[Array, ...], compute: Any, work: float) -> Array:
        if math.prod(shape) > LARGEST:
            raise TooMuch(f"dense derivatives of {self.stage.name} with {math.prod(shape):.1e} entries")
        return Array(shape, inputs, compute, work)


def v_size(variable: Variable) -> int:
    """Number of entries."""
    return math.prod(variable.shape)


def seeds(variable: Variable, local: Sequence[int], dtype: Any) -> Any:
    """One tangent for each entry of the local axes, the same all along the batch axes."""
    lengths = [variable.shape[d] for d in local]
    count = math.prod(lengths)
    shape = [variable.shape[d] if d in local else 1 for d in range(len(variable.shape))]
    units = jnp.eye(count, dtype=dtype).reshape(count, *shape)
    return jnp.broadcast_to(units, (count, *variable.shape))


def _loops_freely(node: Node) -> bool:
    return isinstance(node, While) or any(_loops_freely(inner) for body in node.bodies for inner in body.nodes)


DENSE.append(dense)
