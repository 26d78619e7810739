import jax
import jax.numpy as jnp
import numpy as np
import pytest

from osculate._errors import WrongType
from osculate._hessian import jacobian
from osculate._hessian.layout import cut


def wide(x):
    return jnp.stack([jnp.sin(x).sum(), jnp.prod(x)])


def tall(x):
    return jnp.outer(jnp.sin(x), x**2)


@pytest.mark.parametrize(
    "f", [wide, tall, lambda x: x**2, lambda x: jnp.sum(x**3)], ids=["wide", "tall", "square", "row"]
)
def test_agrees_with_jax_and_keeps_its_layout(f):
    x = np.linspace(0.1, 1.3, 4)
    with jax.enable_x64(True):
        expected = np.asarray(jax.jit(jax.jacobian(f))(x))
    got = jacobian(f)(x)
    assert got.dtype == np.float64
    np.testing.assert_allclose(got, expected, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("argnums", [0, 1, (0, 1)])
def test_pytrees_in_and_out(argnums):
    def f(p, q):
        return {"m": jnp.outer(p["a"], q), "s": (jnp.sum(q**2) * p["b"],)}

    args = {"a": jnp.arange(1.0, 4), "b": jnp.float32(2)}, jnp.ones(2)
    ours, theirs = jacobian(f, argnums)(*args), jax.jit(jax.jacobian(f, argnums))(*args)
    jax.tree.map(np.testing.assert_allclose, ours, theirs)
    jax.tree.map(np.testing.assert_allclose, jax.jit(jacobian(f, argnums))(*args), theirs)


def test_complex_outputs_of_real_inputs():
    got = jacobian(lambda t: np.exp(1j * t))(np.array([0.0, 0.5]))
    np.testing.assert_allclose(got, np.diag(1j * np.exp(1j * np.array([0.0, 0.5]))), atol=1e-16)


def test_only_the_row_of_a_nan_is_nan():
    got = jacobian(lambda x: jnp.stack([x[0] + 0 * jnp.log(x[1] - 5), x[1] ** 2]))(np.array([1.0, 2.0]))
    np.testing.assert_array_equal(got, [[np.nan, np.nan], [0, 4]])


def test_auxiliary_output_comes_along():
    got, auxiliary = jacobian(lambda x: (2 * x, "no"[0:0] or x.sum()), has_aux=True)(np.ones(2))
    np.testing.assert_array_equal(got, 2 * np.eye(2))
    assert auxiliary == 2


def test_composes_with_vmap_and_grad():
    x = jnp.ones((3, 2)) * jnp.arange(1.0, 4)[:, None]
    np.testing.assert_allclose(jax.vmap(jacobian(lambda x: x**2))(x), jax.vmap(jnp.diag)(2 * x))
    total = jax.grad(lambda x: jnp.sum(jacobian(lambda x: x**3)(x)))(x[1])
    np.testing.assert_allclose(total, 6 * x[1])


def test_an_integer_output_is_refused():
    with pytest.raises(WrongType, match=r"an output is int.*has no derivative"):
        jacobian(lambda x: {"y": x, "count": jnp.argmax(x)})(np.ones(2))


def test_cutting_keeps_shapes_and_dtypes():
    rows = {"a": jnp.zeros((2, 1), jnp.float16), "b": jnp.zeros(())}
    columns = (jnp.zeros(2), jnp.zeros((0, 3)))
    tree = cut(jnp.arange(6.0).reshape(3, 2), rows, columns)
    assert jax.tree.map(lambda leaf: (leaf.shape, str(leaf.dtype)), tree) == {
        "a": (((2, 1, 2), "float16"), ((2, 1, 0, 3), "float16")),
        "b": (((2,), "float32"), ((0, 3), "float32")),
    }
    np.testing.assert_array_equal(tree["b"][0], [4, 5])
