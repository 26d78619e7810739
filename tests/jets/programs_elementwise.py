"""Programs for ``test_programs.py``: elementwise and special functions, powers, kinks, complex numbers."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import jax.scipy.special as special
import numpy as np
from jax import lax
from jet_oracle import Program

X = np.array([0.3, 0.7, 0.5])
Y = np.array([1.4, -0.6, 0.9])
ABOVE = np.array([1.3, 2.1, 1.7])
SIGNED = np.array([-1.2, 0.4, 0.9])


def _polynomial(z):
    return ((2 - 1j) * z + 1j) * z**2 + jnp.conj(z)


def _exponential_integrals(x):
    """E₁ and E₃ by Gauss-Laguerre quadrature of ∫ e^(−x t) t^(−n) dt, which nested jvp reads."""
    nodes, weights = np.polynomial.laguerre.laggauss(60)
    t = jnp.asarray(nodes)[:, None]
    first, third = (
        jnp.exp(-x) * jnp.sum(jnp.asarray(weights)[:, None] / (x + t) * (x / (x + t)) ** (n - 1), 0) for n in (1, 3)
    )
    return first + third * special.expi(x)


PROGRAMS = {
    "exp_of_sine": Program(lambda x: jnp.exp(jnp.sin(x) * jnp.cos(x)), (X,)),
    "hyperbolic": Program(lambda x: jnp.sinh(x) / jnp.cosh(x) - jnp.tanh(2 * x), (SIGNED,)),
    "tangent": Program(jnp.tan, (X,)),
    "logistic_and_logit": Program(lambda x: lax.logistic(3 * x) + special.logit(x), (X,)),
    "logarithms": Program(lambda x: jnp.log(x) + jnp.log1p(x) * jnp.log2(x) - jnp.log10(x), (X,)),
    "exponentials": Program(lambda x: jnp.expm1(x) * jnp.exp2(x) - jnp.exp(-(x**2)), (SIGNED,)),
    "roots": Program(lambda x: jnp.sqrt(x) + lax.rsqrt(x + 1) * jnp.cbrt(x), (X,)),
    "inverse_trigonometric": Program(lambda x: jnp.arcsin(x) + jnp.arccos(x**2) * jnp.arctan(3 * x), (X,)),
    "inverse_hyperbolic": Program(lambda x: jnp.arcsinh(x) + jnp.arccosh(x + 1.5) * jnp.arctanh(x), (X,)),
    "two_argument_arctangent": Program(jnp.arctan2, (SIGNED, Y)),
    "error_functions": Program(lambda x: special.erf(x) * special.erfc(2 * x) + special.erfinv(x), (X,)),
    "log_gamma": Program(lambda x: special.gammaln(x) * special.digamma(x), (ABOVE,)),
    "gamma_of_negative": Program(lambda x: special.gamma(x), (np.array([-0.4, -1.3, 2.2]),)),
    "trigamma": Program(lambda x: special.polygamma(1, x), (ABOVE,)),
    "bessel": Program(lambda x: special.i0e(x) + special.i1e(x) * special.i0(x), (ABOVE,)),
    "incomplete_gamma": Program(lambda x: special.gammainc(2.5, x) * special.gammaincc(1.5, x), (ABOVE,)),
    "incomplete_beta": Program(lambda x: special.betainc(2.0, 3.5, x), (X,)),
    "normal_distribution": Program(lambda x: special.log_ndtr(x) + special.ndtri(special.ndtr(x) * 0.9), (X,)),
    "entropies": Program(lambda x, y: special.entr(x) * special.xlogy(x, y) + special.rel_entr(x, y), (X, ABOVE)),
    "zeta": Program(lambda q: special.zeta(2.5, q), (ABOVE,)),
    "spence": Program(special.spence, (X,)),
    "exponential_integral": Program(special.expi, (ABOVE,)),
    "sinc": Program(jnp.sinc, (SIGNED,)),
    "gelu": Program(lambda x: jax.nn.gelu(x, approximate=False) + jax.nn.gelu(x, approximate=True), (SIGNED,)),
    "softplus_family": Program(lambda x: jax.nn.softplus(x) * jax.nn.mish(x) - jax.nn.silu(x), (SIGNED,)),
    "rectifiers": Program(lambda x: jax.nn.relu(jnp.sin(x)) + jax.nn.elu(x) * jax.nn.leaky_relu(x), (SIGNED,)),
    "selu_celu": Program(lambda x: jax.nn.selu(x) + jax.nn.celu(x**2 - 1), (SIGNED,)),
    "integer_powers": Program(lambda x: x**7 - x**-2 + x**2 * x**1 + x**0, (SIGNED,)),
    "real_powers": Program(lambda x: x**2.5 + x**-0.3 + x**0.5, (X,)),
    "power_of_constant": Program(lambda x: 2.0**x + 0.5 ** (x**2), (SIGNED,)),
    "power_of_variables": Program(lambda x, y: x**y, (X, Y)),
    "x_to_the_x": Program(lambda x: x**x, (X,)),
    "quotient": Program(lambda x, y: (x**2 + 1) / (y - x / y), (X, Y)),
    "reciprocal_chain": Program(lambda x: 1 / (1 + 1 / (1 + 1 / (1 + x))), (X,)),
    "remainder": Program(lambda x, y: jnp.fmod(x, y) + jnp.mod(-x, y) * x, (ABOVE, X)),
    "hypotenuse": Program(jnp.hypot, (X, Y)),
    "log_add_exp": Program(lambda x, y: jnp.logaddexp(x, y) + jnp.logaddexp2(x, 2 * y), (X, Y)),
    "sign_and_abs": Program(lambda x: jnp.sign(x) * jnp.abs(x) ** 3 + jnp.abs(jnp.sin(x)), (SIGNED,)),
    "floor_of_a_product": Program(lambda x: x * jnp.floor(3 * x) + jnp.round(x) * jnp.sin(x), (SIGNED,)),
    "maximum_minimum": Program(lambda x, y: jnp.maximum(x, y**2) * jnp.minimum(jnp.sin(x), y), (X, Y)),
    "where": Program(lambda x: jnp.where(x > 0, jnp.exp(x), x**3), (SIGNED,)),
    "where_guarding_log": Program(lambda x: jnp.where(x > 0, jnp.log(jnp.where(x > 0, x, 1.0)), x**2), (SIGNED,)),
    "clip": Program(lambda x: jnp.clip(x**3, -0.5, 0.5) + x * jnp.clip(x, -1.0, 1.0), (SIGNED,)),
    "heaviside_copysign": Program(lambda x: x**2 * jnp.heaviside(x, 0.5) + jnp.copysign(x, -x) * x, (SIGNED,)),
    "nan_to_num": Program(lambda x: jnp.nan_to_num(jnp.sin(x)), (SIGNED,)),
    "stop_gradient": Program(lambda x: lax.stop_gradient(jnp.sin(x)) * jnp.cos(x), (X,)),
    "reduce_precision": Program(lambda x: lax.reduce_precision(jnp.sin(x), 11, 52), (X,)),
    "complex_exponential": Program(lambda x: jnp.real(jnp.exp(1j * x) * (1 + 2j)), (X,)),
    "complex_modulus": Program(lambda x, y: jnp.abs(jnp.sin(lax.complex(x, y))), (X, Y)),
    "complex_angle": Program(lambda x, y: jnp.angle(jnp.exp(lax.complex(x, y)) + 1), (X, Y)),
    "complex_polynomial": Program(lambda x, y: jnp.imag(_polynomial(lax.complex(x, y))), (X, Y)),
    "complex_output": Program(lambda x: jnp.log(x + 1j) / jnp.sqrt(x - 2j), (X,)),
    "complex_power": Program(lambda x: jnp.real((x + 0.5j) ** 2.5 + (x + 1j) ** 3), (X,)),
    "long_chain": Program(lambda x: jnp.tanh(jnp.sin(jnp.exp(jnp.log1p(jnp.sqrt(x) * jnp.cosh(x))))), (X,)),
    "two_consumers": Program(lambda x: (lambda y: y * jnp.sin(y) + jnp.exp(y) / y)(jnp.sqrt(x)), (X,)),
    "exponential_integrals": Program(
        lambda x: special.exp1(x) + special.expn(3, x) * special.expi(x),
        (ABOVE,),
        like=_exponential_integrals,
        rtol=1e-8,
    ),
    "gaussian_of_norm": Program(lambda x: jnp.exp(-(jnp.sqrt(jnp.sum(x**2)) ** 2)), (X,)),
    "soft_plus_far_out": Program(lambda x: jax.nn.softplus(30 * x) * jax.nn.log_sigmoid(-20 * x), (X,)),
    "squares_of_floats": Program(lambda x: x**2.0 - x**3.0 + jnp.abs(x) ** 3, (SIGNED,)),
    "integer_valued_pieces": Program(lambda x: jnp.ceil(2 * x) * x**2 + jnp.trunc(3 * x) * jnp.sin(x), (SIGNED,)),
    "modified_bessel_of_order_one": Program(lambda x: special.i1(x) / special.i0(x), (ABOVE,)),
    "beta_function": Program(lambda x: special.gammaln(x + 1) - special.betaln(x, 2.0), (ABOVE,)),
    "dawson_like": Program(lambda x: jnp.exp(-(x**2)) * jnp.sinh(x) * special.erfc(-x), (SIGNED,)),
    "smooth_step": Program(lambda x: jnp.where(x < 0.45, x**2 * (3 - 2 * x), 1 - (1 - x) ** 3), (X,)),
    "complex_conjugate_product": Program(
        lambda x, y: jnp.real(lax.complex(x, y) * jnp.conj(jnp.tanh(lax.complex(x, y)))), (X, Y)
    ),
    "complex_sign": Program(
        lambda x, y: jnp.real(jnp.sign(lax.complex(x, y))) + jnp.abs(lax.complex(y, x)),
        (X, Y),
        like=lambda x, y: x / jnp.hypot(x, y) + jnp.hypot(x, y),  # JAX 0.10 has the derivative 0
    ),
    "constant_output": Program(lambda x: jnp.zeros_like(x) + 2.0, (X,)),
    "input_returned": Program(lambda x: (x, x), (X,)),
}
