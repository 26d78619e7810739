"""The loop lowering: streams that depend on themselves become one loop over the degree. Fast for high orders.

The unrolled lowering compiles a number of operations that grows with the square of the order; here it does not depend
on the order. A stream is an array with a leading axis for its coefficients. Streams outside of knots are computed for
all degrees at once; those of a knot advance together, one degree a step. A stream of offset o computes its index
d − o at degree d, which makes every knot causal: in y′ = s x′ the slope s is wanted at lower degrees alone.

A product is not summed when it is asked for. Each coefficient, as soon as it is known, is multiplied by all those of
the other factor that are known and added to the sums that it belongs to, the later ones too: long vectors, no
reduction (an online product; van der Hoeven, Relax, but don't be too lazy, J. Symbolic Comput. 34, 2002, sec. 4.1).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .graph import Knot, behind_unknowns, knots, needed
from .linalg import Unknown
from .reading import Convolution, Implicit
from .stream import Integral, Joint, Stream

FEW = 4
"""Streams with no higher coefficient than this are kept as single ones: a polynomial costs what it has."""


class HoldsLoop(Exception):
    """A custom rule runs a loop or branch over the very value that it defines: that has no place in a loop of ours."""


class Loop:
    """A lowering (see ``network.Lowering``) that holds each stream's coefficients as one array."""

    def __init__(self, order: int) -> None:
        self.order = order
        self.arrays: dict[Stream, Any] = {}

    def settle(self, stream: Stream) -> None:
        """The value alone: it needs no loop."""
        if stream.offset == 0:
            stream[0]

    def finish(self, streams: Sequence[Stream]) -> None:
        """Compute the streams, and let them be read coefficient by coefficient."""
        moving = [s for s in streams if not s.constant and few(s) is None]
        self.require(moving)
        for stream in moving:
            array = self.arrays[stream]
            for k in range(self.order - stream.offset + 1):
                stream.known.setdefault(k, array[k])

    def require(self, outputs: Sequence[Stream]) -> None:
        """Compute the arrays of these streams and of all that they stand on."""
        streams = needed(outputs, self.order, self.arrays)
        found = knots(streams)
        place = {stream: i for i, knot in enumerate(found) for stream in knot}
        exported = set(outputs)
        for stream, most in streams.items():
            if most > stream.offset:
                exported.update(s for s, _ in stream.sources() if place.get(s) != place[stream])
        for knot in found:
            if any(few(stream) is not None for stream in knot):
                continue
            first, most = knot[0], max(streams[stream] for stream in knot)
            if most <= first.offset or (len(knot) == 1 and all(s is not first for s, _ in first.sources())):
                self.arrays[first] = self._whole(first, most)
            else:
                self._tied(knot, most, exported)

    def array(self, stream: Stream) -> Any:
        """All coefficients, zeros written out."""
        if (short := few(stream)) is None:
            return self.arrays[stream]
        return self._padded(stream, [_full(stream, value) for value in short[: self.order + 1]])

    def totals(self, product: Convolution) -> Any:
        """A sum of products before anything has been added."""
        variable = product.node.outputs[0]
        return jnp.zeros((2 * self.order + 1, *variable.shape), variable.dtype)

    def add(self, product: Convolution, total: Any, first: bool, i: Any, value: Any, other: Any) -> Any:
        """Add a[i] b[j] for all j, where a[i] = ``value`` and b = ``other``; the other way round if not ``first``."""
        count = self.order + 1
        j = jnp.arange(count)
        if first:
            rows = jax.vmap(lambda j, v: product.term(value, v, i, i + j))(j, other)
            rows = jnp.where(i >= product.start, rows, 0) if product.start else rows
        else:
            rows = jax.vmap(lambda j, u: product.term(u, value, j, i + j))(j, other)
            rows = jnp.where(_column(j >= product.start, rows), rows, 0) if product.start else rows
        return _added(total, rows, i, count)

    def add_square(self, total: Any, i: Any, value: Any, known: Any) -> Any:
        """Add what y[i] brings to y²: 2 y[i] y[j] for the lower j, and its own square."""
        count = self.order + 1
        here = _column(jnp.arange(count) == i, known)
        return _added(total, value * jnp.where(here, value, 2 * known), i, count)

    def _whole(self, stream: Stream, most: int) -> Any:
        """All degrees at once: nothing that the stream stands on waits for it."""
        if most <= stream.offset:
            return self._padded(stream, [stream.value(0)])
        count = self.order + 1 - stream.offset
        if isinstance(stream, Joint) or not stream.sources():
            return self._padded(stream, [stream.value(k) for k in range(count)])
        stream.prepare()
        first = [stream.value(0)] if stream.offset == 0 or isinstance(stream, Integral) else []
        start = len(first)
        if (product := stream.convolution) is None:
            reads = [s for s, _ in stream.sources() if not s.constant]
            columns = [self._degrees(s, stream.offset + start) for s in reads]
        else:
            reads, columns = [], [self._product(product)[start:count]]

        def at(k: Any, *values: Any) -> Any:
            reading = Abreast(dict(zip(reads, values, strict=False)), values[0] if product else None)
            return _full(stream, stream.compute(k, reading))

        if start == count:
            return self._padded(stream, first)
        rest = jax.vmap(at)(jnp.arange(start, count), *columns)
        return self._padded(stream, [*first, rest], stacked=True)

    def _product(self, product: Convolution) -> Any:
        """A sum of products of two streams that are known."""
        total = self.totals(product)
        for first, one, other in ((True, product.a, product.b), (False, product.b, product.a)):
            if (short := few(one)) is not None:
                for i, value in enumerate(short):
                    if value is not None:
                        total = self.add(product, total, first, i, value, self.array(other))
                return total
        a, b = self.array(product.a), self.array(product.b)
        return lax.fori_loop(0, self.order + 1, lambda i, t: self.add(product, t, True, i, a[i], b), total)

    def _degrees(self, stream: Stream, low: int) -> Any:
        """Coefficients from degree ``low`` to the order."""
        return self.array(stream)[low - stream.offset : self.order + 1 - stream.offset]

    def _tied(self, knot: Knot, most: int, exported: set[Stream]) -> None:
        """One loop over the degree for streams that depend on each other."""
        if any(isinstance(stream, Joint) for stream in knot):
            raise HoldsLoop
        start = max(1, *(stream.offset for stream in knot))  # the degrees below are computed one by one
        for stream in knot:
            stream.prepare()
        products = [s.convolution for s in knot if s.convolution is not None]
        kept = set(knot) & (exported | {s for p in products if _looks_back(p, set(knot)) for s in (p.a, p.b)})
        step = Step(
            self,
            knot,
            {s: self._padded(s, []) for s in knot if s in kept},
            {p: self.totals(p) for p in products if few(p.a) is None and few(p.b) is None},
        )
        for degree in range(start):
            for stream in knot:
                if degree >= stream.offset:
                    step.store(stream, degree - stream.offset, _full(stream, stream[degree - stream.offset]))
        kept_names, product_names = list(step.forward), list(step.totals)

        def body(degree: Any, state: tuple[list[Any], list[Any]]) -> tuple[list[Any], list[Any]]:
            forward, totals = (
                dict(zip(kept_names, state[0], strict=True)),
                dict(zip(product_names, state[1], strict=True)),
            )
            step = Step(self, knot, forward, totals)
            indices = {offset: degree - offset for offset in {stream.offset for stream in knot}}
            for stream in knot:
                step.advance(stream, indices[stream.offset])
            return list(step.forward.values()), list(step.totals.values())

        state = list(step.forward.values()), list(step.totals.values())
        arrays, _ = lax.fori_loop(start, most + 1, body, state)
        self.arrays.update(zip(kept_names, arrays, strict=True))

    def _padded(self, stream: Stream, rows: Sequence[Any], *, stacked: bool = False) -> Any:
        """Rows stacked, with zeros after them; with ``stacked`` the last one is a stack of rows itself."""
        variable, count = stream.variable, self.order + 1
        single, stack = (rows[:-1], rows[-1:]) if stacked else (rows, [])
        parts = [jnp.asarray(row, variable.dtype)[None] for row in single] + [*stack]
        missing = count - sum(part.shape[0] for part in parts)
        if missing:
            parts.append(jnp.zeros((missing, *variable.shape), variable.dtype))
        return jnp.concatenate(parts) if len(parts) > 1 else parts[0]


class Step:
    """The reading of one step of a loop: k is traced, and what is not known yet is zero in the arrays."""

    def __init__(
        self, loop: Loop, knot: Sequence[Stream], forward: dict[Stream, Any], totals: dict[Convolution, Any]
    ) -> None:
        self.loop, self.knot, self.forward, self.totals = loop, knot, forward, totals
        self.members = set(knot)
        self.current: dict[Stream, Any] = {}

    def advance(self, stream: Stream, k: Any) -> None:
        """Compute coefficient k and bring it where it belongs."""
        self.store(stream, k, _full(stream, stream.compute(k, self)))

    def store(self, stream: Stream, k: Any, value: Any) -> None:
        """Bring coefficient k into its array, and into the sums of products that it belongs to."""
        # The barrier makes one row of the value. Fused into its uses, it would be read out of an array that they
        # update, and XLA would copy that array in each step.
        value = self.current[stream] = lax.optimization_barrier(value)
        if stream in self.forward:
            self.forward[stream] = lax.dynamic_update_slice_in_dim(self.forward[stream], value[None], _place(k), 0)
        for product in self.totals:
            if product.a is product.b is stream and product.node.name in ("mul", "square"):
                total = self.totals[product]
                self.totals[product] = self.loop.add_square(total, k, value, self.forward[stream])
                continue
            if product.a is stream:
                self.totals[product] = self._with(product, True, k, value, product.b)
            if product.b is stream:
                self.totals[product] = self._with(product, False, k, value, product.a)

    def _with(self, product: Convolution, first: bool, k: Any, value: Any, other: Stream) -> Any:
        known = self.forward[other] if other in self.members else self.loop.array(other)
        if first and product.a is product.b:  # its product with itself is added once, from the other side
            known = jnp.where(_column(jnp.arange(len(known)) == k, known), 0, known)
        return self.loop.add(product, self.totals[product], first, k, value, known)

    def at(self, stream: Stream, k: Any) -> Any:
        if stream.constant:
            return None
        if stream in self.current:
            return self.current[stream]
        return _row(self.loop.array(stream), k)

    def convolve(self, product: Convolution, k: Any) -> Any:
        if product in self.totals:
            return _row(self.totals[product], k)
        if (short := few(product.a)) is not None:
            return self._few(product, short, product.a, product.b, k)
        return self._few(product, cast("list[Any]", few(product.b)), product.b, product.a, k)

    def _few(self, product: Convolution, short: Sequence[Any], one: Stream, other: Stream, k: Any) -> Any:
        """The sum where one factor has few coefficients."""
        total: Any = None
        first = one is product.a
        for i, value in enumerate(short):
            if value is None or (first and i < product.start):
                continue
            if i + one.offset == 0:  # the other factor at this very degree
                behind = self.at(other, k)
            else:
                array = self.forward[other] if other in self.members else self.loop.array(other)
                behind = _row(array, jnp.maximum(k - i, 0))
                behind = jnp.where(k >= i, behind, 0)
            if behind is None:
                continue
            term = product.term(value, behind, i, k) if first else product.term(behind, value, k - i, k)
            total = term if total is None else product.algebra.add(total, term)
        return total

    def number(self, of_k: Callable[[int], float], k: Any) -> Any:
        return jnp.asarray(np.array([of_k(i) for i in range(self.loop.order + 1)]))[k]

    def known_part(self, solution: Implicit, k: Any) -> list[Any]:
        product = solution.applied()
        if product is None:
            return [None] * len(solution.unknowns)
        trial = Step(self.loop, self.knot, dict(self.forward), dict(self.totals))
        trial.current = {**self.current, **{x: _full(x, None) for x in solution.unknowns}}
        for stream in behind_unknowns(cast(Unknown, solution.unknowns[0]), self.members):
            trial.advance(stream, k + solution.offset - stream.offset)
        return [None if s.constant else trial.at(s, k) for s in product]


class Abreast:
    """The reading of all degrees at once, under ``vmap``: what the streams are at the degree in question."""

    def __init__(self, values: dict[Stream, Any], total: Any) -> None:
        self.values, self.total = values, total

    def at(self, stream: Stream, k: Any) -> Any:
        return None if stream.constant else self.values[stream]

    def convolve(self, product: Convolution, k: Any) -> Any:
        return self.total

    def number(self, of_k: Callable[[int], float], k: Any) -> Any:
        raise NotImplementedError("only streams that depend on themselves use numbers")

    def known_part(self, solution: Implicit, k: Any) -> list[Any]:
        raise NotImplementedError("unknowns depend on themselves")


def few(stream: Stream) -> list[Any] | None:
    """The coefficients of a stream that is a polynomial of low degree; None for any other."""
    last = stream.extent()
    return None if last is None or last > FEW else [stream[k] for k in range(last + 1)]


def _looks_back(product: Convolution, members: set[Stream]) -> bool:
    """Whether earlier coefficients of members are wanted, not their sums of products alone."""
    return few(product.a) is not None or few(product.b) is not None or {product.a, product.b} <= members


def _added(total: Any, rows: Any, i: Any, count: int) -> Any:
    window = lax.dynamic_slice_in_dim(total, _place(i), count, 0)
    return lax.dynamic_update_slice_in_dim(total, window + rows.astype(total.dtype), _place(i), 0)


def _row(array: Any, k: Any) -> Any:
    return lax.squeeze(lax.dynamic_slice_in_dim(array, _place(k), 1, 0), (0,))


def _place(k: Any) -> Any:
    """An index as an unsigned number: JAX has nothing to mend in it, and XLA less to compile."""
    return jnp.asarray(k).astype(jnp.uint32)


def _full(stream: Stream, value: Any) -> Any:
    variable = stream.variable
    if value is None:
        return jnp.zeros(variable.shape, variable.dtype)
    return jnp.broadcast_to(jnp.asarray(value, variable.dtype), variable.shape)


def _column(vector: Any, like: Any) -> Any:
    return jnp.reshape(vector, (-1,) + (1,) * (like.ndim - 1))
