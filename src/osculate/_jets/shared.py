"""Elementwise functions in collapsed jets: their Taylor coefficients at x₀ are shared by all directions.

y[k] = Σₘ g⁽ᵐ⁾(x₀)/m! · ((x − x₀)ᵐ)[k], so one scalar jet of g at the array x₀, and products. A whole run of elementwise
operations that the program keeps together (a call, such as ``jax.nn.gelu``, or a custom rule) is one such g.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from osculate._dependence import ELEMENTWISE, dependence
from osculate._trace import Call, CustomJVP, Node, Trace, single

from .determinants import is_log_determinant, log_determinant
from .elementwise import even_power_of_root, known_exponent
from .network import RULES, Network, linear
from .stream import Constant, Joint, Stream
from .trees import Arrays


class SharedNetwork(Network):
    """A network of collapsed coefficients, where elementwise functions of one moving array share derivatives."""

    def __init__(self, asked: str, algebra: Any, order: int) -> None:
        super().__init__(asked, algebra, order)
        self._powers: dict[Stream, list[Stream]] = {}
        self._radicands: dict[Stream, Stream] = {}  # of square roots: their even powers are smooth where they are not

    def child(self, order: int | None = None) -> Network:
        child = SharedNetwork(self.asked, self.algebra, self.order if order is None else order)
        child._where = self._where
        return child

    def node(
        self, node: Node, inputs: Sequence[Stream], *, settle: bool = False, order: list[Stream] | None = None
    ) -> Sequence[Stream]:
        if isinstance(node, Call) and (moving := _shareable(node, inputs)) is not None:
            return self._shared(node, inputs, moving)
        return super().node(node, inputs, settle=settle, order=order)

    def _make(self, node: Node, inputs: Sequence[Stream]) -> Sequence[Stream]:
        if inputs and inputs[0] in self._radicands and (exponent := _even_power(node, inputs)):
            return [even_power_of_root(self, node, inputs, self._radicands[inputs[0]], exponent)]
        if (moving := _shareable(node, inputs)) is not None:
            streams = self._shared(node, inputs, moving)
            if node.name == "sqrt":
                self._radicands[streams[0]] = inputs[0]
            return streams
        if is_log_determinant(node) and not inputs[0].constant and inputs[0].offset == 0:
            return log_determinant(self, node, inputs)
        return super()._make(node, inputs)

    def _shared(self, node: Node, inputs: Sequence[Stream], moving: int) -> Sequence[Stream]:
        x = inputs[moving]
        arrays = Network(self.asked, Arrays(), self.order)

        def along(k: int) -> Any:
            return x.value(0) if k == 0 else jnp.ones(x.variable.shape, x.variable.dtype) if k == 1 else None

        streams = [Joint(arrays.algebra, s.variable, along, ()) if i == moving else s for i, s in enumerate(inputs)]
        sources = [(s, 0) for s in inputs]
        return [
            Constant(self.algebra, g.variable, partial(g.value, 0))  # the sign, a step, what stops gradients
            if g.constant
            else Joint(
                self.algebra,
                g.variable,
                partial(self._composed, g, x, single(lax.mul, g.variable, x.variable)),
                sources,
            )
            for g in arrays.node(node, streams)
        ]

    def _composed(self, g: Stream, x: Stream, product: Node, k: int) -> Any:
        if k == 0:
            return g[0]
        total: Any = None
        for m in range(1, k + 1):
            if (power := self._power(x, m)[k]) is not None and (factor := g[m]) is not None:
                term = self.algebra.evaluate(product, [factor, power], [0, k])[0]
                total = term if total is None else self.algebra.add(total, term)
        return total

    def _power(self, x: Stream, m: int) -> Stream:
        """(x − x₀)ᵐ, once for all functions of x."""
        if x not in self._powers:
            self._powers[x] = [Joint(self.algebra, x.variable, lambda k: x[k] if k else None, [(x, 0)])]
        powers = self._powers[x]
        while len(powers) < m:
            half = (len(powers) + 1) // 2
            powers.append(self.multiply(powers[half - 1], powers[len(powers) - half]))
        return powers[m - 1]


def _even_power(node: Node, inputs: Sequence[Stream]) -> int | None:
    """The exponent of a power of the first input that is positive and even."""
    if node.name == "square" or (node.name == "mul" and inputs[0] is inputs[1]):
        return 2
    exponent = known_exponent(node, inputs)
    return exponent if exponent is not None and exponent > 0 and exponent % 2 == 0 else None


def _shareable(node: Node, inputs: Sequence[Stream]) -> int | None:
    """Which input moves, if the node is an elementwise function of it alone that is not linear."""
    moving = [i for i, s in enumerate(inputs) if not s.constant]
    if len(moving) != 1 or inputs[moving[0]].offset > 0:
        return None
    variable = inputs[moving[0]].variable
    if not jnp.issubdtype(variable.dtype, np.floating):
        return None
    if any(v.shape != variable.shape or v.dtype != variable.dtype for v in node.outputs):
        return None
    return moving[0] if _elementwise(node, moving[0]) and not _linear_in(node, moving[0]) else None


def _elementwise(node: Node, moving: int) -> bool:
    if isinstance(node, Call | CustomJVP):
        alone = Trace(node.inputs, (), (node,), node.outputs, node.evaluate)
        return all(links[moving].elementwise for links in dependence(alone) if moving in links)
    return node.name in ELEMENTWISE


def _linear_in(node: Node, moving: int) -> bool:
    if node.name in ("mul", "add", "sub", "add_any", "select_n") or (node.name == "div" and moving == 0):
        return True
    return getattr(node, "linear", False) or RULES.get(node.name) is linear
