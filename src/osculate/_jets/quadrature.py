"""Incomplete gamma and beta functions as integrals that all their derivatives can be read from.

JAX has no derivative of these in their parameters beyond the first. As integrals over the half-line,

    γ(a, x) = xᵃ e⁻ˣ ∫ exp(−a u + x (1 − e⁻ᵘ)) du,      Γ(a, x) = xᵃ e⁻ˣ ∫ exp(a u − x (eᵘ − 1)) du,
    B(x; a, b) = xᵃ (1 − x)ᵇ⁻¹ ∫ exp(−a u) ((1 − x e⁻ᵘ) / (1 − x))ᵇ⁻¹ du,

they are smooth in everything, and the double-exponential rule (Takahasi and Mori 1974) gives some fourteen digits with
nodes that stand still: what is differentiated is the integrand.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

_STEP = 1 / 16
_GRID = np.arange(np.round(-3.7 / _STEP), np.round(4.6 / _STEP) + 1) * _STEP
_NODES = np.exp(_GRID - np.exp(-_GRID))
_WEIGHTS = _STEP * _NODES * (1 + np.exp(-_GRID))


def lower_gamma(a: Any, x: Any) -> Any:
    """P(a, x) = γ(a, x) / Γ(a), for x > 0."""
    a, x, small, which = _gamma_arguments(a, x)
    width = lax.stop_gradient(1 / (jnp.maximum(a - x, 0) + jnp.minimum(a, jnp.sqrt(a))))
    below = _integral(lambda u, a, x: jnp.exp(-a * u - x * jnp.expm1(-u)), width, a, x)
    return jnp.where(small, 0.0, jnp.where(which, 1 - _front(a, x) * _upper(a, x), _front(a, x) * below))


def upper_gamma(a: Any, x: Any) -> Any:
    """Q(a, x) = Γ(a, x) / Γ(a), for x > 0."""
    return 1 - lower_gamma(a, x)


def lower_gamma_slope(a: Any, x: Any) -> Any:
    """∂P/∂a."""
    return jax.jvp(lambda moving: lower_gamma(moving, x), (a,), (jnp.ones_like(a),))[1]


def gamma_sample_slope(a: Any, x: Any) -> Any:
    """dx/da of a sample x of the gamma distribution: −∂ₐP / ∂ₓP."""
    return -lower_gamma_slope(a, x) / jnp.exp((a - 1) * jnp.log(x) - x - lax.lgamma(a))


def incomplete_beta(a: Any, b: Any, x: Any) -> Any:
    """I(x; a, b), regularised, for 0 < x < 1; the smaller of it and its complement is integrated."""
    above = lax.stop_gradient(x * (a + b) > a)
    inside = (x > 0) & (x < 1)
    y = jnp.where(inside, x, 0.5)
    p, q, z = jnp.where(above, b, a), jnp.where(above, a, b), jnp.where(above, 1 - y, y)
    fall = p - (q - 1) * z / (1 - z)
    width = lax.stop_gradient(1 / (jnp.maximum(fall, 0) + jnp.minimum(p, jnp.sqrt(p * (p + q) / q))))

    def integrand(u: Any, p: Any, q: Any, z: Any) -> Any:
        return jnp.exp(-p * u + (q - 1) * jnp.log1p(-z * jnp.expm1(-u) / (1 - z)))

    scale = lax.lgamma(p + q) - lax.lgamma(p) - lax.lgamma(q)
    part = jnp.exp(p * jnp.log(z) + (q - 1) * jnp.log1p(-z) + scale) * _integral(integrand, width, p, q, z)
    return jnp.where(inside, jnp.where(above, 1 - part, part), jnp.where(x >= 1, 1.0, 0.0))


def _gamma_arguments(a: Any, x: Any) -> tuple[Any, Any, Any, Any]:
    """The arguments, x kept off 0; where it is 0; and where the integral above x is taken, as JAX does."""
    a, x = jnp.broadcast_arrays(a, x)
    small = x <= 0
    x = jnp.where(small, 1.0, x)
    return a, x, small, lax.stop_gradient((x > 1) & (x > a))


def _upper(a: Any, x: Any) -> Any:
    far, high = jnp.maximum(x, 1.0), jnp.minimum(a, x)  # where the other integral is taken, any harmless value will do
    width = lax.stop_gradient(1 / (jnp.abs(far - high) + jnp.sqrt(far)))
    width = lax.stop_gradient(jnp.minimum(width, jnp.log1p(40 / far) / 4))
    x, a = jnp.where(x > 1, x, 1.0), jnp.where(a < x, a, lax.stop_gradient(high))
    return _integral(lambda u, a, x: jnp.exp(a * u - x * jnp.expm1(u)), width, a, x)


def _front(a: Any, x: Any) -> Any:
    return jnp.exp(a * jnp.log(x) - x - lax.lgamma(a))


def _integral(integrand: Any, width: Any, *parameters: Any) -> Any:
    """The integral of a function of u that falls off from 0 over about ``width``."""
    dtype = width.dtype
    u = width[..., None] * jnp.asarray(_NODES, dtype)
    values = integrand(u, *(p[..., None] for p in parameters))
    return width * jnp.sum(values * jnp.asarray(_WEIGHTS, dtype), axis=-1)
