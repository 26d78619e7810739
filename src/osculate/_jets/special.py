"""Jet rules of special functions whose own rules are missing, leak or cancel.

``by_formula`` is the way to write one: another program for the same function, whose derivatives are right; the value
stays the program's own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from osculate._interpret import register
from osculate._trace import CustomJVP, Node, Variable

from .network import Network, Primal
from .quadrature import gamma_sample_slope, incomplete_beta, lower_gamma, lower_gamma_slope, upper_gamma
from .stream import Constant, Integral, Stream


def by_formula(network: Network, node: Node, inputs: Sequence[Stream], formula: Callable[..., Any]) -> list[Stream]:
    """Streams with the node's own values and the derivatives of ``formula``."""
    first = Primal(network, replace(node, run=with_derivatives(node, formula)), inputs)
    made = network.apply(formula, *inputs)
    return [
        Integral(network.algebra, variable, partial(first, i), stream.derivative)
        if variable.inexact
        else Constant(network.algebra, variable, partial(first, i))
        for i, (variable, stream) in enumerate(zip(node.outputs, made, strict=True))
    ]


def with_derivatives(node: Node, formula: Callable[..., Any]) -> Callable[..., list[Any]]:
    """The node's values, which JAX can then differentiate by the formula: gradients of jets pass through the value."""

    @jax.custom_jvp
    def values(*arrays: Any) -> list[Any]:
        return node.evaluate(*arrays)

    def rule(primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[list[Any], list[Any]]:
        slopes = jax.jvp(lambda *arrays: jax.tree.leaves(formula(*arrays)), primals, tangents)[1]
        return values(*primals), slopes

    values.defjvp(rule)
    return values


def _late(inputs: Sequence[Stream]) -> bool:
    """Whether a tangent stands among the inputs, which only a linear use bears."""
    return any(s.offset for s in inputs)


@register("jets", "igamma", "igammac")
def incomplete_gamma(network: Network, node: Node, inputs: Sequence[Stream]) -> list[Stream]:
    """P(a, x) and Q(a, x): JAX's rule in x; the integral where a moves."""
    if inputs[0].constant or _late(inputs):
        return network.by_pushforward(node, inputs)
    return by_formula(network, node, inputs, lower_gamma if node.name == "igamma" else upper_gamma)


@register("jets", "igamma_grad_a")
def incomplete_gamma_slope(network: Network, node: Node, inputs: Sequence[Stream]) -> list[Stream]:
    """∂P/∂a."""
    return by_formula(network, node, inputs, lower_gamma_slope)


@register("jets", "random_gamma_grad")
def sample_slope(network: Network, node: Node, inputs: Sequence[Stream]) -> list[Stream]:
    """The derivative of a sample of the gamma distribution."""
    return by_formula(network, node, inputs, gamma_sample_slope)


@register("jets", "random_gamma")
def gamma_sample(network: Network, node: Node, inputs: Sequence[Stream]) -> list[Stream]:
    """A sample of the gamma distribution moves with a such that P(a, x) stands still."""
    a, slope_of = inputs[-1], _log_sample_slope if node.params.get("log_space") else _sample_slope

    def slope() -> Stream:
        return network.apply(slope_of, a, y, a.derivative())[0]

    y = Integral(network.algebra, node.outputs[0], partial(Primal(network, node, inputs), 0), slope)
    return [y]


def _sample_slope(a: Any, y: Any, change: Any) -> Any:
    return gamma_sample_slope(a, y) * change


def _log_sample_slope(a: Any, y: Any, change: Any) -> Any:
    return gamma_sample_slope(a, jnp.exp(y)) / jnp.exp(y) * change


@register("jets", "regularized_incomplete_beta")
def beta(network: Network, node: Node, inputs: Sequence[Stream]) -> list[Stream]:
    """I(x; a, b): JAX's rule in x; the integral where a or b moves."""
    if (inputs[0].constant and inputs[1].constant) or _late(inputs):
        return network.by_pushforward(node, inputs)
    return by_formula(network, node, inputs, incomplete_beta)


@register("jets", "jax.expn", "jax._expn")
def exponential_integral(network: Network, node: Node, inputs: Sequence[Stream]) -> list[Stream]:
    """E′ = ((n − 1) E − e⁻ˣ) / x; JAX 0.10's own rule keeps a value of a trace that has ended."""
    parameters = node.static if isinstance(node, CustomJVP) else ()
    x = inputs[-1]
    if len(inputs) == 2 and inputs[0].constant:
        n = inputs[0]
    elif len(inputs) == 1 and len(parameters) == 1 and _concrete(parameters[0]):
        value = np.asarray(parameters[0], x.variable.dtype)
        n = network.constant(Variable(value.shape, value.dtype), value)
    else:
        return network.by_pushforward(node, inputs)
    if _late(inputs) or n.variable.shape not in ((), x.variable.shape):
        return network.by_pushforward(node, inputs)

    def slope() -> Stream:
        return network.apply(_exponential_integral_slope, n, x, y, x.derivative())[0]

    y = Integral(network.algebra, node.outputs[0], partial(Primal(network, node, inputs), 0), slope)
    return [y]


def _exponential_integral_slope(n: Any, x: Any, y: Any, change: Any) -> Any:
    return ((n - 1) * y - jnp.exp(-x)) / x * change


@register("jets", "jax.logaddexp", "jax.logaddexp2")
def log_add_exp(network: Network, node: Node, inputs: Sequence[Stream]) -> list[Stream]:
    """y′ = σ(a − b) a′ + σ(b − a) b′: the logistic function does not cancel in its tails, as JAX's rule does."""
    if _late(inputs) or not jnp.issubdtype(node.outputs[0].dtype, np.floating):
        return network.by_pushforward(node, inputs)
    unit = 1.0 if getattr(node, "function", "") == "jax.logaddexp" else float(np.log(2.0))

    def slope() -> Stream:
        a, b = inputs
        if b.constant:
            return network.apply(_weighted(unit), a, b, a.derivative())[0]
        if a.constant:
            return network.apply(_weighted(unit), b, a, b.derivative())[0]
        return network.apply(_weighted_both(unit), a, b, a.derivative(), b.derivative())[0]

    return [Integral(network.algebra, node.outputs[0], partial(Primal(network, node, inputs), 0), slope)]


def _weight(unit: float, a: Any, b: Any) -> Any:
    alike = jnp.isinf(a) & (a == b)
    return lax.logistic(unit * (jnp.where(alike, 0.0, a) - jnp.where(alike, 0.0, b)))


def _one_sided(unit: float) -> Callable[..., Any]:
    return lambda a, b, change: _weight(unit, a, b) * change


def _two_sided(unit: float) -> Callable[..., Any]:
    return lambda a, b, change, other: _weight(unit, a, b) * change + _weight(unit, b, a) * other


# One function for each unit: programs are kept by the identity of their function.
_ONE_SIDED = {unit: _one_sided(unit) for unit in (1.0, float(np.log(2.0)))}
_TWO_SIDED = {unit: _two_sided(unit) for unit in (1.0, float(np.log(2.0)))}
_weighted, _weighted_both = _ONE_SIDED.__getitem__, _TWO_SIDED.__getitem__


def _concrete(value: Any) -> bool:
    return isinstance(value, (int, float, np.ndarray, np.generic))
