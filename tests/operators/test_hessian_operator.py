from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from osculate._errors import WrongInput
from osculate._operators import hessian_operator, product

compiled_product: Any = product._vector


def stored(operator) -> Any:
    """The linearised gradient with the arrays it carries."""
    return operator.product.linear


def network(sizes=(16, 12, 8, 4)):
    keys = jax.random.split(jax.random.key(0), len(sizes))
    pairs = zip(keys, sizes[:-1], sizes[1:], strict=False)
    return [(jax.random.normal(key, (m, n)) / m**0.5, jnp.zeros(n)) for key, m, n in pairs]


def loss(params, X, Y):
    for W, b in params[:-1]:
        X = jnp.tanh(X @ W + b)
    return jnp.mean((X @ params[-1][0] + params[-1][1] - Y) ** 2)


X, Y = jax.random.normal(jax.random.key(1), (64, 16)), jax.random.normal(jax.random.key(2), (64, 4))


def flops(f, *args):
    return f.lower(*args).compile().cost_analysis()["flops"]


def test_agrees_with_the_hessian_and_keeps_value_and_gradient():
    params = network()
    H = hessian_operator(loss)(params, X, Y)
    flat, unravel = ravel_pytree(params)
    v = jnp.sin(jnp.arange(flat.size))
    gradient, product = jax.jit(lambda v: jax.jvp(jax.grad(lambda z: loss(unravel(z), X, Y)), (flat,), (v,)))(v)
    np.testing.assert_allclose(H @ v, product, atol=1e-6)
    np.testing.assert_allclose(H.matrix() @ v, product, atol=1e-6)
    np.testing.assert_allclose(H.value, loss(params, X, Y), rtol=1e-6)
    np.testing.assert_allclose(H.gradient, gradient, atol=1e-6)


def test_a_repeated_product_costs_less_than_two_gradients():
    params = network()
    H = hessian_operator(loss)(params, X, Y)
    v = jnp.ones(H.shape[0])
    gradient = flops(jax.jit(jax.grad(loss)), params, X, Y)
    from_scratch = jax.jit(lambda p, v: jax.jvp(lambda p: jax.grad(loss)(p, X, Y), (p,), (v,))[1])
    assert flops(compiled_product, stored(H), v) <= 1.8 * gradient
    assert flops(from_scratch, params, params) > 1.9 * gradient


def test_nothing_of_the_point_is_computed_again():
    H = hessian_operator(loss)(network(), X, Y)
    program = jax.make_jaxpr(lambda linear, v: linear(v))(stored(H), jnp.ones(H.shape[0]))
    assert "dot_general" in str(program)
    assert "tanh" not in str(program)


def test_data_is_not_copied():
    pointer = X.unsafe_buffer_pointer()
    for H in (hessian_operator(loss)(network(), X, Y), hessian_operator(lambda p: loss(p, X, Y))(network())):
        arrays = jax.tree.leaves(stored(H))
        assert [leaf.unsafe_buffer_pointer() for leaf in arrays if leaf.shape == X.shape] == [pointer]


def test_the_next_step_of_training_compiles_nothing():
    params, v = network(), jnp.ones(16 * 12 + 12 + 12 * 8 + 8 + 8 * 4 + 4)
    first = hessian_operator(loss)(params, X, Y) @ v
    before = compiled_product._cache_size()
    moved = jax.tree.map(lambda leaf: leaf + 0.1, params)
    batch = X + 1
    second = hessian_operator(lambda p: loss(p, batch, Y))(moved) @ v
    assert compiled_product._cache_size() == before
    assert not np.allclose(first, second)


def test_float64_and_numpy():
    data = np.linspace(-1, 1, 20).reshape(10, 2)
    H = hessian_operator(lambda w, D: np.mean(np.log1p(np.exp(D @ w))))(np.array([0.3, -0.2]), data)
    p = 1 / (1 + np.exp(-data @ [0.3, -0.2]))
    np.testing.assert_allclose(H.matrix(), data.T @ (data * (p * (1 - p))[:, None]) / 10, rtol=1e-14)
    assert isinstance(H.value, np.float64)
    assert H.gradient.dtype == np.float64


@pytest.mark.parametrize("argnums", [1, (0, 1), (1, 0)])
def test_argnums(argnums):
    def f(a, b):
        return jnp.sum(a**2) * b[0] ** 2 + b[1] ** 3

    args = np.array([1.0, 2.0]), [2.0, 3.0]
    H = hessian_operator(f, argnums)(*args)
    full = np.array([[8, 0, 8, 0], [0, 8, 16, 0], [8, 16, 10, 0], [0, 0, 0, 18]])
    order = [i for n in np.atleast_1d(argnums) for i in ([0, 1] if n == 0 else [2, 3])]
    np.testing.assert_allclose(H.matrix(), full[np.ix_(order, order)])


def test_nan_where_f_is_nan():
    H = hessian_operator(lambda x: jnp.sum(x**2) + jnp.where(x[0] < 0, jnp.nan, 0.0))(np.array([-1.0, 1.0]))
    assert np.isnan(H @ np.ones(2)).all()
    assert np.isnan(H.gradient).all()


def test_a_vector_valued_f_is_refused():
    with pytest.raises(WrongInput, match=r"osculate\.hessian_operator: "):
        hessian_operator(lambda x: x)(np.ones(3))
