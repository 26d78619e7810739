"""Programs for ``test_programs.py``: control flow, custom derivatives, derivatives inside, models."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jet_oracle import Program

X = np.array([0.3, 0.7, 0.5])
W = np.array([[0.9, -0.4, 0.3], [0.2, 1.1, -0.7], [-0.5, 0.6, 0.8]])
SCALAR = np.array(0.7)


def _scan(step, start, x, **options):
    return lax.scan(step, start, x, **options)


def _rnn(w, x):
    carry, ys = lax.scan(lambda h, u: ((h := jnp.tanh(w @ h + u)), jnp.sum(h)), jnp.zeros(3), x)
    return carry * jnp.sum(ys)


def _constant_then_varying(x):
    """A carry that starts constant and becomes a function of x only after the second step."""
    return lax.scan(lambda c, u: ((c[1], c[0] * x[0] + c[2], c[2] * u), c[0]), (1.0, x[1], 2.0), jnp.arange(1.0, 5.0))


def _newton_square_root(x):
    return lax.while_loop(lambda y: jnp.max(jnp.abs(y * y - x)) > 1e-15, lambda y: 0.5 * (y + x / y), x)


def _until_large(x):
    def grow(state):
        count, y = state
        return count + 1, y * (1.3 + jnp.sin(y) ** 2)

    return lax.while_loop(lambda state: jnp.sum(state[1]) < 20.0, grow, (0, x))[1]


def _while_in_scan(x):
    def step(c, u):
        return lax.while_loop(lambda y: y < 2.0, lambda y: y * y + 0.9, c * u), c

    return lax.scan(step, x[0], x)


def _branchy_scan(x):
    def step(c, u):
        return lax.cond(c > 0.8, lambda v: jnp.sin(v) * u, lambda v: v + u**2, c), c

    return lax.scan(step, 0.1, jnp.concatenate([x, x]))


@jax.custom_jvp
def _true_rule(x):
    return jnp.sin(x) * x


@_true_rule.defjvp
def _true_rule_jvp(primals, tangents):
    (x,), (v,) = primals, tangents
    return _true_rule(x), (jnp.cos(x) * x + jnp.sin(x)) * v


@jax.custom_jvp
def _other_rule(x):
    return jnp.floor(4 * x)


@_other_rule.defjvp
def _other_rule_jvp(primals, tangents):
    (x,), (v,) = primals, tangents
    return _other_rule(x), jnp.exp(x) * _other_rule(x) * v


@partial(jax.custom_jvp, nondiff_argnums=(0, 2))
def _power_by(f, x, n):
    return f(x) ** n


@_power_by.defjvp
def _power_by_jvp(f, n, primals, tangents):
    (x,), (v,) = primals, tangents
    value, slope = jax.jvp(f, (x,), (v,))
    return _power_by(f, x, n), 2 * n * value ** (n - 1) * slope


@jax.custom_jvp
def _two_arguments(x, y):
    return x * jnp.exp(y)


_two_arguments.defjvps(lambda v, out, x, y: v * jnp.exp(y), lambda v, out, x, y: 3 * out * v)


def _with_pullback(pullback):
    @jax.custom_vjp
    def f(x):
        return jnp.sin(x)

    f.defvjp(lambda x: (jnp.sin(x), x), lambda x, cotangent: (cotangent * pullback(x),))
    return f


@jax.custom_jvp
def _with_other_pullback(x):
    return jnp.sin(x)


_with_other_pullback.defjvps(lambda v, out, x: jnp.exp(x) * v)


@jax.custom_vjp
def _matrix_vector(a, x):
    return a @ x


_matrix_vector.defvjp(lambda a, x: (a @ x, (a, x)), lambda kept, c: (jnp.outer(c, kept[1]), kept[0].T @ c))


def _loss(w, x):
    return jnp.mean((jnp.tanh(w @ x) - jnp.sin(x)) ** 2)


def _mlp(params, x):
    for weights, bias in params:
        x = jnp.tanh(weights @ x + bias)
    return jnp.sum(x)


def _attention(a):
    scores = jax.nn.softmax((a @ W) @ a.T / jnp.sqrt(3.0), axis=-1)
    return scores @ a


def _lstm(x):
    def cell(carry, u):
        h, c = carry
        gate = jax.nn.sigmoid(W @ (h + u))
        c = gate * c + (1 - gate) * jnp.tanh(W.T @ u)
        return (gate * jnp.tanh(c), c), None

    return lax.scan(cell, (jnp.zeros(3), jnp.zeros(3)), jnp.stack([x, x**2]))[0]


def _runge_kutta(x):
    def slope(y):
        return jnp.stack([y[1], -jnp.sin(y[0]), y[0] * y[1]])

    def step(_, y):
        k1 = slope(y)
        k2 = slope(y + 0.05 * k1)
        return y + 0.1 * slope(y + 0.05 * k2)

    return lax.fori_loop(0, 3, step, x)


def _leapfrog(q, p):
    def step(state, _):
        q, p = state
        q = q + 0.1 * p
        return (q, p - 0.1 * jax.grad(lambda q: jnp.sum(jnp.cos(q)) + q[0] ** 4)(q)), jnp.sum(p**2)

    return lax.scan(step, (q, p), None, length=3)


def _lennard_jones(x):
    square = (x[:, None] - x[None]) ** 2 + 1.0
    return jnp.sum(jnp.triu(square**-6 - square**-3, 1))


PARAMS = [(W, X), (W.T, -X)]

PROGRAMS = {
    "scan_with_inputs": Program(lambda x: _scan(lambda c, u: (jnp.sin(c * u), c + u), 1.0, x), (X,)),
    "scan_without_inputs": Program(lambda x: _scan(lambda c, _: (jnp.sin(c), c**2), x, None, length=3), (X,)),
    "scan_reversed": Program(lambda x: _scan(lambda c, u: (c * u + u**2, c * u), x[0], x, reverse=True), (X,)),
    "scan_unrolled": Program(lambda x: _scan(lambda c, u: (c * jnp.exp(u), c), x[0], x, unroll=2), (X,)),
    "scan_of_scan": Program(
        lambda w: _scan(lambda c, row: (_scan(lambda d, u: (d * u + c, d), c, row)[0], c), 0.5, w), (W,)
    ),
    "scan_carry_becomes_varying": Program(_constant_then_varying, (X,)),
    "scan_constant_carry": Program(lambda x: _scan(lambda c, u: (c + 1, u * c), 0.0, x), (X,)),
    "scan_empty": Program(lambda x: _scan(lambda c, u: (jnp.sin(c), u), x[0], x[:0])[0], (X,), like=lambda x: x[0]),
    "while_until_converged": Program(_newton_square_root, (X,), like=lambda x: jnp.sqrt(x) + 0 * x, rtol=1e-8),
    "while_data_dependent": Program(_until_large, (X,)),
    "while_in_scan": Program(_while_in_scan, (X,)),
    "fori_static": Program(lambda x: lax.fori_loop(0, 3, lambda i, y: jnp.sin(y) * (i + 1), x), (X,)),
    "fori_dynamic": Program(lambda x: lax.fori_loop(0, jnp.argmax(x) + 2, lambda i, y: y * x + i, x), (X,)),
    "fori_with_update": Program(lambda x: lax.fori_loop(0, 3, lambda i, y: y.at[i].set(jnp.sum(y**2) * x[i]), x), (X,)),
    "cond_true_and_false": Program(
        lambda x: lax.cond(x[0] < 0.5, jnp.sin, jnp.cos, x) + lax.cond(x[0] > 0.5, jnp.exp, jnp.square, x), (X,)
    ),
    "cond_closes_over_input": Program(lambda x: lax.cond(x[1] > 0, lambda: x**3, lambda: jnp.zeros(3)), (X,)),
    "cond_one_branch_constant": Program(lambda x: x * lax.cond(x[1] < 0, lambda y: y, lambda y: 2.0, x[2]), (X,)),
    "switch": Program(lambda x: lax.switch(jnp.int32(3 * x[1]), [jnp.sin, jnp.exp, jnp.tanh], x), (X,)),
    "map": Program(lambda w: lax.map(lambda row: jnp.prod(row) * row, w), (W,)),
    "cond_in_scan": Program(_branchy_scan, (X,)),
    "vmapped_while": Program(jax.vmap(lambda s: lax.while_loop(lambda y: y < 3, lambda y: y * y + 1.1, s)), (X,)),
    "vmapped_cond": Program(jax.vmap(lambda s: lax.cond(s > 0.4, jnp.sin, jnp.exp, s)), (X,)),
    "vmapped_scan": Program(jax.vmap(lambda r: _scan(lambda c, u: (c * jnp.sin(u), c), 1.0, r)[0]), (W,)),
    "remat": Program(lambda x: jax.checkpoint(lambda y: jnp.sin(y) * jnp.exp(y))(x**2), (X,)),
    "remat_in_scan": Program(lambda x: _scan(jax.checkpoint(lambda c, u: (jnp.sin(c * u), c)), 1.0, x), (X,)),
    "jit_in_jit": Program(jax.jit(lambda x: jax.jit(lambda y: jnp.sin(y) * x)(x**2)), (X,)),
    "jit_called_twice": Program(lambda x: (lambda g: g(g(x)) + g(x**2))(jax.jit(lambda y: y * jnp.exp(-y))), (X,)),
    "custom_jvp": Program(lambda x: _true_rule(x**2) + _true_rule(_true_rule(x)), (X,)),
    "custom_jvp_other_rule": Program(lambda x: _other_rule(x**2 + x), (X,)),
    "custom_jvp_not_varied": Program(lambda x, y: _two_arguments(x, y) * _two_arguments(2.0, x), (X, X + 1)),
    "custom_jvp_fixed_arguments": Program(lambda x: _power_by(jnp.sin, x, 3), (X,)),
    "custom_jvp_in_scan": Program(lambda x: _scan(lambda c, u: (_other_rule(c * u) + u, c), 1.0, x), (X,)),
    "custom_jvp_in_while": Program(
        lambda x: lax.while_loop(lambda y: y[0] < 3.0, lambda y: _true_rule(y) + y + 0.5, x), (X,)
    ),
    "custom_jvp_vmapped": Program(lambda w: jax.vmap(_other_rule)(w) * w, (W,)),
    "custom_vjp": Program(_with_pullback(jnp.cos), (X,), like=jnp.sin),
    "custom_vjp_other_rule": Program(_with_pullback(jnp.exp), (X,), like=_with_other_pullback),
    "custom_vjp_two_arguments": Program(lambda w, x: _matrix_vector(w, x**2), (W, X), like=lambda w, x: w @ x**2),
    "custom_vjp_in_scan": Program(
        lambda x: _scan(lambda c, u: (_with_pullback(jnp.cos)(c * u), c), 1.0, x),
        (X,),
        like=lambda x: _scan(lambda c, u: (jnp.sin(c * u), c), 1.0, x),
    ),
    "optimization_barrier": Program(lambda x: lax.optimization_barrier(jnp.sin(x)) * x, (X,)),
    "pytrees": Program(
        lambda p, q: {"a": p["u"] * q[0], "b": (p["v"] @ q[1], {})},
        ({"u": X, "v": W}, (SCALAR, X)),
    ),
    "gradient_inside": Program(lambda w, x: jax.grad(_loss)(w, x), (W, X)),
    "hessian_inside": Program(jax.hessian(lambda x: jnp.sum(jnp.exp(x) * x[::-1] ** 2)), (X,)),
    "jvp_and_vjp_inside": Program(lambda x: jax.jvp(jnp.sin, (x,), (x**2,))[1] * jax.vjp(jnp.tanh, x)[1](x)[0], (X,)),
    "linearize_inside": Program(lambda x: jax.linearize(lambda y: y * jnp.exp(y), x)[1](jnp.ones(3)), (X,)),
    "closure_over_array": Program((lambda a: lambda x: jnp.tanh(a @ x))(W), (X,)),
    "multilayer_perceptron": Program(_mlp, (PARAMS, X)),
    "attention": Program(_attention, (W,)),
    "recurrent_network": Program(_rnn, (W, W.T)),
    "long_short_term_memory": Program(_lstm, (X,)),
    "runge_kutta_step": Program(_runge_kutta, (X,)),
    "leapfrog": Program(_leapfrog, (X, -X)),
    "lennard_jones": Program(_lennard_jones, (X,)),
    "mixture_likelihood": Program(lambda m: jnp.sum(jax.nn.logsumexp(-0.5 * (X[:, None] - m) ** 2, axis=1)), (X - 1,)),
    "scalar_input": Program(lambda s: jnp.sin(s) * jnp.array([1.0, 2.0]) + s**3, (SCALAR,)),
}
