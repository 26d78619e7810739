import jax
import jax.numpy as jnp
import numpy as np
import pytest

from osculate._errors import WrongInput, WrongType
from osculate._linear import DEFAULT_MEMORY, applied, chunk_length, columns, linearise, memory_in_bytes, peak_bytes
from osculate._trace import trace


def peak(f, *shapes):
    return peak_bytes(trace(f, *(jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes), asked="test")[0])


@pytest.mark.parametrize("memory", [None, 1, 90, 10**9])
def test_columns_are_those_of_the_matrix(memory):
    A = jnp.arange(35.0).reshape(5, 7)
    np.testing.assert_array_equal(columns(lambda v: A @ v, 7, jnp.float32, memory), A)


@pytest.mark.parametrize("memory", [1, 90, 10**9])
def test_products_with_several_vectors(memory):
    A, V = jnp.arange(35.0).reshape(5, 7), jnp.arange(21.0).reshape(7, 3)
    np.testing.assert_allclose(applied(lambda v: A @ v, V, memory), A @ V)


def test_linearise_gives_value_gradient_and_products():
    here = linearise(lambda x: (jnp.sum(x**3), "aux"[:0] or x + 1), jnp.array([1.0, 2.0]))
    assert here.value == 9
    np.testing.assert_array_equal(here.auxiliary, [2, 3])
    np.testing.assert_array_equal(here.gradient, [3, 12])
    np.testing.assert_array_equal(here.product(jnp.array([1.0, -1.0])), [6, -12])


def test_a_chunk_shrinks_with_the_memory_of_one_column():
    W = jnp.ones((1000, 10))
    wide = chunk_length(lambda v: jnp.sin(W @ v).sum(), 10, jnp.float32, 10**5)
    assert 5 <= wide <= 12  # 4 kB for each array of 1000 numbers, two or three of them alive at once
    assert chunk_length(lambda v: v, 10, jnp.float32, 10**5) == 10
    assert chunk_length(lambda v: v, 10, jnp.float32, 1) == 1


def test_peak_counts_what_is_alive_and_depends_on_the_input():
    kilobyte = (250,)
    assert peak(lambda x: x, kilobyte) == 1000
    assert peak(lambda x: jnp.sin(jnp.sin(jnp.sin(x))), kilobyte) == 2000
    assert peak(lambda x: jnp.sum(x) + jnp.sum(jnp.sin(jnp.ones((10**6,)))), kilobyte) < 1100

    inner = peak(lambda x: jax.lax.scan(lambda c, _: (jnp.outer(c, c) @ c, None), x, None, length=3)[0], kilobyte)
    assert inner >= 250 * 250 * 4


@pytest.mark.parametrize(
    ("memory", "size"),
    [(None, DEFAULT_MEMORY), (17, 17), ("17", 17), ("200MB", 2 * 10**8), ("1 GiB", 2**30), ("1.5kB", 1500)],
)
def test_memory_is_a_number_of_bytes_or_a_text(memory, size):
    assert memory_in_bytes(memory, "osculate.hessian") == size


@pytest.mark.parametrize(
    ("memory", "kind"),
    [
        ("lots", WrongInput),
        ("-1GB", WrongInput),
        ("3 parsecs", WrongInput),
        (0, WrongInput),
        (1e9, WrongType),
        (True, WrongType),
    ],
)
def test_other_budgets_are_refused(memory, kind):
    with pytest.raises(kind, match=r'memory="200MB"'):
        memory_in_bytes(memory, "osculate.hessian")
