"""Streams: power series whose coefficients are computed on demand.

A stream holds the unscaled Taylor coefficients f⁽ᵏ⁾/k! of one array of the program; ``None`` is an exact zero and costs
nothing. Coefficients are kept, so a stream may depend on its own lower ones: that is how a derivative rule becomes a
recurrence (Knuth, TAOCP vol. 2, 4.7; McIlroy, Squinting at power series, 1990).

A rule says how coefficient k follows from others (``compute``) and which streams those are (``sources``). It reads them
through a ``Reading``, so that the same rule serves a list of coefficients, where k is a number, and a loop over the
degree, where k is traced.

The derivative of a stream starts one degree later: ``offset`` says at which degree index 0 stands, and products add
offsets. An algebra may treat degrees differently; over plain arrays only this follows from an offset: a program of
tangents is homogeneous, so a constant that meets a stream of offset > 0 is zero there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from osculate._trace import Node, Variable

from .algebra import Algebra
from .reading import ONE_BY_ONE, Convolution, Reading, aligned, at_value


class Stream:
    """A power series; ``stream[k]`` is coefficient k, or None where it is exactly zero."""

    constant = False

    def __init__(self, algebra: Algebra, variable: Variable, offset: int = 0) -> None:
        self.algebra, self.variable, self.offset = algebra, variable, offset
        self.known: dict[int, Any] = {}
        self._derivative: Derivative | None = None

    def __getitem__(self, k: int) -> Any:
        if k not in self.known:
            self.known[k] = self.compute(k, ONE_BY_ONE)
        return self.known[k]

    def compute(self, k: Any, read: Reading) -> Any:
        """Coefficient k from the coefficients of other streams and the lower ones of this."""
        raise NotImplementedError

    def sources(self) -> list[tuple[Stream, int]]:
        """The streams that coefficients stand on, each with the number of degrees that it lies behind at least."""
        return []

    @property
    def convolution(self) -> Convolution | None:
        """The sum of products that coefficients are made of, if any."""
        return None

    def prepare(self) -> None:
        """Compute what is read at the same index whatever k is: outside of a loop, which then closes over it."""

    def extent(self) -> int | None:
        """Index of the last coefficient that may differ from zero, or None where there may be no last."""
        return None

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

    def compute(self, k: Any, read: Reading) -> Any:
        return self.thunk() if at_value(k) else None

    def extent(self) -> int | None:
        return 0


class Zero(Constant):
    """The constant that is exactly zero."""

    def __init__(self, algebra: Algebra, variable: Variable) -> None:
        super().__init__(algebra, variable, lambda: None)


class Given(Stream):
    """A series known from outside; what is not given is zero."""

    def __init__(self, algebra: Algebra, variable: Variable, coefficients: Sequence[Any], offset: int = 0) -> None:
        super().__init__(algebra, variable, offset)
        self.known = dict(enumerate(coefficients))

    def compute(self, k: Any, read: Reading) -> Any:
        return None

    def extent(self) -> int | None:
        return max((k for k, value in self.known.items() if value is not None), default=0)


class Derivative(Stream):
    """x′: coefficient k is (k + 1) x[k + 1]."""

    def __init__(self, series: Stream) -> None:
        super().__init__(series.algebra, series.variable, series.offset + 1)
        self.series = series

    def compute(self, k: Any, read: Reading) -> Any:
        coefficient = read.at(self.series, k + 1)
        return coefficient if coefficient is None or at_value(k) else self.algebra.scale(coefficient, k + 1)

    def sources(self) -> list[tuple[Stream, int]]:
        return [(self.series, 0)]

    def extent(self) -> int | None:
        last = self.series.extent()
        return None if last is None else max(last - 1, 0)


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

    def compute(self, k: Any, read: Reading) -> Any:
        if at_value(k):
            return self.first()
        coefficient = read.at(self.stream, k - 1)
        return coefficient if coefficient is None or at_value(k - 1) else self.algebra.divide(coefficient, k)

    @property
    def stream(self) -> Stream:
        """The integrand."""
        if self._stream is None:
            self._stream = self.integrand()
        return self._stream

    def sources(self) -> list[tuple[Stream, int]]:
        return [(self.stream, 0)]


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

    def compute(self, k: Any, read: Reading) -> Any:
        if at_value(k) and self.first is not None:
            return self.first()
        degree = k + self.offset
        moved = {i: aligned(read, self.inputs[i], k, self.offset) for i in self.moving}
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

    def sources(self) -> list[tuple[Stream, int]]:
        return [(self.inputs[i], 0) for i in self.moving]

    def prepare(self) -> None:
        for i in set(range(len(self.inputs))).difference(self.moving):
            self.inputs[i].value(0)

    def extent(self) -> int | None:
        return _last([_shifted(self.inputs[i], self.offset) for i in self.moving])


class Sum(Stream):
    """a + b or a − b."""

    def __init__(self, algebra: Algebra, node: Node, a: Stream, b: Stream, sign: int, first: Any = None) -> None:
        super().__init__(algebra, node.outputs[0], max(a.offset, b.offset))
        self.node, self.a, self.b, self.sign, self.first = node, a, b, sign, first

    def compute(self, k: Any, read: Reading) -> Any:
        if at_value(k) and self.first is not None:
            return self.first()
        a, b = (aligned(read, stream, k, self.offset) for stream in (self.a, self.b))
        degree = k + self.offset
        if a is None and b is None:
            return None
        if a is None:
            return self.algebra.fit(b if self.sign > 0 else self.algebra.negate(b), self.variable, degree)
        if b is None:
            return self.algebra.fit(a, self.variable, degree)
        return self.algebra.evaluate(self.node, [a, b], [degree, degree])[0]

    def sources(self) -> list[tuple[Stream, int]]:
        return [(self.a, 0), (self.b, 0)]

    def extent(self) -> int | None:
        return _last([_shifted(self.a, self.offset), _shifted(self.b, self.offset)])


class Product(Stream):
    """The Cauchy product of two streams under a node that is linear in each: Σ a[j] b[k − j]."""

    def __init__(self, algebra: Algebra, node: Node, a: Stream, b: Stream, first: Any = None) -> None:
        super().__init__(algebra, node.outputs[0], a.offset + b.offset)
        self.a, self.b, self.first = a, b, first
        self._convolution = Convolution(algebra, node, a, b)

    @property
    def convolution(self) -> Convolution:
        return self._convolution

    def compute(self, k: Any, read: Reading) -> Any:
        if at_value(k) and self.first is not None:
            return self.first()
        return read.convolve(self.convolution, k)

    def sources(self) -> list[tuple[Stream, int]]:
        return [(self.a, self.b.offset), (self.b, self.a.offset)]

    def extent(self) -> int | None:
        a, b = self.a.extent(), self.b.extent()
        return None if a is None or b is None else a + b


class Quotient(Stream):
    """a / b elementwise: q[k] = (a[k] − Σ_{j ≥ 1} b[j] q[k − j]) / b[0]."""

    def __init__(self, algebra: Algebra, node: Node, product: Node, a: Stream, b: Stream, first: Any = None) -> None:
        super().__init__(algebra, node.outputs[0], a.offset)
        self.node, self.a, self.b, self.first = node, a, b, first
        self._convolution = Convolution(algebra, product, b, self, start=1)

    @property
    def convolution(self) -> Convolution:
        return self._convolution

    def compute(self, k: Any, read: Reading) -> Any:
        if at_value(k) and self.first is not None:
            return self.first()
        rest = aligned(read, self.a, k, self.offset)
        known = read.convolve(self.convolution, k)
        if known is not None:
            rest = self.algebra.negate(known) if rest is None else self.algebra.subtract(rest, known)
        if rest is None:
            return None
        return self.algebra.evaluate(self.node, [rest, self.b.value(0)], [k + self.offset, 0])[0]

    def sources(self) -> list[tuple[Stream, int]]:
        return [(self.a, 0), (self.b, self.offset), (self, 1)]

    def prepare(self) -> None:
        self.b.value(0)


class Joint(Stream):
    """One output of a computation that yields all its coefficients at once, from all those of its sources."""

    def __init__(
        self,
        algebra: Algebra,
        variable: Variable,
        coefficients: Callable[[int], Any],
        sources: Sequence[tuple[Stream, int]],
        offset: int = 0,
    ) -> None:
        super().__init__(algebra, variable, offset)
        self.coefficients, self._sources = coefficients, sources

    def compute(self, k: Any, read: Reading) -> Any:
        return self.coefficients(k)

    def sources(self) -> list[tuple[Stream, int]]:
        return list(self._sources)


class Ordered(Stream):
    """The end of a long program: the streams before it are asked in the program's order, so asking recurses little.

    Coefficient k of the end needs those before it up to index k at most, since indices add in products.
    """

    def __init__(self, last: Stream, before: Sequence[Stream]) -> None:
        super().__init__(last.algebra, last.variable, last.offset)
        self.last, self.before = last, before

    def compute(self, k: Any, read: Reading) -> Any:
        if isinstance(k, int):  # a loop over the degree has an order of its own
            for stream in self.before:
                read.at(stream, k)
        return read.at(self.last, k)

    def sources(self) -> list[tuple[Stream, int]]:
        return [(self.last, 0)]

    def extent(self) -> int | None:
        return self.last.extent()


def _shifted(stream: Stream, offset: int) -> int | None:
    """The extent of a summand of a stream that begins at ``offset``: a constant is zero in a program of tangents."""
    return 0 if stream.constant and offset else stream.extent()


def _last(extents: Sequence[int | None]) -> int | None:
    known = [e for e in extents if e is not None]
    return max(known) if len(known) == len(extents) else None
