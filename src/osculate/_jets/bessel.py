"""Jet rule of e^(−|x|) I₀(x) and e^(−|x|) I₁(x), the modified Bessel functions as JAX has them.

Both have a kink at 0, which the factor e^|x| of I₀ and I₁ takes away again: if both factors take the side of x ≥ 0
there, as JAX does for |x|, all orders of I₀ and I₁ are right at 0. JAX's own rules take no side for one factor, and
divide by x: their recurrence multiplies rounding by 1/x at each order. Up to |x| = 4 the power series serves, whose
terms have one sign.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache, partial
from math import factorial
from typing import Any

import jax.numpy as jnp
from jax import lax

from osculate._interpret import register
from osculate._trace import Node, single

from .network import Network, Primal
from .special import with_derivatives
from .stream import Integral, Stream

_NEAR = 4.0
_TERMS = 20
"""Terms that reach the precision of float64 at |x| = 4; each two orders more want one more."""


@register("jets", "bessel_i0e", "bessel_i1e")
def scaled_bessel(network: Network, node: Node, inputs: Sequence[Stream]) -> list[Stream]:
    """The power series near 0, the differential equation far from it (DLMF 10.25.2, 10.29.3)."""
    (x,) = inputs
    if x.offset:
        return network.by_pushforward(node, inputs)
    number = 0 if node.name == "bessel_i0e" else 1
    terms = _TERMS + network.order // 2
    (near,) = network.apply(_series(number, terms), x)
    (away,) = network.apply(_kept_away, x)
    (made,) = network.apply(_chosen, x, near, _far(network, away)[number])
    first = Primal(network, replace(node, run=with_derivatives(node, _whole(number, terms))), inputs)
    return [Integral(network.algebra, node.outputs[0], partial(first, 0), made.derivative)]


@register("jets", "jax.i0_impl", "jax._i0", "jax.i1_impl", "jax._i1")
def bessel(network: Network, node: Node, inputs: Sequence[Stream]) -> list[Stream]:
    """I₀ and I₁ by their definition: the rule that JAX 0.12 gives them divides by x, too."""
    return network.run(node.bodies[0], inputs)


def _far(network: Network, x: Stream) -> list[Stream]:
    """Both functions where x is not near 0, from their derivatives in each other."""

    @cache
    def slopes() -> list[Stream]:
        return network.apply(_slopes, x, *both, x.derivative())

    functions = (lax.bessel_i0e, lax.bessel_i1e)
    values = [Primal(network, single(function, x.variable), [x]) for function in functions]
    both: list[Stream] = [
        Integral(network.algebra, x.variable, partial(value, 0), partial(lambda i: slopes()[i], i))
        for i, value in enumerate(values)
    ]
    return both


def _slopes(x: Any, even: Any, odd: Any, change: Any) -> list[Any]:
    side = _side(x)
    return [(odd - side * even) * change, (even - (side + 1 / x) * odd) * change]


@cache
def _series(number: int, terms: int) -> Callable[[Any], Any]:
    """e^(−|x|) Iₙ(x) = e^(−|x|) (x/2)ⁿ Σ (x²/4)ᵏ / (k! (k + n)!) near 0; one function for each: it is kept."""

    def series(x: Any) -> Any:
        x = jnp.where(_is_near(x), x, jnp.zeros_like(x))
        square, total = x * x / 4, jnp.zeros_like(x)
        for k in range(terms, -1, -1):
            total = total * square + 1 / (factorial(k) * factorial(k + number))
        return jnp.exp(-_side(x) * x) * (x / 2) ** number * total

    return series


@cache
def _whole(number: int, terms: int) -> Callable[[Any], Any]:
    """The function with JAX's own rule far from 0."""
    series, own = _series(number, terms), (lax.bessel_i0e, lax.bessel_i1e)[number]
    return lambda x: _chosen(x, series(x), own(_kept_away(x)))


def _chosen(x: Any, near: Any, far: Any) -> Any:
    return jnp.where(_is_near(x), near, far)


def _kept_away(x: Any) -> Any:
    return jnp.where(_is_near(x), jnp.full_like(x, 2 * _NEAR), x)


def _is_near(x: Any) -> Any:
    return jnp.abs(x) <= _NEAR


def _side(x: Any) -> Any:
    """The slope of |x|, with JAX's own choice at 0."""
    return jnp.where(x >= 0, jnp.ones_like(x), -jnp.ones_like(x))
