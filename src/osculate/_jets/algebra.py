"""What the coefficients of a stream are. An algebra evaluates one node on coefficients; everything else is derived.

Arrays are the first algebra (``trees``). Others (enclosures, symbols) bring the same few operations and get every rule:
a derivative rule is itself a program, so it needs nothing but the values of primitives.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from osculate._trace import Node, Variable

Coefficients = list[Any]
"""Coefficients 0, 1, … of one stream; None is zero."""

Packed = list[Coefficients]
"""Several streams in one go, as loops carry them."""


class Algebra(Protocol):
    """The operations on coefficients that streams need.

    ``whole`` says whether ``evaluate`` takes nodes with bodies too (loops, branches, calls, custom rules, linear
    systems). Where it does not, their bodies are read node by node, so an algebra needs primitives alone.
    """

    whole: bool

    def evaluate(self, node: Node, values: Sequence[Any], degrees: Sequence[int | None]) -> list[Any]:
        """Outputs of a node; ``degrees[i]`` is the degree of ``values[i]``, None where it stands still."""
        ...

    def zeros(self, variable: Variable, degree: int) -> Any:
        """A coefficient that is zero, written out."""
        ...

    def literal(self, value: Any, variable: Variable) -> Any:
        """A constant of the program as a coefficient of degree 0."""
        ...

    def add(self, a: Any, b: Any) -> Any:
        """A sum of two coefficients of the same shape."""
        ...

    def subtract(self, a: Any, b: Any) -> Any:
        """A difference of two coefficients of the same shape."""
        ...

    def negate(self, a: Any) -> Any:
        """The negative."""
        ...

    def scale(self, a: Any, k: Any) -> Any:
        """A coefficient times a number that the algebra can hold exactly, such as an integer."""
        ...

    def divide(self, a: Any, k: Any) -> Any:
        """A coefficient divided by an integer (never times 1/k, which is not exact)."""
        ...

    def fit(self, a: Any, variable: Variable, degree: int) -> Any:
        """A coefficient at another shape and dtype, as addition with a scalar does it."""
        ...

    def scan(
        self,
        step: Callable[[Packed, Packed], tuple[Packed, Packed]],
        carry: Packed,
        scanned: Packed,
        outputs: Sequence[Variable],
        *,
        length: int,
        reverse: bool,
        unroll: Any,
    ) -> tuple[Packed, Packed]:
        """A loop of known length over packed coefficients; ``outputs`` are the variables of a step's results."""
        ...

    def while_loop(
        self,
        predicate: Callable[[Packed], Any],
        step: Callable[[Packed], Packed],
        carry: Packed,
        outputs: Sequence[Variable],
    ) -> Packed:
        """A loop whose length depends on its values."""
        ...

    def switch(
        self,
        index: Any,
        branches: Sequence[Callable[[Packed], Packed]],
        operands: Packed,
        outputs: Sequence[Variable],
    ) -> Packed:
        """One of several programs, by the value of ``index``."""
        ...
