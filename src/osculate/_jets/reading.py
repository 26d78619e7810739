"""How a rule sees the coefficients of the streams it stands on: so that each is written once for both lowerings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from osculate._errors import Unreadable
from osculate._trace import Node

from .algebra import Algebra

if TYPE_CHECKING:
    from .stream import Stream

Weight = Callable[[Any, Any], Any]
"""A factor of term j of a sum that makes coefficient k: ``weight(j, k)``."""


@dataclass(frozen=True, eq=False)
class Convolution:
    """Σ over j from ``start`` to k of node(a[j], b[k − j]), times the weight: what makes coefficient k of a product."""

    algebra: Algebra
    node: Node
    a: Stream
    b: Stream
    start: int = 0
    weight: Weight | None = None

    def term(self, u: Any, v: Any, j: Any, k: Any) -> Any:
        """The term of a[j] = u and b[k − j] = v."""
        degrees = [j + self.a.offset, k - j + self.b.offset]
        value = self.algebra.evaluate(self.node, [u, v], degrees)[0]
        return value if self.weight is None else self.algebra.scale(value, self.weight(j, k))


class Reading(Protocol):
    """What the lowerings have in common: k is a number in one, and traced in the other."""

    def at(self, stream: Stream, k: Any) -> Any:
        """Coefficient k, or None where it is exactly zero."""
        ...

    def convolve(self, product: Convolution, k: Any) -> Any:
        """The sum that makes coefficient k."""
        ...

    def number(self, of_k: Callable[[int], float], k: Any) -> Any:
        """A number that depends on k alone."""
        ...

    def known_part(self, solution: Implicit, k: Any) -> list[Any]:
        """Coefficient k of A x with x[k] taken as zero, for each equation of a linear system."""
        ...


class Implicit(Protocol):
    """Streams x defined by a linear system A x = b."""

    offset: int

    @property
    def unknowns(self) -> Sequence[Stream]:
        """The streams x."""
        ...

    def lower(self, k: int) -> list[Stream]:
        """The unknowns without their coefficients from k on."""
        ...

    def product(self, unknowns: Sequence[Stream]) -> list[Stream] | None:
        """A x; None where A stands still."""
        ...

    def applied(self) -> list[Stream] | None:
        """A x of the unknowns themselves, always the same streams."""
        ...


class OneByOne:
    """The reading of the unrolled lowering: k is a number, and each coefficient is an operation of its own."""

    def at(self, stream: Stream, k: Any) -> Any:
        return stream[k]

    def convolve(self, product: Convolution, k: Any) -> Any:
        algebra, a, b = product.algebra, product.a, product.b

        def total(indices: Sequence[int]) -> Any:
            found: Any = None
            for j in indices:
                if (u := a[j]) is not None and (v := b[k - j]) is not None:
                    term = product.term(u, v, j, k)
                    found = term if found is None else algebra.add(found, term)
            return found

        if not (a is b and product.node.name in ("mul", "square")):
            return total(range(product.start, k + 1))
        half, middle = total(range((k + 1) // 2)), total([k // 2]) if k % 2 == 0 else None
        if half is None:
            return middle
        half = algebra.scale(half, 2)
        return half if middle is None else algebra.add(half, middle)

    def number(self, of_k: Callable[[int], float], k: Any) -> Any:
        return of_k(k)

    def known_part(self, solution: Implicit, k: Any) -> list[Any]:
        product = solution.product(solution.lower(k)) if k else None
        if product is None:
            return [None] * len(solution.unknowns)
        return [None if s.constant else aligned(self, s, k, solution.offset) for s in product]


ONE_BY_ONE = OneByOne()


def at_value(k: Any) -> bool:
    """Whether this is coefficient 0: never in a loop over the degree, which begins after it."""
    return isinstance(k, int) and k == 0


def aligned(read: Reading, stream: Stream, k: Any, offset: int) -> Any:
    """Coefficient k as a summand of a stream that begins at ``offset``.

    A program of tangents is homogeneous: a constant that meets a tangent there is a zero that the program wrote out. A
    moving stream that begins earlier than the tangent it is added to would mean that the rule is not linear.
    """
    if stream.offset == offset:
        return read.at(stream, k)
    if stream.constant:
        return None
    raise Unreadable(
        "osculate (jets)",
        f"a derivative rule adds a value that moves, {stream.variable}, to a tangent: it is not linear in its tangents",
        remedy="check the custom_jvp or custom_vjp rules of the function: tangents out must be linear in tangents in",
    )
