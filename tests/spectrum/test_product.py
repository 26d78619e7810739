"""The door to an operator: what it accepts, counts, measures and refuses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import sparse
from scipy.sparse.linalg import aslinearoperator

from osculate._errors import OsculateError, WrongInput, WrongType
from osculate._spectrum.keys import generator
from osculate._spectrum.product import product_of, whole_number

SYMMETRIC = np.array([[2.0, 1.0, 0.0], [1.0, 3.0, -1.0], [0.0, -1.0, 1.0]])


@pytest.mark.parametrize(
    "op",
    [
        SYMMETRIC,
        SYMMETRIC.astype(int),
        jnp.asarray(SYMMETRIC, dtype=jnp.float32),
        aslinearoperator(SYMMETRIC),
        sparse.csr_array(SYMMETRIC),
        np.asmatrix(SYMMETRIC),
    ],
    ids=["array", "integers", "jax", "linear operator", "sparse", "matrix"],
)
def test_every_kind_of_operator_gives_the_same_products(op):
    product = product_of(op, "osculate.eigenvalues")
    vector = np.array([1.0, -2.0, 0.5])
    np.testing.assert_allclose(product(vector), SYMMETRIC @ vector, rtol=1e-6)
    np.testing.assert_allclose(product(np.eye(3)), SYMMETRIC, rtol=1e-6)
    assert product.count == 4
    assert product(vector).dtype == np.float64


def test_wide_blocks_are_counted_and_put_together():
    product = product_of(np.diag(np.arange(1.0, 201.0)), "osculate.trace")
    np.testing.assert_array_equal(product(np.eye(200)), np.diag(np.arange(1.0, 201.0)))
    assert product.count == 200
    assert product.scale == 200.0


def test_precision_is_that_of_the_operator():
    assert product_of(SYMMETRIC.astype(np.float32), "osculate.eigenvalues").precision == np.finfo(np.float32).eps
    assert product_of(SYMMETRIC, "osculate.eigenvalues").precision == np.finfo(np.float64).eps


@pytest.mark.parametrize(
    ("op", "error", "words"),
    [
        ([[1.0]], WrongType, "list"),
        (np.ones((2, 3)), WrongInput, "(2, 3)"),
        (np.ones(3), WrongInput, "(3,)"),
        (np.ones((0, 0)), WrongInput, "empty"),
        (np.eye(2) * 1j, WrongType, "complex128"),
    ],
)
def test_operators_that_cannot_be_read_are_named(op, error, words):
    with pytest.raises(error) as caught:
        product_of(op, "osculate.eigenvalues")
    assert words in str(caught.value)
    assert caught.value.asked == "osculate.eigenvalues"
    assert caught.value.remedy


def test_a_product_that_is_not_finite_is_named():
    broken = np.eye(3)
    broken[1, 1] = np.nan
    product = product_of(broken, "osculate.eigenvalues")
    with pytest.raises(WrongInput, match=r"product number 1 is not finite: 1 of its 3 entries"):
        product(np.array([0.0, 1.0, 0.0]))


def test_a_product_of_another_shape_is_named():
    class Wrong:
        shape, dtype = (3, 3), np.dtype(float)

        def __matmul__(self, vector):
            return vector[:2]

    with pytest.raises(WrongInput, match=r"shape \(3,\) gave shape \(2,\)"):
        product_of(Wrong(), "osculate.eigenvalues")(np.ones(3))


def test_a_traced_operator_is_refused():
    class Traced:
        shape, dtype = (2, 2), np.dtype(np.float32)

        def __init__(self, factor):
            self.factor = factor

        def __matmul__(self, vector):
            return self.factor * jnp.asarray(vector)

    @jax.jit
    def inside(factor):
        product_of(Traced(factor), "osculate.eigenvalues")(np.ones(2))
        return factor

    with pytest.raises(WrongType, match="traced"):
        inside(1.0)


def test_counts_are_checked():
    assert whole_number(np.int64(3), "k", "osculate.eigenvalues", least=1, why="") == 3
    for wrong, error in ((2.0, WrongType), (True, WrongType), (0, WrongInput)):
        with pytest.raises(error):
            whole_number(wrong, "k", "osculate.eigenvalues", least=1, why="one is needed")


def test_keys_are_repeatable_and_different():
    keys = [0, 1, np.int32(2), jax.random.key(1), jax.random.PRNGKey(5)]
    draws = [generator(key, "osculate.trace").standard_normal() for key in keys]
    assert draws == [generator(key, "osculate.trace").standard_normal() for key in keys]
    assert len(set(draws)) == len(draws)
    assert generator(0, "osculate.trace").standard_normal() != np.random.default_rng(0).standard_normal()


@pytest.mark.parametrize("key", [-1, 0.5, "a", None, True, np.zeros(2), jax.random.split(jax.random.key(0), 3)])
def test_wrong_keys_are_refused(key):
    with pytest.raises(OsculateError, match="key"):
        generator(key, "osculate.trace")
