"""Jet rules of loops and branches: all coefficients of a carry travel through the loop together.

A rule here says what one step does to packed coefficients; the algebra says how a loop over packed coefficients runs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from osculate._errors import Unreadable
from osculate._interpret import register
from osculate._trace import Cond, Node, Scan, Trace, Variable, While

from .algebra import Coefficients, Packed
from .network import Network
from .reading import ONE_BY_ONE, aligned
from .stream import Constant, Joint, Stream


@register("jets", "scan")
def scan(network: Network, node: Node, inputs: Sequence[Stream]) -> list[Stream]:
    """``lax.scan``: the body maps the series of carry and item to those of the new carry and output."""
    loop = cast(Scan, node)
    constants, moving = inputs[: loop.constants], inputs[loop.constants :]
    variables = loop.body.inputs[loop.constants :]
    offsets, out_offsets = _offsets(network, loop.body, constants, variables, moving, loop.carries)

    def run(pack: Pack) -> Packed:
        closed = _closed(constants, pack)

        def step(carry: Packed, items: Packed) -> tuple[Packed, Packed]:
            inner = network.child(pack.order)
            rows = _step(inner, loop.body, closed(inner), variables, [*carry, *items], offsets, out_offsets)
            return rows[: loop.carries], rows[loop.carries :]

        packed = pack(moving, offsets)
        carry, stacked = network.algebra.scan(
            step,
            packed[: loop.carries],
            packed[loop.carries :],
            loop.body.outputs,
            length=loop.length,
            reverse=loop.reverse,
            unroll=loop.unroll,
        )
        return [*carry, *stacked]

    return Together(network, node, inputs, run, out_offsets).streams()


@register("jets", "while")
def while_loop(network: Network, node: Node, inputs: Sequence[Stream]) -> list[Stream]:
    """``lax.while_loop``: the predicate sees coefficient 0, so the loop runs as it does for the value."""
    loop = cast(While, node)
    before = loop.predicate_constants
    after = before + loop.body_constants
    tested, constants, moving = inputs[:before], inputs[before:after], inputs[after:]
    variables = loop.body.inputs[loop.body_constants :]
    offsets, _ = _offsets(network, loop.body, constants, variables, moving, len(moving))

    def predicate(carry: Packed) -> Any:
        inner = network.child()
        still = [_standing(inner, s.variable, s.value(0)) for s in tested]
        values = [_standing(inner, v, row[0]) for v, row in zip(variables, carry, strict=True)]
        return inner.run(loop.predicate, [*still, *values])[0].value(0)

    def run(pack: Pack) -> Packed:
        closed = _closed(constants, pack)

        def step(carry: Packed) -> Packed:
            inner = network.child(pack.order)
            return _step(inner, loop.body, closed(inner), variables, carry, offsets, offsets)

        for stream in tested:
            stream[0]
        return network.algebra.while_loop(predicate, step, pack(moving, offsets), loop.body.outputs)

    return Together(network, node, inputs, run, offsets).streams()


@register("jets", "cond")
def cond(network: Network, node: Node, inputs: Sequence[Stream]) -> list[Stream]:
    """``lax.cond`` and ``lax.switch``: the branch that the value takes."""
    branches = cast(Cond, node).branches
    index, moving = inputs[0], inputs[1:]
    variables = branches[0].inputs
    offsets = [s.offset for s in moving]
    per_branch = [_output_offsets(network, branch, (), variables, offsets) for branch in branches]
    out_offsets = [max(column) for column in zip(*per_branch, strict=True)]

    def run(pack: Pack) -> Packed:
        def taken(branch: Trace, operands: Packed) -> Packed:
            return _step(network.child(pack.order), branch, (), branch.inputs, operands, offsets, out_offsets)

        programs = [partial(taken, branch) for branch in branches]
        return network.algebra.switch(index.value(0), programs, pack(moving, offsets), node.outputs)

    return Together(network, node, inputs, run, out_offsets).streams()


@dataclass(frozen=True)
class Pack:
    """Coefficients up to degree ``order`` as loops carry them, for a program whose results begin at degree ``begin``.

    Where they begin late, they are linear in tangents: a factor that begins early is wanted at lower degrees alone.
    """

    order: int
    begin: int = 0

    def __call__(self, streams: Sequence[Stream], offsets: Sequence[int]) -> Packed:
        """All coefficients of each stream from its degree on, padded with zeros to one length."""
        return [self._one(stream, offset) for stream, offset in zip(streams, offsets, strict=True)]

    def behind(self, stream: Stream) -> int:
        """By how many degrees the results run ahead of the stream."""
        return max(0, self.begin - stream.offset)

    def _one(self, stream: Stream, offset: int) -> Coefficients:
        if not stream.variable.inexact:
            return [stream.value(0)] + [None] * self.order
        last = self.order - max(offset, self.begin)
        return [aligned(ONE_BY_ONE, stream, k, offset) if k <= last else None for k in range(self.order + 1)]


class Together:
    """Outputs of a loop or branch, which yields all their coefficients at once.

    A custom rule may hold a loop over the very value that it differentiates. Then the loop is asked, while it waits for
    its inputs, for what these need, and is run once more up to that degree.
    """

    def __init__(
        self,
        network: Network,
        node: Node,
        inputs: Sequence[Stream],
        run: Callable[[Pack], Packed],
        offsets: Sequence[int],
    ) -> None:
        self.network, self.node, self.inputs, self.run, self.offsets = network, node, inputs, run, offsets
        self.begin = min((o for v, o in zip(node.outputs, offsets, strict=True) if v.inexact), default=0)
        self.known: dict[int, Packed] = {}
        self.running: list[int] = []

    def streams(self) -> list[Stream]:
        """One stream for each output."""
        algebra, pack = self.network.algebra, Pack(self.network.order, self.begin)
        sources = [(stream, pack.behind(stream)) for stream in self.inputs]
        return [
            Joint(algebra, variable, partial(self.coefficient, i), sources, offset)
            if variable.inexact
            else Constant(algebra, variable, partial(self.coefficient, i, 0))
            for i, (variable, offset) in enumerate(zip(self.node.outputs, self.offsets, strict=True))
        ]

    def coefficient(self, i: int, k: int) -> Any:
        """Coefficient k of output i."""
        degree = k + self.offsets[i] if self.running else self.network.order
        if self.network.order in self.known:
            degree = self.network.order
        if degree not in self.known:
            self.known[degree] = self._up_to(degree)
        row = self.known[degree][i]
        return row[k] if k < len(row) else None

    def _up_to(self, degree: int) -> Packed:
        if (degree in self.running and degree < self.network.order) or degree < self.begin:
            raise Unreadable(
                self.network.asked,
                f"a custom rule holds a {self.node.name} that needs its own result",
                where=self.node.where,
                remedy="take what does not depend on the tangent out of that loop",
            )
        self.running.append(degree)
        try:
            if degree == self.network.order:
                self.network.lowering.finish(self.inputs)
            return self.run(Pack(degree, self.begin))
        finally:
            self.running.remove(degree)


def _step(
    inner: Network,
    body: Trace,
    constants: Sequence[Stream],
    variables: Sequence[Variable],
    rows: Packed,
    offsets: Sequence[int],
    out_offsets: Sequence[int],
) -> Packed:
    """Packed outputs of a body from its packed inputs."""
    streams = [inner.series(v, row, o) for v, row, o in zip(variables, rows, offsets, strict=True)]
    outputs = inner.settled(body, [*constants, *streams])
    return Pack(inner.order)(outputs, out_offsets)


def _closed(constants: Sequence[Stream], pack: Pack) -> Callable[[Network], list[Stream]]:
    """What a loop closes over, as streams of the network of a step: the same coefficients, new streams.

    The coefficients are computed here, outside of the loop: inside, they would be values of the loop that the streams
    outside keep.
    """
    rows = pack(constants, [s.offset for s in constants])
    return lambda inner: [inner.series(s.variable, row, s.offset) for s, row in zip(constants, rows, strict=True)]


def _standing(network: Network, variable: Variable, value: Any) -> Stream:
    return network.series(variable, [network.algebra.zeros(variable, 0) if value is None else value])


def _output_offsets(
    network: Network, body: Trace, constants: Sequence[Stream], variables: Sequence[Variable], offsets: Sequence[int]
) -> list[int]:
    """Degrees at which the outputs of a body begin, from those of its inputs; nothing is computed."""
    inner = network.child()
    mark = object()  # stands for a coefficient that is not zero
    still = [inner.series(s.variable, [mark, None if s.constant else mark], s.offset) for s in constants]
    moving = [inner.series(v, [mark, mark], o) for v, o in zip(variables, offsets, strict=True)]
    return [stream.offset for stream in inner.run(body, [*still, *moving])]


def _offsets(
    network: Network,
    body: Trace,
    constants: Sequence[Stream],
    variables: Sequence[Variable],
    moving: Sequence[Stream],
    carries: int,
) -> tuple[list[int], list[int]]:
    """Offsets of a loop's moving inputs and outputs; those of the carry are a fixed point: a step can raise them."""
    offsets = [s.offset for s in moving]
    while True:
        outputs = _output_offsets(network, body, constants, variables, offsets)
        raised = [max(a, b) for a, b in zip(offsets[:carries], outputs[:carries], strict=True)]
        if raised == offsets[:carries]:
            return offsets, [*raised, *outputs[carries:]]
        offsets[:carries] = raised
