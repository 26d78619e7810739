"""The float64 policy: at top level NumPy's precision, elsewhere JAX's own setting."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import osculate
from osculate._errors import WrongType
from osculate._trace import at_top_level, precision_of

THIRD = 1 / 3
EXACT = 12 * THIRD**2


def fourth(x):
    return x**4


second = osculate.derivative(fourth, 2)


@pytest.mark.parametrize("x", [THIRD, np.float64(THIRD), np.array(THIRD)])
def test_double_at_top_level(x):
    result = second(x)
    assert isinstance(result, np.float64)
    assert result == pytest.approx(EXACT, rel=4e-16)


def test_arrays_come_back_as_numpy_and_may_be_written():
    result = second(np.array([THIRD, 1.0]))
    assert type(result) is np.ndarray
    assert result.dtype == np.float64
    result[0] = 0.0
    assert result[0] == 0


def test_jax_arrays_follow_jax():
    result = second(jnp.array([THIRD]))
    assert isinstance(result, jax.Array)
    assert result.dtype == jnp.float32


def test_float32_numpy_stays_float32():
    assert second(np.float32(THIRD)).dtype == np.float32


def test_under_transformations_jax_rules():
    assert jax.jit(second)(THIRD).dtype == jnp.float32
    assert jax.vmap(second)(np.ones(2)).dtype == jnp.float32
    assert jax.grad(second)(THIRD).dtype == jnp.float32
    inside = jax.vmap(lambda i: second(np.float64(THIRD)) * i)(jnp.ones(2))
    assert inside.dtype == jnp.float32
    np.testing.assert_allclose(inside, EXACT, rtol=1e-6)


def test_with_the_global_setting():
    with jax.enable_x64(True):
        assert second(jnp.asarray(THIRD)).dtype == jnp.float64
        assert jax.jit(second)(THIRD).dtype == jnp.float64


def test_nothing_is_left_switched_on():
    second(1.0)
    with pytest.raises(Exception, match="integer"):
        second(1)
    assert jnp.ones(1).dtype == jnp.float32


def test_float32_constants_promote():
    constant = jnp.float32(2.0)
    assert osculate.derivative(lambda x: constant * x**2)(3.0) == 12.0


def test_float32_constants_that_clash_are_said():
    def f(x):
        carry, _ = jax.lax.scan(lambda c, a: (c + x, None), jnp.zeros((), jnp.float32), jnp.ones(3))
        return carry

    with pytest.raises(WrongType, match="float32 and float64 meet") as caught:
        osculate.derivative(f)(1.0)
    assert caught.value.where.file == __file__
    assert "jnp.asarray(x, jnp.float32)" in caught.value.remedy


def test_at_top_level_sees_every_transformation():
    seen = []

    def look(x):
        seen.append(at_top_level())
        return x

    look(1.0)
    jax.jit(look)(1.0)
    jax.vmap(look)(jnp.ones(1))
    jax.grad(look)(1.0)
    assert seen == [True, False, False, False]


def test_integers_do_not_decide():
    assert not precision_of(3, np.arange(3)).double
    assert precision_of(3, 1.0).double
    assert not precision_of(1.0, jnp.ones(1)).double
