"""Direct jet rules of elementwise primitives: sums, products, quotients, powers, and tanh.

All other elementwise functions follow from their JVP rules. These stand here because they are the operations that the
recurrences themselves are made of, or because a direct rule is right where the derived one is not: powers at 0, and
tanh far from 0, where 1 − tanh² cancels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from osculate._interpret import register
from osculate._trace import Literal, Node, Variable, single

from .network import Network, Primal, partly_linear
from .reading import Convolution, Reading, at_value
from .special import by_formula
from .stream import Constant, Integral, Linear, Product, Quotient, Stream, Sum, Zero

LARGEST_INTEGER_POWER = 1024
"""Above this, x**n is read as a real power: repeated squaring would only add rounding."""


@register("jets", "add", "add_any", "sub")
def add(network: Network, node: Node, inputs: Sequence[Stream]) -> list[Stream]:
    """(a ± b)[k] = a[k] ± b[k]."""
    a, b = inputs
    first = partial(Primal(network, node, inputs), 0) if a.offset == b.offset == 0 else None
    return [Sum(network.algebra, node, a, b, -1 if node.name == "sub" else 1, first)]


@register("jets", "mul", "dot_general", "conv_general_dilated")
def multiply(network: Network, node: Node, inputs: Sequence[Stream]) -> list[Stream]:
    """Cauchy product of whatever is linear in each of two operands."""
    a, b = inputs
    if a is b and isinstance(a, Root) and node.name == "mul":
        return [even_power_of_root(network, node, inputs, a.radicand, 2)]
    if a.constant or b.constant:
        if isinstance(a, Zero) or isinstance(b, Zero):
            # The value is still computed: 0 times infinity is not zero.
            still = a.offset + b.offset == 0
            return network.constants(node, inputs) if still else [Zero(network.algebra, node.outputs[0])]
        return partly_linear(network, node, inputs, [1 if a.constant else 0])
    first = partial(Primal(network, node, inputs), 0) if a.offset == b.offset == 0 else None
    return [Product(network.algebra, node, a, b, first)]


@register("jets", "square")
def square(network: Network, node: Node, inputs: Sequence[Stream]) -> list[Stream]:
    """x² as a product with itself."""
    if isinstance(inputs[0], Root):
        return [even_power_of_root(network, node, inputs, inputs[0].radicand, 2)]
    return [network.multiply(inputs[0], inputs[0], partial(Primal(network, node, inputs), 0))]


class Root(Integral):
    """A square root, which remembers what stands under it: its even powers are smooth where it is not."""

    def __init__(self, network: Network, node: Node, inputs: Sequence[Stream]) -> None:
        self.radicand = inputs[0]
        first = partial(Primal(network, node, inputs), 0)
        slope = lambda: network.apply(_root_slope, self, self.radicand.derivative())[0]  # noqa: E731
        super().__init__(network.algebra, node.outputs[0], first, slope)


@register("jets", "sqrt")
def square_root(network: Network, node: Node, inputs: Sequence[Stream]) -> list[Stream]:
    """y′ = x′ / 2y."""
    if inputs[0].offset:
        return network.by_pushforward(node, inputs)
    return [Root(network, node, inputs)]


def _root_slope(y: Any, change: Any) -> Any:
    return change * (0.5 / y)


def even_power_of_root(
    network: Network, node: Node, inputs: Sequence[Stream], radicand: Stream, exponent: int
) -> Stream:
    """The value as the program has it; the derivatives are those of a power of what stands under the root."""
    first = partial(Primal(network, node, inputs), 0)
    power = radicand if exponent == 2 else _positive_power(network, radicand, exponent // 2, None)
    return Integral(network.algebra, node.outputs[0], first, power.derivative)


@register("jets", "div")
def divide(network: Network, node: Node, inputs: Sequence[Stream]) -> list[Stream]:
    """Q = a / b from q b = a."""
    a, b = inputs
    if b.constant:
        return partly_linear(network, node, inputs, [0])
    if isinstance(a, Zero):
        return network.constants(node, inputs)
    first = partial(Primal(network, node, inputs), 0) if a.offset == 0 else None
    return [Quotient(network.algebra, node, single(lax.mul, b.variable, node.outputs[0]), a, b, first)]


@register("jets", "integer_pow")
def integer_power(network: Network, node: Node, inputs: Sequence[Stream]) -> list[Stream]:
    """xⁿ by repeated squaring of streams: exact at 0, where recurrences that divide by x₀ are not."""
    return [_power(network, node, inputs, node.params["y"])]


@register("jets", "pow")
def power(network: Network, node: Node, inputs: Sequence[Stream]) -> list[Stream]:
    """xᵃ: repeated squaring for integer a, Miller's recurrence for other known a, the JVP rule otherwise."""
    exponent = _known_scalar(inputs[1])
    if exponent is None or not isinstance(exponent, float):
        return network.by_pushforward(node, inputs)
    if exponent.is_integer() and abs(exponent) <= LARGEST_INTEGER_POWER:
        return [_power(network, node, inputs, int(exponent))]
    if not np.isfinite(exponent) or not jnp.issubdtype(node.outputs[0].dtype, np.floating):
        return network.by_pushforward(node, inputs)
    return [RealPower(network, node, inputs, exponent)]


@register("jets", "tanh")
def tanh(network: Network, node: Node, inputs: Sequence[Stream]) -> list[Stream]:
    """y′ = (1 − y²) x′, with the first coefficient of 1 − y² as sech² x, which does not cancel."""

    def slope(y: Stream, first: Callable[[], Any]) -> Stream:
        return Linear(network.algebra, single(lax.neg, y.variable), [network.multiply(y, y)], [0], first=first)

    return _saturating(network, node, inputs, slope, _sech_squared)


@register("jets", "logistic")
def logistic(network: Network, node: Node, inputs: Sequence[Stream]) -> list[Stream]:
    """y′ = (y − y²) x′, with the first coefficient of y − y² as sech²(x/2)/4, which does not cancel."""

    def slope(y: Stream, first: Callable[[], Any]) -> Stream:
        return Sum(network.algebra, single(lax.sub, y.variable, y.variable), y, network.multiply(y, y), -1, first)

    return _saturating(network, node, inputs, slope, _logistic_slope)


def _saturating(
    network: Network,
    node: Node,
    inputs: Sequence[Stream],
    slope_of: Callable[[Stream, Callable[[], Any]], Stream],
    first_slope: Callable[[Any], Any],
) -> list[Stream]:
    """Integrate y′ = slope x′, where the slope follows from y except at coefficient 0, where it would cancel."""
    x, variable = inputs[0], node.outputs[0]
    if not jnp.issubdtype(variable.dtype, np.floating):
        return network.by_pushforward(node, inputs)
    y = Integral(network.algebra, variable, partial(Primal(network, node, inputs), 0), lambda: change)
    standing = Constant(network.algebra, x.variable, lambda: x.value(0))
    slope = slope_of(y, lambda: network.apply(first_slope, standing)[0].value(0))
    change = network.multiply(slope, x.derivative())
    return [y]


@register("jets", "sign", "floor", "ceil", "round", "stop_gradient")
def piecewise_constant(network: Network, node: Node, inputs: Sequence[Stream]) -> list[Stream]:
    """Constant wherever it is smooth."""
    if jnp.issubdtype(node.outputs[0].dtype, np.complexfloating) and node.name == "sign":
        return by_formula(network, node, inputs, _direction)  # JAX 0.10 has the derivative 0
    if inputs[0].offset:
        return [Zero(network.algebra, node.outputs[0])]
    return network.constants(node, inputs)


def _direction(z: Any) -> Any:
    return z * lax.rsqrt(jnp.real(z) ** 2 + jnp.imag(z) ** 2)


class RealPower(Stream):
    """xᵃ for a known real a: k x₀ y[k] = Σ_{j ≥ 1} (a j − (k − j)) x[j] y[k − j] (Euler; Knuth, TAOCP vol. 2, 4.7).

    At x₀ = 0 the recurrence divides by zero; there the leading term C(a, k) x₀^(a−k) x[1]^k takes over: it is 0 below
    the exponent and infinite above, as the derivatives are.
    """

    def __init__(self, network: Network, node: Node, inputs: Sequence[Stream], exponent: float) -> None:
        super().__init__(network.algebra, node.outputs[0])
        self.network, self.x, self.exponent = network, inputs[0], exponent
        self.first = Primal(network, node, inputs)
        product = single(lax.mul, self.x.variable, self.variable)
        self._convolution = Convolution(self.algebra, product, self.x, self, start=1, weight=self._weight)

    @property
    def convolution(self) -> Convolution:
        return self._convolution

    def compute(self, k: Any, read: Reading) -> Any:
        if at_value(k):
            return self.first(0)
        total = read.convolve(self.convolution, k)
        if total is None:
            return None
        arrays = [self.algebra.divide(total, k), self.x.value(0), self.x.value(1)]
        standing = [Constant(self.algebra, self.variable, partial(_itself, value)) for value in arrays]
        scalar = Variable((), self.variable.dtype)
        values = [read.number(self._binomial, k), read.number(lambda k: self.exponent - k, k), read.number(float, k)]
        numbers = [self.network.constant(scalar, _number(value, scalar.dtype)) for value in values]
        once = self.network.child(0)  # a value inside a loop is not to be kept
        return once.apply(_over_first, *standing, *numbers)[0].value(0)

    def sources(self) -> list[tuple[Stream, int]]:
        return [(self.x, 0), (self, 1)]

    def prepare(self) -> None:
        for k in (0, 1):
            self.x.value(k)

    def _weight(self, j: Any, k: Any) -> Any:
        return self.exponent * j - (k - j)

    def _binomial(self, k: int) -> float:
        return float(np.prod([(self.exponent - i) / (i + 1) for i in range(k)]))


def _number(value: Any, dtype: Any) -> Any:
    return np.asarray(value, dtype) if isinstance(value, float) else jnp.asarray(value, dtype)


def _itself(value: Any) -> Any:
    return value


def _over_first(rest: Any, x0: Any, x1: Any, binomial: Any, remaining: Any, k: Any) -> Any:
    at_zero = x0 == 0
    leading = binomial * jnp.where(at_zero, x0, 1.0) ** remaining * x1**k
    return jnp.where(at_zero, leading, rest / jnp.where(at_zero, 1.0, x0))


def _power(network: Network, node: Node, inputs: Sequence[Stream], exponent: int) -> Stream:
    x, variable = inputs[0], node.outputs[0]
    first: Callable[[], Any] = partial(Primal(network, node, inputs), 0)
    if exponent == 0:
        return Constant(network.algebra, variable, first)
    if isinstance(x, Root) and exponent > 0 and exponent % 2 == 0:
        return even_power_of_root(network, node, inputs, x.radicand, exponent)
    if exponent > 0:
        return x if exponent == 1 else _positive_power(network, x, exponent, first)
    # The inverse to a positive power: the power first would overflow where its inverse is harmless.
    one = network.apply(jnp.ones_like, Constant(network.algebra, variable, lambda: x.value(0)))[0]
    over, times = single(lax.div, variable, variable), single(lax.mul, variable, variable)
    if exponent == -1:
        return Quotient(network.algebra, over, times, one, x, first)
    return _positive_power(network, Quotient(network.algebra, over, times, one, x), -exponent, first)


def _positive_power(network: Network, x: Stream, exponent: int, first: Callable[[], Any] | None) -> Stream:
    """Repeated squaring; ``first`` is the value that the program itself computed."""
    if exponent == 1:
        return x
    half = _positive_power(network, x, exponent // 2, None)
    if exponent % 2 == 0:
        return network.multiply(half, half, first)
    return network.multiply(x, network.multiply(half, half), first)


def known_exponent(node: Node, inputs: Sequence[Stream]) -> int | None:
    """The integer that a power is raised to, where it is written into the program."""
    if node.name == "integer_pow":
        return int(node.params["y"])
    exponent = _known_scalar(inputs[1]) if node.name == "pow" else None
    if not isinstance(exponent, float) or not exponent.is_integer() or abs(exponent) > LARGEST_INTEGER_POWER:
        return None
    return int(exponent)


def _known_scalar(stream: Stream) -> float | complex | None:
    """The value of a scalar written into the program, or None."""
    if not isinstance(stream.variable, Literal):
        return None
    value = stream.variable.value
    return complex(value) if np.iscomplexobj(value) else float(value)


def _logistic_slope(x: Any) -> Any:
    return _sech_squared(x / 2) / 4


def _sech_squared(x: Any) -> Any:
    decay = jnp.exp(-2 * jnp.abs(x))
    return 4 * decay / (1 + decay) ** 2
