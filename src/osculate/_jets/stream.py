"""Streams: power series whose coefficients are computed on demand.

A stream holds the unscaled Taylor coefficients f⁽ᵏ⁾/k! of one array of the program; ``None`` is an exact zero and costs
nothing. Coefficients are kept, so a stream may depend on its own lower ones: that is how a derivative rule becomes a
recurrence (Knuth, TAOCP vol. 2, 4.7; McIlroy, Squinting at power series, 1990).

The derivative of a stream starts one degree later: ``offset`` says at which degree index 0 stands, and products add
offsets. An algebra may treat degrees differently; over plain arrays only this follows from an offset: a program of
tangents is homogeneous, so a constant that meets a stream of offset > 0 is zero there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from osculate._errors import Unreadable
from osculate._trace import Node, Variable

from .algebra import Algebra


class Stream:
    """A power series; ``stream[k]`` is coefficient k, or None where it is exactly zero."""

    constant = False

    def __init__(self, algebra: Algebra, variable: Variable, offset: int = 0) -> None:
        self.algebra, self.variable, self.offset = algebra, variable, offset
        self.known: dict[int, Any] = {}
        self._derivative: Derivative | None = None

    def __getitem__(self, k: int) -> Any:
        if k not in self.known:
            self.known[k] = self.compute(k)
        return self.known[k]

    def compute(self, k: int) -> Any:
        """Coefficient k from the coefficients of other streams and the lower ones of this."""
        raise NotImplementedError

    def value(self, k: int) -> Any:
        """Coefficient k with zeros written out."""
        coefficient = self[k]
        return self.algebra.zeros(self.variable, k + self.offset) if coefficient is None else coefficient

    def derivative(self) -> Stream:
        """The stream of derivatives: always the same one, since streams are compared by identity."""
        if self._derivative is None:
            self._derivative = Derivative(self)
        return self._derivative


class Constant(Stream):
    """A value that does not move; computed when first asked for."""

    constant = True

    def __init__(self, algebra: Algebra, variable: Variable, thunk: Callable[[], Any]) -> None:
        super().__init__(algebra, variable)
        self.thunk = thunk

    def compute(self, k: int) -> Any:
        return self.thunk() if k == 0 else None


class Zero(Constant):
    """The constant that is exactly zero."""

    def __init__(self, algebra: Algebra, variable: Variable) -> None:
        super().__init__(algebra, variable, lambda: None)


class Given(Stream):
    """A series known from outside; what is not given is zero."""

    def __init__(self, algebra: Algebra, variable: Variable, coefficients: Sequence[Any], offset: int = 0) -> None:
        super().__init__(algebra, variable, offset)
        self.known = dict(enumerate(coefficients))

    def compute(self, k: int) -> Any:
        return None


class Derivative(Stream):
    """x′: coefficient k is (k + 1) x[k + 1]."""

    def __init__(self, series: Stream) -> None:
        super().__init__(series.algebra, series.variable, series.offset + 1)
        self.series = series

    def compute(self, k: int) -> Any:
        coefficient = self.series[k + 1]
        return coefficient if coefficient is None or k == 0 else self.algebra.scale(coefficient, k + 1)


class Integral(Stream):
    """A value and the integral of a stream that is read only when coefficient 1 is asked for.

    Reading later lets a rule contain the very stream that it defines, and lets endless chains of rules (each polygamma
    brings the next) stop at the order that is wanted.
    """

    def __init__(
        self,
        algebra: Algebra,
        variable: Variable,
        first: Callable[[], Any],
        integrand: Callable[[], Stream],
        offset: int = 0,
    ) -> None:
        super().__init__(algebra, variable, offset)
        self.first, self.integrand = first, integrand
        self._stream: Stream | None = None

    def compute(self, k: int) -> Any:
        if k == 0:
            return self.first()
        if self._stream is None:
            self._stream = self.integrand()
        coefficient = self._stream[k - 1]
        return coefficient if coefficient is None or k == 1 else self.algebra.divide(coefficient, k)


class Linear(Stream):
    """Output ``which`` of a node that is linear in the streams at ``moving`` jointly; the rest stands still."""

    def __init__(
        self,
        algebra: Algebra,
        node: Node,
        inputs: Sequence[Stream],
        moving: Sequence[int],
        which: int = 0,
        first: Callable[[], Any] | None = None,
    ) -> None:
        offset = max(inputs[i].offset for i in moving)
        super().__init__(algebra, node.outputs[which], offset)
        self.node, self.inputs, self.moving, self.which, self.first = node, inputs, moving, which, first

    def compute(self, k: int) -> Any:
        if k == 0 and self.first is not None:
            return self.first()
        degree = k + self.offset
        moved = {i: at_degree(self.inputs[i], k, self.offset) for i in self.moving}
        if all(coefficient is None for coefficient in moved.values()):
            return None
        values: list[Any] = []
        degrees: list[int | None] = []
        for i, stream in enumerate(self.inputs):
            if i in moved:
                coefficient = moved[i]
                values.append(self.algebra.zeros(stream.variable, degree) if coefficient is None else coefficient)
                degrees.append(degree)
            else:
                values.append(stream.value(0))
                degrees.append(None)
        return self.algebra.evaluate(self.node, values, degrees)[self.which]


class Sum(Stream):
    """a + b or a − b."""

    def __init__(self, algebra: Algebra, node: Node, a: Stream, b: Stream, sign: int, first: Any = None) -> None:
        super().__init__(algebra, node.outputs[0], max(a.offset, b.offset))
        self.node, self.a, self.b, self.sign, self.first = node, a, b, sign, first

    def compute(self, k: int) -> Any:
        if k == 0 and self.first is not None:
            return self.first()
        a, b = (at_degree(stream, k, self.offset) for stream in (self.a, self.b))
        degree = k + self.offset
        if a is None and b is None:
            return None
        if a is None:
            return self.algebra.fit(b if self.sign > 0 else self.algebra.negate(b), self.variable, degree)
        if b is None:
            return self.algebra.fit(a, self.variable, degree)
        return self.algebra.evaluate(self.node, [a, b], [degree, degree])[0]


class Product(Stream):
    """The Cauchy product of two streams under a node that is linear in each: Σ a[j] b[k − j]."""

    def __init__(self, algebra: Algebra, node: Node, a: Stream, b: Stream, first: Any = None) -> None:
        super().__init__(algebra, node.outputs[0], a.offset + b.offset)
        self.node, self.a, self.b, self.first = node, a, b, first
        self.square = a is b and node.name in ("mul", "square")

    def compute(self, k: int) -> Any:
        if k == 0 and self.first is not None:
            return self.first()
        if not self.square:
            return self._sum(range(k + 1), k)
        half = self._sum(range((k + 1) // 2), k)
        total = None if half is None else self.algebra.scale(half, 2)
        return self._add(total, self._sum([k // 2], k)) if k % 2 == 0 else total

    def _sum(self, indices: Sequence[int], k: int) -> Any:
        total: Any = None
        for j in indices:
            if (u := self.a[j]) is not None and (v := self.b[k - j]) is not None:
                degrees = [j + self.a.offset, k - j + self.b.offset]
                total = self._add(total, self.algebra.evaluate(self.node, [u, v], degrees)[0])
        return total

    def _add(self, a: Any, b: Any) -> Any:
        return b if a is None else a if b is None else self.algebra.add(a, b)


class Quotient(Stream):
    """a / b elementwise: q[k] = (a[k] − Σ_{j ≥ 1} b[j] q[k − j]) / b[0]."""

    def __init__(self, algebra: Algebra, node: Node, product: Node, a: Stream, b: Stream, first: Any = None) -> None:
        super().__init__(algebra, node.outputs[0], a.offset)
        self.node, self.product, self.a, self.b, self.first = node, product, a, b, first

    def compute(self, k: int) -> Any:
        if k == 0 and self.first is not None:
            return self.first()
        rest = at_degree(self.a, k, self.offset)
        for j in range(1, k + 1):
            if (u := self.b[j]) is not None and (v := self[k - j]) is not None:
                term = self.algebra.evaluate(self.product, [u, v], [j, k - j + self.offset])[0]
                rest = self.algebra.negate(term) if rest is None else self.algebra.subtract(rest, term)
        if rest is None:
            return None
        return self.algebra.evaluate(self.node, [rest, self.b.value(0)], [k + self.offset, 0])[0]


class Joint(Stream):
    """One output of a computation that yields all its coefficients at once (loops, branches, linear systems)."""

    def __init__(
        self, algebra: Algebra, variable: Variable, coefficients: Callable[[int], Any], offset: int = 0
    ) -> None:
        super().__init__(algebra, variable, offset)
        self.coefficients = coefficients

    def compute(self, k: int) -> Any:
        return self.coefficients(k)


class Ordered(Stream):
    """The end of a long program: the streams before it are asked in the program's order, so asking recurses little.

    Coefficient k of the end needs those before it up to index k at most, since indices add in products.
    """

    def __init__(self, last: Stream, before: Sequence[Stream]) -> None:
        super().__init__(last.algebra, last.variable, last.offset)
        self.last, self.before = last, before

    def compute(self, k: int) -> Any:
        for stream in self.before:
            stream[k]
        return self.last[k]


def at_degree(stream: Stream, k: int, offset: int) -> Any:
    """Coefficient k as a summand of a stream that begins at ``offset``.

    A program of tangents is homogeneous: a constant that meets a tangent there is a zero that the program wrote out. A
    moving stream that begins earlier than the tangent it is added to would mean that the rule is not linear.
    """
    if stream.offset == offset:
        return stream[k]
    if stream.constant:
        return None
    raise Unreadable(
        "osculate (jets)",
        f"a derivative rule adds a value that moves, {stream.variable}, to a tangent: it is not linear in its tangents",
        remedy="check the custom_jvp or custom_vjp rules of the function: tangents out must be linear in tangents in",
    )
