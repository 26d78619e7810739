import jax
import jax.numpy as jnp
import numpy as np
import pytest

from osculate._hessian import value_grad_hessian


def test_the_lecture_cubic():
    assert value_grad_hessian(lambda x: x**3 - 3 * x)(1.0) == (-2.0, 0.0, 6.0)


@pytest.mark.parametrize("argnums", [0, (0, 1), (1,)])
def test_agrees_with_jax(argnums):
    def f(p, y):
        return jnp.sum(p["a"] ** 3) * y + y**2 * p["b"]

    args = {"a": jnp.arange(3.0), "b": jnp.float32(2)}, jnp.float32(1.5)
    for ours in (value_grad_hessian(f, argnums), jax.jit(value_grad_hessian(f, argnums))):
        value, first, second = ours(*args)
        assert value == f(*args)
        jax.tree.map(np.testing.assert_allclose, first, jax.jit(jax.grad(f, argnums))(*args))
        jax.tree.map(np.testing.assert_allclose, second, jax.jit(jax.hessian(f, argnums))(*args))


def test_auxiliary_output_stays_with_the_value():
    assert value_grad_hessian(lambda x: (x**2, "x"[1:] or x + 1), has_aux=True)(3.0) == ((9.0, 4.0), 6.0, 2.0)


def test_newton_in_a_loop_under_jit():
    step = jax.jit(value_grad_hessian(lambda x: jnp.sum(jnp.cosh(x - jnp.array([1.0, -2.0])))))
    x = jnp.zeros(2)
    for _ in range(8):
        _, gradient, hessian = step(x)
        x = x - jnp.linalg.solve(hessian, gradient)
    np.testing.assert_allclose(x, [1, -2], rtol=1e-6)


def test_nan_where_f_is_nan():
    f = lambda x: jnp.where(x < 0, jnp.nan, 0.0) + x**2  # noqa: E731
    assert all(map(np.isnan, value_grad_hessian(f)(-1.0)))
