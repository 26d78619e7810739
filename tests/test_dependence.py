"""Which outputs depend on which inputs; compared with the Jacobian's own pattern."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from osculate._dependence import Link, dependence
from osculate._trace import trace

X = np.linspace(0.2, 0.9, 3).astype(np.float32)


def of(f, *args):
    return dependence(trace(f, *args, asked="test")[0])


ELEMENTWISE = {
    "sine": jnp.sin,
    "composition": lambda x: jnp.exp(jnp.tanh(x) * x) / (1 + x**2),
    "jit": jax.jit(lambda x: jnp.cos(x) + 1),
    "gelu": jax.nn.gelu,
    "relu": jax.nn.relu,
    "where": lambda x: jnp.where(x > 0.5, x**2, jnp.sin(x)),
    "fori": lambda x: jax.lax.fori_loop(0, 5, lambda i, y: (y + x / y) / 2, x),
    "scan": lambda x: jax.lax.scan(lambda c, _: (jnp.sin(c) + x, None), x, None, length=3)[0],
    "remat": jax.checkpoint(lambda x: jnp.exp(x) * x),
    "erf": jax.scipy.special.erf,
    "power": lambda x: x**2.5 + x**3,
    "constants": lambda x: x * np.arange(3, dtype=np.float32),
    "cond": lambda x: jax.lax.cond(True, jnp.sin, jnp.cos, x),
}

MIXING = {
    "cumsum": jnp.cumsum,
    "reverse": lambda x: x[::-1],
    "normalise": lambda x: x / jnp.sum(x),
    "first": lambda x: x * x[0],
    "softmax": jax.nn.softmax,
    "roll": lambda x: x + jnp.roll(x, 1),
    "matrix": lambda x: jnp.ones((3, 3)) @ x,
    "sort": jnp.sort,
    "scan over entries": lambda x: jax.lax.scan(lambda c, a: (c + a, c * a), 0.0, x)[1],
    "cond on a sum": lambda x: jax.lax.cond(x.sum() > 0, jnp.sin, jnp.cos, x),
    "fft": lambda x: jnp.fft.fft(x).real,
}


@pytest.mark.parametrize("f", ELEMENTWISE.values(), ids=ELEMENTWISE)
def test_elementwise_is_seen(f):
    assert of(f, X)[0][0].elementwise
    jacobian = jax.jacfwd(f)(X)
    np.testing.assert_array_equal(jacobian, np.diag(np.diag(jacobian)))


@pytest.mark.parametrize("f", MIXING.values(), ids=MIXING)
def test_mixing_is_never_called_elementwise(f):
    assert not of(f, X)[0][0].elementwise


AFFINE = {
    "line": lambda x: 2 * x + 1,
    "sum": lambda x: jnp.sum(x - 3),
    "matrix": lambda x: x.reshape(1, 3).T[::-1],
    "times data": lambda x: x * np.arange(3, dtype=np.float32),
    "over data": lambda x: x / 3.0,
}
NOT_AFFINE = {
    "square": lambda x: x * x,
    "sine": jnp.sin,
    "product of lines": lambda x: (2 * x + 1) * jnp.sum(x),
    "inverse": lambda x: 1 / x,
    "called": lambda x: jax.jit(lambda a, b: a * b)(x, x + 1),
}


@pytest.mark.parametrize("f", AFFINE.values(), ids=AFFINE)
def test_affine_is_seen(f):
    assert of(f, X)[0][0].affine


@pytest.mark.parametrize("f", NOT_AFFINE.values(), ids=NOT_AFFINE)
def test_what_is_not_affine_is_never_called_so(f):
    assert not of(f, X)[0][0].affine


def test_absent_inputs_are_absent():
    assert set(of(lambda x, y, z: (x * z, jnp.sin(y)), 1.0, 2.0, 3.0)[0]) == {0, 2}
    assert of(lambda x: jnp.float32(3.0), 1.0)[0] == {}
    assert of(lambda x, y: x * y, X, X)[0] == {0: Link(True, True), 1: Link(True, True)}


def test_a_loop_carries_dependence_around():
    def f(a, b, c):
        return jax.lax.fori_loop(0, 3, lambda i, s: (s[1], s[2], s[0]), (a, b, c))[0]

    assert set(of(f, 1.0, 2.0, 3.0)[0]) == {0, 1, 2}


def test_the_predicate_of_a_while_loop_counts():
    def f(x, limit):
        return jax.lax.while_loop(lambda s: s < limit, lambda s: s * 2, x)

    assert set(of(f, 1.0, 9.0)[0]) == {0, 1}


@given(st.lists(st.sampled_from(["sin", "shift", "scale", "mix", "square"]), min_size=1, max_size=6))
def test_never_elementwise_where_the_jacobian_is_full(steps):
    table = {
        "sin": jnp.sin,
        "shift": lambda x: x + 1,
        "scale": lambda x: x * np.arange(1, 4, dtype=np.float32),
        "mix": lambda x: x + jnp.roll(x, 1),
        "square": lambda x: x * x,
    }

    def f(x):
        for step in steps:
            x = table[step](x)
        return x

    assert of(f, X)[0][0].elementwise == ("mix" not in steps)
    assert of(f, X)[0][0].affine == (not {"sin", "square"} & set(steps))


def test_a_custom_rule_that_mixes_is_not_elementwise():
    @jax.custom_jvp
    def reversing(x):
        return x * 1.0

    reversing.defjvp(lambda p, t: (p[0] * 1.0, t[0][::-1] + t[0]))
    assert not of(reversing, X)[0][0].elementwise


def test_a_custom_rule_that_calls_its_own_function_is_read():
    assert of(jax.nn.softplus, X)[0][0].elementwise
