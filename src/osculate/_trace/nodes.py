"""What a traced program is made of: our own frozen nodes, so that no reading ever sees a raw equation of JAX."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from osculate._errors import Location, first_user_location


@dataclass(frozen=True, eq=False)
class Variable:
    """An array of the program, known by its shape and dtype alone. Two variables are equal only if identical."""

    shape: tuple[int, ...]
    dtype: Any
    weak: bool = False

    @property
    def inexact(self) -> bool:
        """Whether it holds floating-point or complex numbers: only those have derivatives."""
        return jnp.issubdtype(self.dtype, np.inexact)

    @property
    def abstract(self) -> jax.ShapeDtypeStruct:
        """The same facts as JAX's own type, for tracing a rule at this shape."""
        return jax.ShapeDtypeStruct(self.shape, self.dtype, weak_type=self.weak)

    def __str__(self) -> str:
        return f"{np.dtype(self.dtype).name if self.inexact else self.dtype}{list(self.shape)}"


@dataclass(frozen=True, eq=False)
class Literal(Variable):
    """A scalar written into the program."""

    value: Any = None


@dataclass(frozen=True, eq=False, kw_only=True)
class Node:
    """One step of a program: ``outputs = name(*inputs, **params)``.

    ``key`` identifies the operation (name and parameters, not its inputs): two nodes with the same key compute the same
    function. ``evaluate`` computes it on arrays or tracers.
    """

    name: str
    inputs: tuple[Variable, ...]
    outputs: tuple[Variable, ...]
    params: Mapping[str, Any] = field(repr=False)
    key: Hashable = field(repr=False)
    run: Callable[..., Sequence[Any]] = field(repr=False)
    tracebacks: Sequence[Any] = field(default=(), repr=False)

    def evaluate(self, *values: Any) -> list[Any]:
        """Values of the outputs at the values of the inputs."""
        return list(self.run(*values))

    @property
    def bodies(self) -> tuple[Trace, ...]:
        """The programs that the node runs; none for a primitive."""
        return ()

    @cached_property
    def where(self) -> Location | None:
        """The user's own line that made this node, or called the function that it is part of."""
        for traceback in self.tracebacks:
            frames = () if traceback is None else traceback.frames
            if (found := first_user_location((f.file_name, f.line_num, f.function_name) for f in frames)) is not None:
                return found
        return None


@dataclass(frozen=True, eq=False, kw_only=True)
class Elementary(Node):
    """A primitive without a body. ``linear``: linear in all its inexact inputs jointly, by JAX's own table."""

    linear: bool


@dataclass(frozen=True, eq=False, kw_only=True)
class Call(Node):
    """A program called as a whole (``jit``, ``remat``): reading its body in place is reading the call."""

    body: Trace

    @property
    def bodies(self) -> tuple[Trace, ...]:
        """The program called."""
        return (self.body,)


@dataclass(frozen=True, eq=False, kw_only=True)
class CustomJVP(Node):
    """A function with the user's own forward rule. ``body`` is its value; the rule alone defines its derivatives.

    ``function`` is the name of the function, with ``jax.`` before it where it is JAX's own; ``static`` are those of its
    arguments that are no arrays of the program (``nondiff_argnums``).
    """

    body: Trace
    function: str = ""
    static: tuple[Any, ...] = ()

    @property
    def bodies(self) -> tuple[Trace, ...]:
        """The program of the value; the rule is not among them."""
        return (self.body,)


@dataclass(frozen=True, eq=False, kw_only=True)
class CustomVJP(Node):
    """A function with the user's own backward rule. ``body`` is its value; the rule alone defines its derivatives."""

    body: Trace

    @property
    def bodies(self) -> tuple[Trace, ...]:
        """The program of the value; the rule is not among them."""
        return (self.body,)


@dataclass(frozen=True, eq=False, kw_only=True)
class Scan(Node):
    """``lax.scan``; inputs are ``constants``, then ``carries``, then the scanned arrays."""

    body: Trace
    constants: int
    carries: int
    length: int
    reverse: bool
    unroll: Any

    @property
    def bodies(self) -> tuple[Trace, ...]:
        """One step."""
        return (self.body,)


@dataclass(frozen=True, eq=False, kw_only=True)
class While(Node):
    """``lax.while_loop``; inputs are the constants of the predicate, those of the body, then the carries."""

    predicate: Trace
    body: Trace
    predicate_constants: int
    body_constants: int

    @property
    def bodies(self) -> tuple[Trace, ...]:
        """The test and one step."""
        return self.predicate, self.body


@dataclass(frozen=True, eq=False, kw_only=True)
class Cond(Node):
    """``lax.cond`` and ``lax.switch``; the first input is the index of the branch."""

    branches: tuple[Trace, ...]

    @property
    def bodies(self) -> tuple[Trace, ...]:
        """All branches."""
        return self.branches


@dataclass(frozen=True, eq=False, kw_only=True)
class LinearSolve(Node):
    """``lax.custom_linear_solve``: x with ``matvec(x) = b``.

    Inputs are the constants of ``matvec``, of its transpose, of ``solve``, of the transposed solve, then b.
    """

    matvec: Trace
    solve: Trace
    matvec_constants: int
    solve_constants: slice
    right_sides: slice

    @property
    def bodies(self) -> tuple[Trace, ...]:
        """The product with the matrix, and the solution."""
        return self.matvec, self.solve


@dataclass(frozen=True, eq=False)
class Trace:
    """A program: ``outputs`` from ``inputs`` by ``nodes`` in order, with the arrays it closes over."""

    inputs: tuple[Variable, ...]
    constants: tuple[tuple[Variable, Any], ...] = field(repr=False)
    nodes: tuple[Node, ...]
    outputs: tuple[Variable, ...]
    run: Callable[..., list[Any]] = field(repr=False)

    def evaluate(self, *values: Any) -> list[Any]:
        """Values of the outputs; every JAX transformation works through this."""
        return self.run(*values)
