import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from osculate._errors import WrongInput, WrongType
from osculate._hessian import hvp

ENTRIES = st.floats(-3, 3, width=32).map(float)


@given(hnp.arrays(np.float64, (3, 3), elements=ENTRIES), hnp.arrays(np.float64, (2, 3), elements=ENTRIES))
def test_a_quadratic(A, points):
    x, v = points
    np.testing.assert_allclose(hvp(lambda x: x @ A @ x)(x, v), (A + A.T) @ v, rtol=1e-14, atol=1e-13)


def test_direction_comes_second_and_data_after_it():
    def f(x, scale, p):
        return scale * jnp.sum(x**3) * p["a"]

    x, v, p = np.array([1.0, 2.0]), np.array([1.0, -1.0]), {"a": 2.0}
    np.testing.assert_allclose(hvp(f)(x, v, 3.0, p), 36 * x * v)
    second = hvp(f, argnums=(0, 2))(x, (v, {"a": 1.0}), 3.0, p)
    np.testing.assert_allclose(second[0], 36 * x * v + 9 * x**2)
    np.testing.assert_allclose(second[1]["a"], np.sum(9 * x**2 * v))


def test_precision_follows_point_and_direction():
    assert hvp(np.sin)(0.5, 1.0).dtype == np.float64
    assert hvp(jnp.sin)(jnp.float32(0.5), jnp.float32(1)).dtype == jnp.float32
    assert hvp(lambda x: x**2)(3.0, 1) == 2  # an integer step is a number like any other


def test_auxiliary_output_comes_along():
    assert hvp(lambda x: (x**2, x), has_aux=True)(3.0, 2.0) == (4.0, 3.0)


def test_composes_with_jit_vmap_and_grad():
    x = jnp.array([0.5, 1.0])
    f = lambda x: jnp.sum(jnp.sin(x))  # noqa: E731
    products = jax.jit(jax.vmap(hvp(f), in_axes=(None, 0)))(x, jnp.eye(2))
    np.testing.assert_allclose(products, np.diag(-np.sin(x)), rtol=1e-6)
    np.testing.assert_allclose(
        jax.jit(jax.grad(lambda x: hvp(f)(x, x).sum()))(x), -np.sin(x) - x * np.cos(x), rtol=1e-5
    )


def test_nan_where_f_is_nan():
    f = lambda x: jnp.where(x < 0, jnp.nan, 0.0) + x**2  # noqa: E731
    assert np.isnan(hvp(f)(-1.0, 1.0))
    assert np.isnan(jax.jit(hvp(f))(jnp.float32(-1), jnp.float32(1)))
    assert hvp(f)(1.0, 1.0) == 2


@pytest.mark.parametrize(
    ("x", "v", "kind", "words"),
    [
        (np.ones(3), np.ones(4), WrongInput, "the direction v has shape [4], but the point there has [3]"),
        (np.ones(3), {"a": np.ones(3)}, WrongInput, "pytree structures differ"),
        ({"a": np.ones(3)}, {"a": np.ones(2)}, WrongInput, "v['a'] has shape [2]"),
        (np.ones(3), 1j * np.ones(3), WrongType, "complex128"),
        (np.ones(1), np.array([None]), WrongType, "object"),
    ],
)
def test_a_direction_of_another_kind_is_refused(x, v, kind, words):
    with pytest.raises(kind, match=r"osculate\.hvp: ") as caught:
        hvp(lambda x: sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(x)))(x, v)
    assert words in str(caught.value)
    assert "test_hvp.py" in str(caught.value)
    assert "\n  now: pass" in str(caught.value)
