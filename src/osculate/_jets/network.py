"""A network of streams: the trace of a function, read as power series.

The one law: y = p(x) is the integral of the stream ``jvp(p)(x; x′)``. The JVP rule of p is itself a program, read as
streams. Where p(x) reappears inside its own rule, the memo hands back the very stream that is being defined, and the
rule becomes a recurrence: every differentiable primitive gets all orders at polynomial cost, with no table of
derivatives.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Protocol

import jax
import numpy as np
from jax import lax

from osculate._dependence import dependence
from osculate._errors import Location, Unreadable
from osculate._interpret import forward, table
from osculate._trace import (
    Call,
    CustomJVP,
    CustomVJP,
    Elementary,
    Literal,
    Node,
    Trace,
    Variable,
    program,
    pushforward,
    single,
)

from .algebra import Algebra, Coefficients
from .stream import Constant, Given, Integral, Linear, Ordered, Product, Stream, Zero

Rule = Callable[["Network", Node, Sequence[Stream]], Sequence[Stream]]

RULES: dict[str, Rule] = table("jets")

LONG = 40
"""Derivative rules with more streams are computed in order: Python's stack bears some hundred nested requests."""


class Lowering(Protocol):
    """When the coefficients of streams are computed, and by which operations."""

    def settle(self, stream: Stream) -> None:
        """Called for each stream of a program, in the program's order."""
        ...

    def finish(self, streams: Sequence[Stream]) -> None:
        """Called for the outputs: from now on each ``stream[k]`` is known."""
        ...


class Unrolled:
    """Every coefficient is an operation of its own: fast for small orders. Streams are computed in program order."""

    def __init__(self, order: int) -> None:
        self.order = order

    def settle(self, stream: Stream) -> None:
        for k in range(1 if stream.constant else self.order - stream.offset + 1):
            stream[k]

    def finish(self, streams: Sequence[Stream]) -> None:
        pass


class Network:
    """Streams over one algebra, up to one order, with the memo that closes the recurrences."""

    def __init__(
        self, asked: str, algebra: Algebra, order: int, lowering: Callable[[int], Lowering] = Unrolled
    ) -> None:
        self.asked, self.algebra, self.order = asked, algebra, order
        self.make_lowering, self.lowering = lowering, lowering(order)
        self._memo: dict[Hashable, tuple[Sequence[Stream], Sequence[Stream]]] = {}
        self._where: Location | None = None

    # making streams

    def child(self, order: int | None = None) -> Network:
        """A network for the body of a loop: its coefficients live inside the loop, so it shares no memo."""
        child = Network(self.asked, self.algebra, self.order if order is None else order, self.make_lowering)
        child._where = self._where
        return child

    def constant(self, variable: Variable, value: Any) -> Constant:
        """A value that does not move."""
        if isinstance(variable, Literal) and variable.inexact and _is_zero(value):
            return Zero(self.algebra, variable)
        return Constant(self.algebra, variable, lambda: self.algebra.literal(value, variable))

    def series(self, variable: Variable, coefficients: Coefficients, offset: int = 0) -> Stream:
        """A stream with these coefficients; a constant one where only coefficient 0 is there."""
        if offset == 0 and variable.inexact and any(c is not None for c in coefficients[1:]):
            return Given(self.algebra, variable, coefficients)
        if offset > 0:
            return Given(self.algebra, variable, coefficients, offset)
        first = coefficients[0]
        return Zero(self.algebra, variable) if first is None else Constant(self.algebra, variable, lambda: first)

    def constants(self, node: Node, inputs: Sequence[Stream]) -> list[Stream]:
        """Outputs that do not move, whatever the inputs do."""
        first = Primal(self, node, inputs)
        return [Constant(self.algebra, v, partial(first, i)) for i, v in enumerate(node.outputs)]

    def multiply(self, a: Stream, b: Stream, first: Callable[[], Any] | None = None) -> Stream:
        """The elementwise product; ``first`` overrides coefficient 0."""
        return Product(self.algebra, single(lax.mul, a.variable, b.variable), a, b, first)

    def apply(self, function: Callable[..., Any], *inputs: Stream) -> list[Stream]:
        """Streams of a small JAX function of streams: the way to write a direct rule."""
        return self.run(program(function, *(s.variable for s in inputs)), inputs)

    # reading programs

    def run(
        self, trace: Trace, inputs: Sequence[Stream], *, settle: bool = False, order: list[Stream] | None = None
    ) -> list[Stream]:
        """Output streams of a program.

        With ``settle``, the lowering computes the coefficients in the program's order, so that long programs do not
        recurse deeply; ``order`` collects the streams in that order, to the same end.
        """
        wanted = {v for node in trace.nodes for v in node.inputs} | set(trace.outputs)

        def step(node: Node, arguments: list[Stream]) -> Sequence[Stream]:
            outputs = self.node(node, arguments, settle=settle, order=order)
            if order is not None and not isinstance(node, Call):
                order.extend(s for v, s in zip(node.outputs, outputs, strict=True) if v in wanted)
            if settle and not node.outputs:
                Primal(self, node, arguments).run()  # an effect, such as jax.debug.print
            if settle:
                for variable, stream in zip(node.outputs, outputs, strict=True):
                    if variable in wanted:
                        self.lowering.settle(stream)
            return outputs

        return forward(trace, inputs, step, self.constant)

    def settled(self, trace: Trace, inputs: Sequence[Stream]) -> list[Stream]:
        """Output streams of a whole program, of which every coefficient is known."""
        outputs = self.run(trace, inputs, settle=True)
        self.lowering.finish(outputs)
        return outputs

    def node(
        self, node: Node, inputs: Sequence[Stream], *, settle: bool = False, order: list[Stream] | None = None
    ) -> Sequence[Stream]:
        """Output streams of one node."""
        if isinstance(node, Call):
            return self.run(node.body, inputs, settle=settle, order=order)
        key = (node.key, tuple(map(_identity, inputs)))
        if key not in self._memo:
            outer, self._where = self._where, self._where or node.where
            try:
                streams = self._make(node, inputs)
            finally:
                self._where = outer
            self._memo[key] = (streams, inputs)  # the inputs stay alive, so that their identities stay unique
        return self._memo[key][0]

    def _make(self, node: Node, inputs: Sequence[Stream]) -> Sequence[Stream]:
        if all(s.constant for s in inputs):
            if _keeps_zero(node) and all(isinstance(s, Zero) for s in inputs if s.variable.inexact):
                return [Zero(self.algebra, variable) for variable in node.outputs]
            return self.constants(node, inputs)
        if not any(v.inexact for v in node.outputs):
            return self.constants(node, inputs)
        function = getattr(node, "function", "")  # JAX's own functions may have a rule under their name: "jax.expn"
        if (rule := RULES.get(function if function.startswith("jax.") else node.name)) is not None:
            return rule(self, node, inputs)
        if getattr(node, "linear", False):
            return linear(self, node, inputs)
        return self.by_pushforward(node, inputs)

    def by_pushforward(self, node: Node, inputs: Sequence[Stream]) -> list[Stream]:
        """The one law: integrate the node's own JVP rule."""
        active = [i for i, s in enumerate(inputs) if not s.constant and s.variable.inexact]
        first = Primal(self, node, inputs)
        offset = self._offset(node, inputs, active)
        read: list[list[Stream]] = []
        where = self._where

        def integrand(index: int) -> Stream:
            if not read:
                outer, self._where = self._where, where
                try:
                    rule = attempt_pushforward(self.asked, node, active, self._where or node.where)
                    tangents = [inputs[i].derivative() for i in active]
                    order: list[Stream] = []
                    ends = self.run(rule, [*inputs, *tangents], order=order)
                    read.append([Ordered(end, order) for end in ends] if len(order) > LONG else ends)
                finally:
                    self._where = outer
            return read[0][index]

        streams: list[Stream] = []
        moving = 0
        for i, variable in enumerate(node.outputs):
            if variable.inexact:
                streams.append(Integral(self.algebra, variable, partial(first, i), partial(integrand, moving), offset))
                moving += 1
            else:
                streams.append(Constant(self.algebra, variable, partial(first, i)))
        return streams

    def _offset(self, node: Node, inputs: Sequence[Stream], active: Sequence[int]) -> int:
        """The degree at which the outputs begin: products add offsets, sums share one.

        Inputs that begin late are tangents. If the node multiplies two of them, its JVP rule in these alone contains
        one as it stands beside the change of the other; if it is linear in them jointly, only the changes are left.
        """
        late = [i for i in active if inputs[i].offset > 0]
        if len(late) > 1:
            rule = attempt_pushforward(self.asked, node, late, self._where or node.where)
            if any(i in links for links in dependence(rule) for i in late):
                return sum(inputs[i].offset for i in late)
        return max((inputs[i].offset for i in late), default=0)


@contextmanager
def leaks_named(asked: str) -> Generator[None]:
    """Turn what JAX says of a leaked value into an error that says where it comes from."""
    try:
        yield
    except jax.errors.UnexpectedTracerError as error:
        raise Unreadable(
            asked,
            "a custom rule in the function keeps a value of a trace that has ended; JAX cannot differentiate it twice",
            remedy="rewrite the custom rule so that it makes its constants itself",
        ) from error


def attempt_pushforward(asked: str, node: Node, active: Sequence[int], where: Location | None) -> Trace:
    """The JVP rule of a node as a program, or an error that names the node and the user's line."""
    try:
        return pushforward(node, active)
    except (NotImplementedError, ValueError, TypeError, AssertionError) as error:
        raise Unreadable(
            asked,
            f"no jet rule for primitive `{node.name}`: JAX cannot differentiate it "
            f"({(str(error) or type(error).__name__).splitlines()[0]})",
            where=where,
            remedy=f'add one with @osculate.register("jets", "{node.name}") (CONTRIBUTING.md shows how), '
            "or rewrite that line with functions that osculate.coverage(f)(x) calls readable",
        ) from error


class Primal:
    """The outputs of a node at coefficient 0 of its inputs, computed once, when first asked for."""

    def __init__(self, network: Network, node: Node, inputs: Sequence[Stream]) -> None:
        self.network, self.node, self.inputs = network, node, inputs
        self._values: list[Any] | None = None

    def __call__(self, index: int = 0) -> Any:
        return self.run()[index]

    def run(self) -> list[Any]:
        """All outputs."""
        if self._values is None:
            algebra = self.network.algebra
            if algebra.whole or isinstance(self.node, Elementary):
                values = [s.value(0) for s in self.inputs]
                degrees = [None if s.constant else s.offset for s in self.inputs]
                self._values = algebra.evaluate(self.node, values, degrees)
            else:
                self._values = [stream.value(0) for stream in self._read()]
        return self._values

    def _read(self) -> Sequence[Stream]:
        """The outputs by the bodies of the node, for an algebra that evaluates primitives alone."""
        network = self.network.child(order=0)
        still = [network.series(s.variable, [s.value(0)]) for s in self.inputs]
        if isinstance(self.node, (CustomJVP, CustomVJP)):
            return network.run(self.node.body, still)
        return RULES[self.node.name](network, self.node, still)


def linear(network: Network, node: Node, inputs: Sequence[Stream]) -> list[Stream]:
    """Rule of a node that is linear in all its inexact inputs jointly; the others (indices, predicates) stand still."""
    moving = [i for i, s in enumerate(inputs) if s.variable.inexact]
    return partly_linear(network, node, inputs, moving)


def partly_linear(network: Network, node: Node, inputs: Sequence[Stream], moving: Sequence[int]) -> list[Stream]:
    """Rule of a node that is linear in the inputs at ``moving`` jointly while the others stand still."""
    first = Primal(network, node, inputs)
    offset = max(inputs[i].offset for i in moving)
    return [
        Linear(network.algebra, node, inputs, moving, i, partial(first, i) if offset == 0 else None)
        for i in range(len(node.outputs))
    ]


def _keeps_zero(node: Node) -> bool:
    """Whether zero inputs give zero outputs, by linearity."""
    inexact = all(v.inexact for v in node.outputs) and any(v.inexact for v in node.inputs)
    return inexact and (RULES.get(node.name) is linear or getattr(node, "linear", False))


def _identity(stream: Stream) -> Hashable:
    """What the memo compares: the stream itself, or the bits of a literal."""
    if isinstance(stream.variable, Literal):
        value = np.asarray(stream.variable.value)
        return value.tobytes(), str(value.dtype), stream.variable.weak
    return id(stream)


def _is_zero(value: Any) -> bool:
    return np.ndim(value) == 0 and isinstance(value, (int, float, complex, np.generic, np.ndarray)) and value == 0
