"""Jet rules of loops and branches: all coefficients of a carry travel through the loop together.

A rule here says what one step does to packed coefficients; the algebra says how a loop over packed coefficients runs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any, cast

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

    closed = _closed(network, constants)

    def step(carry: Packed, items: Packed) -> tuple[Packed, Packed]:
        inner = network.child()
        still = closed(inner)
        rows = _step(inner, loop.body, still, variables, [*carry, *items], offsets, out_offsets)
        return rows[: loop.carries], rows[loop.carries :]

    @cache
    def run() -> Packed:
        network.lowering.finish(inputs)
        closed(network)
        packed = [_packed(network, s, o) for s, o in zip(moving, offsets, strict=True)]
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

    return _joint(network, node, inputs, run, out_offsets)


@register("jets", "while")
def while_loop(network: Network, node: Node, inputs: Sequence[Stream]) -> list[Stream]:
    """``lax.while_loop``: the predicate sees coefficient 0, so the loop runs as it does for the value."""
    loop = cast(While, node)
    before = loop.predicate_constants
    after = before + loop.body_constants
    tested, constants, moving = inputs[:before], inputs[before:after], inputs[after:]
    variables = loop.body.inputs[loop.body_constants :]
    offsets, _ = _offsets(network, loop.body, constants, variables, moving, len(moving))

    closed = _closed(network, constants)

    def predicate(carry: Packed) -> Any:
        inner = network.child()
        still = [_standing(inner, s.variable, s.value(0)) for s in tested]
        values = [_standing(inner, v, row[0]) for v, row in zip(variables, carry, strict=True)]
        return inner.run(loop.predicate, [*still, *values])[0].value(0)

    def step(carry: Packed) -> Packed:
        inner = network.child()
        return _step(inner, loop.body, closed(inner), variables, carry, offsets, offsets)

    @cache
    def run() -> Packed:
        network.lowering.finish(inputs)
        closed(network)
        for stream in tested:
            stream[0]
        packed = [_packed(network, s, o) for s, o in zip(moving, offsets, strict=True)]
        return network.algebra.while_loop(predicate, step, packed, loop.body.outputs)

    return _joint(network, node, inputs, run, offsets)


@register("jets", "cond")
def cond(network: Network, node: Node, inputs: Sequence[Stream]) -> list[Stream]:
    """``lax.cond`` and ``lax.switch``: the branch that the value takes."""
    branches = cast(Cond, node).branches
    index, moving = inputs[0], inputs[1:]
    variables = branches[0].inputs
    offsets = [s.offset for s in moving]
    per_branch = [_output_offsets(network, branch, (), variables, offsets) for branch in branches]
    out_offsets = [max(column) for column in zip(*per_branch, strict=True)]

    def taken(branch: Trace, operands: Packed) -> Packed:
        return _step(network.child(), branch, (), branch.inputs, operands, offsets, out_offsets)

    @cache
    def run() -> Packed:
        network.lowering.finish(inputs)
        packed = [_packed(network, s, o) for s, o in zip(moving, offsets, strict=True)]
        programs = [partial(taken, branch) for branch in branches]
        return network.algebra.switch(index.value(0), programs, packed, node.outputs)

    return _joint(network, node, inputs, run, out_offsets)


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
    return [_packed(inner, s, o) for s, o in zip(outputs, out_offsets, strict=True)]


def _packed(network: Network, stream: Stream, offset: int) -> Coefficients:
    """All coefficients of a stream from degree ``offset`` on, padded with zeros to one length for all streams."""
    if not stream.variable.inexact:
        return [stream.value(0)] + [None] * network.order
    last = network.order - offset
    return [aligned(ONE_BY_ONE, stream, k, offset) if k <= last else None for k in range(network.order + 1)]


def _closed(network: Network, constants: Sequence[Stream]) -> Callable[[Network], list[Stream]]:
    """What a loop closes over, as streams of the network of a step: the same coefficients, new streams.

    The coefficients are computed at the first call, which has to be outside the loop: inside, they would be values of
    the loop that the streams outside keep.
    """

    @cache
    def rows() -> Packed:
        return [_packed(network, s, s.offset) for s in constants]

    return lambda inner: [inner.series(s.variable, row, s.offset) for s, row in zip(constants, rows(), strict=True)]


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


def _joint(
    network: Network, node: Node, inputs: Sequence[Stream], run: Callable[[], Packed], offsets: Sequence[int]
) -> list[Stream]:
    """Streams of the outputs of a loop that runs once, when the first coefficient is asked for."""

    def coefficient(i: int, k: int) -> Any:
        row = run()[i]
        return row[k] if k < len(row) else None

    return [
        Joint(network.algebra, variable, partial(coefficient, i), inputs, offset)
        if variable.inexact
        else Constant(network.algebra, variable, partial(coefficient, i, 0))
        for i, (variable, offset) in enumerate(zip(node.outputs, offsets, strict=True))
    ]
