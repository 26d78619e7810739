from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from osculate._operators import product
from osculate._operators.product import HostProduct, Product

compiled_product: Any = product._vector

A = np.arange(9.0).reshape(3, 3) + np.arange(9.0).reshape(3, 3).T


def times(matrix, v):
    return matrix @ v


def linear():
    return Product(jax.tree_util.Partial(times, jnp.asarray(A, jnp.float32)), 3, np.dtype("float32"))


def test_blocks_share_their_compiled_programs():
    first = linear().block(1, 3).vector(jnp.ones(2))
    compiled = compiled_product._cache_size()
    np.testing.assert_array_equal(linear().block(1, 3).vector(jnp.ones(2)), first)
    assert compiled_product._cache_size() == compiled
    np.testing.assert_array_equal(first, A[1:, 1:] @ np.ones(2))
    np.testing.assert_array_equal(linear().block(0, 1).whole(10**6), A[:1, :1])


def test_an_empty_block():
    assert linear().block(1, 1).vector(jnp.ones(0)).shape == (0,)


def test_a_product_from_elsewhere_sees_flat_numpy_vectors_of_its_dtype():
    seen = []

    def matvec(v):
        seen.append((type(v), v.shape, v.dtype))
        return (A @ v).tolist()

    host = HostProduct(matvec, 3, np.dtype("float32"))
    np.testing.assert_array_equal(host.matrix(np.eye(3)), A)
    np.testing.assert_array_equal(host.whole(1), A)
    assert set(seen) == {(np.ndarray, (3,), np.dtype("float32"))}
    assert host.matrix(np.eye(3)).dtype == np.float32
