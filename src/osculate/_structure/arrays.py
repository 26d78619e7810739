"""The arrays that a plan computes: a straight-line program that is known, with its cost, before any number is."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_numbers = itertools.count()


@dataclass(frozen=True, eq=False)
class Array:
    """One array of the program: ``compute`` of the arrays ``inputs``. Made later means computed later.

    ``einsum`` is the contraction that it is of its inputs, where it is one.
    """

    shape: tuple[int, ...]
    inputs: tuple[Array, ...] = field(default=(), repr=False)
    compute: Callable[..., Any] | None = field(default=None, repr=False)
    flops: float = 0.0
    einsum: str | None = field(default=None, repr=False)
    number: int = field(default_factory=lambda: next(_numbers), repr=False)

    @property
    def size(self) -> int:
        """Number of entries."""
        return math.prod(self.shape)


def needed(wanted: Iterable[Array]) -> list[Array]:
    """The arrays that must be computed, in order."""
    seen: set[Array] = set()
    waiting = list(wanted)
    while waiting:
        array = waiting.pop()
        if array not in seen:
            seen.add(array)
            waiting.extend(array.inputs)
    return sorted(seen, key=lambda array: array.number)


def run(wanted: Sequence[Array], given: Mapping[Array, Any]) -> list[Any]:
    """Values of the arrays ``wanted``, from those ``given``."""
    order = needed(wanted)
    last = {source: i for i, array in enumerate(order) for source in array.inputs}
    last |= dict.fromkeys(wanted, len(order))
    values: dict[Array, Any] = {}
    for i, array in enumerate(order):
        if array.compute is None:
            values[array] = given[array]
        else:
            values[array] = array.compute(*(values[source] for source in array.inputs))
        for source in array.inputs:
            if last[source] == i:
                values.pop(source, None)
    return [values[array] for array in wanted]


def flops(arrays: Sequence[Array]) -> float:
    """Arithmetic operations that computing these arrays takes."""
    return sum(array.flops for array in needed(arrays))


def peak(arrays: Sequence[Array]) -> int:
    """Most entries alive at once while these arrays are computed, each at its full size; a compiler fuses some away."""
    order = needed(arrays)
    last = {source: i for i, array in enumerate(order) for source in array.inputs}
    last |= dict.fromkeys(arrays, len(order))
    alive = most = 0
    for i, array in enumerate(order):
        alive += array.size
        most = max(most, alive)
        alive -= sum(source.size for source in set(array.inputs) if last[source] == i)
    return most
