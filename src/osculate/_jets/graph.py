"""The order in which streams can be computed: which depend on themselves, and what comes first within a degree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from .linalg import Unknown
from .stream import Stream

Knot = list[Stream]
"""Streams that depend on each other (a strongly connected component), in an order for computing one degree."""


def needed(outputs: Sequence[Stream], degree: int, known: Iterable[Stream]) -> dict[Stream, int]:
    """Every moving stream that the outputs stand on, with the highest degree that is wanted of it.

    Endless chains of rules end here: in y′ = p(x) x′ the stream p(x) lies one degree behind y, and of a stream of which
    only the value is wanted no rule is read.
    """
    found: dict[Stream, int] = {}
    ready = set(known)
    pending = [(stream, degree) for stream in outputs]
    while pending:
        stream, most = pending.pop()
        if stream.constant or stream in ready or most < stream.offset or found.get(stream, -1) >= most:
            continue
        found[stream] = most
        if most > stream.offset:
            pending.extend((source, most - behind) for source, behind in stream.sources())
    return found


def knots(streams: Mapping[Stream, int]) -> list[Knot]:
    """Strongly connected components, those that others stand on first (Tarjan, SIAM J. Comput. 1, 1972)."""
    index: dict[Stream, int] = {}
    lowest: dict[Stream, int] = {}
    stack: list[Stream] = []
    waiting: set[Stream] = set()
    found: list[Knot] = []
    for root in streams:
        if root in index:
            continue
        work = [(root, iter(_sources(root, streams)))]
        while work:
            stream, rest = work[-1]
            if stream not in index:
                index[stream] = lowest[stream] = len(index)
                stack.append(stream)
                waiting.add(stream)
            for source in rest:
                if source not in index:
                    work.append((source, iter(_sources(source, streams))))
                    break
                if source in waiting:
                    lowest[stream] = min(lowest[stream], index[source])
            else:
                work.pop()
                if work:
                    lowest[work[-1][0]] = min(lowest[work[-1][0]], lowest[stream])
                if lowest[stream] == index[stream]:
                    cut = stack.index(stream)
                    found.append(stack[cut:])
                    waiting.difference_update(stack[cut:])
                    del stack[cut:]
    return [_in_order(knot) for knot in found]


def _sources(stream: Stream, streams: Mapping[Stream, int]) -> list[Stream]:
    if streams[stream] <= stream.offset:
        return []
    return [source for source, _ in stream.sources() if source in streams]


def _in_order(knot: Knot) -> Knot:
    """The streams of a knot so that each comes after those that it reads at its own degree."""
    members = set(knot)
    order: dict[Stream, None] = {}
    for root in knot:
        work = [(root, iter(_at_same_degree(root, members)))]
        while work:
            stream, rest = work[-1]
            source = next((s for s in rest if s not in order and all(s is not w for w, _ in work)), None)
            if source is not None:
                work.append((source, iter(_at_same_degree(source, members))))
            else:
                order[stream] = None
                work.pop()
    return list(order)


def _at_same_degree(stream: Stream, members: set[Stream]) -> list[Stream]:
    if isinstance(stream, Unknown):
        outside = [s for t in behind_unknowns(stream, members) for s in _direct(t, members)]
        later = {*behind_unknowns(stream, members), *stream.solution.unknowns}
        return [s for s in (*stream.solution.right, *outside) if s in members and s not in later]
    return _direct(stream, members)


def _direct(stream: Stream, members: set[Stream]) -> list[Stream]:
    return [source for source, behind in stream.sources() if behind == 0 and source in members]


def behind_unknowns(unknown: Unknown, members: set[Stream]) -> Knot:
    """Streams of A x that depend on x at the same degree, in order: what is computed a first time with x[k] = 0."""
    unknowns = set(unknown.solution.unknowns)
    order: dict[Stream, bool] = {}

    def visit(stream: Stream) -> bool:
        if stream in unknowns:
            return True
        if stream not in order:
            order[stream] = False
            depends = [visit(source) for source in _direct(stream, members)]
            del order[stream]
            order[stream] = any(depends)
        return order[stream]

    for stream in unknown.solution.applied() or ():
        if stream in members:
            visit(stream)
    return [stream for stream, depends in order.items() if depends]
