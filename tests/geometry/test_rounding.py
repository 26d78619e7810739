import jax
import jax.numpy as jnp
import numpy as np
import pytest

from osculate._geometry.rounding import rounding, table

EPSILON = float(np.finfo(np.float32).eps)


def size(function, *primals, samples=64):
    return jax.jit(lambda *at: rounding(function, at, jnp.asarray(table(samples))))(*primals)


def test_the_table_has_mean_zero_and_variance_one():
    numbers = table(8)
    assert abs(numbers.mean()) < 0.02
    assert numbers.var() == pytest.approx(1, abs=0.02)


def test_reading_the_point_and_each_operation_add_up():
    # y = x²: the point, to which the square is twice as sensitive, and the result: √(2² + 1²) ε
    assert size(lambda x: x * x, jnp.float32(1)) == pytest.approx(np.sqrt(5) * EPSILON, rel=0.35)


def test_cancellation_shows():
    small = size(lambda x: (x + 1000) - 1000, jnp.float32(1e-3))
    assert 500 * EPSILON < small < 5000 * EPSILON
    assert size(lambda x: x - 0, jnp.float32(1e-3)) < 1e-2 * EPSILON


def test_exact_zeros_stay_exact():
    assert size(lambda x: x**3, jnp.float32(0)) == 0
    assert size(lambda x: jnp.ones(3), jnp.float32(1)) == 0


def test_it_is_as_large_as_what_float32_really_does():
    # Sums of 4096 numbers in float32 against float64, many times: the sampled size must bound their typical error.
    random = np.random.default_rng(0)
    x = random.normal(size=(30, 4096)).astype(np.float32)

    def f(x):
        return jnp.sum(jnp.exp(x) * jnp.sin(x) - jnp.log1p(x * x))

    actual = [
        float(f(row)) - float(np.sum(np.exp(r) * np.sin(r) - np.log1p(r * r)))
        for row, r in zip(jnp.asarray(x), x.astype(np.float64), strict=True)
    ]
    sampled = float(size(f, jnp.asarray(x[0])))
    assert np.sqrt(np.mean(np.square(actual))) < sampled < 1000 * np.sqrt(np.mean(np.square(actual)))


def test_inside_calls_loops_and_custom_rules():
    @jax.custom_vjp
    def square(x):
        return x * x

    square.defvjp(lambda x: (x * x, x), lambda x, g: (2 * x * g,))

    def loop(x):
        return jax.lax.fori_loop(0, 5, lambda _, c: c + jnp.float32(1000) - jnp.float32(1000), x)

    called = size(jax.jit(lambda x: (x + 1000) - 1000), jnp.float32(1))
    assert called > 500 * EPSILON
    assert size(lambda x: square(x), jnp.float32(3)) > 9 * EPSILON
    assert size(loop, jnp.float32(1)) >= EPSILON


def test_one_size_for_each_output():
    sizes = size(lambda x: {"big": 100 * x, "small": jnp.stack([x, x])}, jnp.float32(1))
    assert sizes["big"] == pytest.approx(100 * np.sqrt(2) * EPSILON, rel=0.35)
    assert sizes["small"] < 10 * EPSILON
