import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from osculate._errors import WrongInput, WrongType
from osculate._hessian import gradient

ENTRIES = st.floats(-3, 3, width=32).map(float)


@given(hnp.arrays(np.float64, (3, 3), elements=ENTRIES), hnp.arrays(np.float64, 3, elements=ENTRIES))
def test_a_quadratic_has_a_linear_gradient(A, x):
    np.testing.assert_allclose(gradient(lambda x: x @ A @ x)(x), (A + A.T) @ x, rtol=1e-14, atol=1e-13)


def test_numbers_of_python_and_numpy_are_differentiated_in_double_precision():
    got = gradient(np.sin)(0.1)
    assert isinstance(got, np.float64)
    assert got == pytest.approx(np.cos(0.1), rel=1e-15)


def test_jax_arrays_follow_jax():
    got = gradient(lambda x: jnp.sum(x**2))(jnp.array([1.0, 2.0]))
    assert isinstance(got, jax.Array)
    assert got.dtype == jnp.float32
    np.testing.assert_array_equal(got, [2, 4])


def test_layout_is_that_of_jax():
    def f(p, scale, q):
        return scale * jnp.sum(p["a"]) * p["b"][0] ** 2 + jnp.sum(q**3)

    args = {"a": jnp.arange(3.0), "b": (jnp.float32(2), jnp.zeros((0, 2)))}, 1.5, jnp.ones((2, 1))
    for argnums in (0, 2, (0, 2), (2, 0), -1):
        ours, theirs = gradient(f, argnums)(*args), jax.jit(jax.grad(f, argnums))(*args)
        jax.tree.map(np.testing.assert_allclose, ours, theirs)


def test_auxiliary_output_comes_along():
    got, auxiliary = gradient(lambda x: (x**2, {"x": x}), has_aux=True)(3.0)
    assert (got, auxiliary) == (6.0, {"x": 3.0})


def test_composes_with_jit_vmap_and_grad():
    x = jnp.array([0.3, 1.2])
    np.testing.assert_allclose(jax.jit(jax.vmap(gradient(jnp.sin)))(x), np.cos(x), rtol=1e-6)
    np.testing.assert_allclose(jax.jit(jax.vmap(jax.grad(gradient(jnp.sin))))(x), -np.sin(x), rtol=1e-6)
    scale = jax.grad(lambda a: gradient(lambda x: a * x**2)(jnp.float32(3)))(jnp.float32(2))
    assert scale == 6


@pytest.mark.parametrize("transform", [lambda f: f, jax.jit, jax.vmap], ids=["bare", "jit", "vmap"])
def test_nan_where_f_is_nan(transform):
    def f(x):  # the value is NaN below zero, the derivative of the second term would be 1
        return jnp.sum(jnp.where(x < 0, jnp.nan, 0.0)) + jnp.sum(x)

    assert jax.grad(f)(jnp.float32(-1)) == 1
    np.testing.assert_array_equal(transform(gradient(f))(jnp.array([-1.0])[0:1]), [jnp.nan])


@pytest.mark.parametrize(
    ("f", "x", "kind", "words"),
    [
        (lambda x: x, np.ones(3), WrongInput, "must return one real number, but it returns float64[3]"),
        (lambda x: x**2, 2, WrongType, "integers have no derivatives"),
        (lambda x: x**2, 2j, WrongType, "complex"),
        (lambda x: x**2, float("nan"), WrongInput, "NaN"),
    ],
)
def test_what_has_no_gradient_is_refused(f, x, kind, words):
    with pytest.raises(kind, match=r"osculate\.gradient: ") as caught:
        gradient(f)(x)
    assert words in str(caught.value)
    assert "test_gradient.py" in str(caught.value)
