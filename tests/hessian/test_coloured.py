import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse
from jax.experimental.sparse import BCOO

from osculate._errors import Unreadable, WrongInput
from osculate._hessian import hessian
from osculate._hessian.coloured import compressed, read_off
from osculate._hessian.colouring import star_colouring
from osculate._hessian.pattern import Pattern
from osculate._linear import linearise


def rosenbrock(x):
    return jnp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def arrow(x):
    return jnp.sum(jnp.sin(x[1:]) * x[0] ** 2) + x[0] ** 3


def plate(x):
    u = x.reshape(6, 6)
    return jnp.sum((u[1:] - u[:-1]) ** 4) + jnp.sum((u[:, 1:] - u[:, :-1]) ** 2) + jnp.sum(jnp.exp(u))


def spread(x):
    return jnp.sum(jnp.cos(x[jnp.arange(30) * 7 % 30] * x))


FUNCTIONS = [(rosenbrock, 12), (arrow, 9), (plate, 36), (spread, 30)]


def pattern_at(f, x):
    return np.nonzero(np.asarray(jax.jit(jax.hessian(f))(x)))


def entries(f, x, rows, columns, memory=2**20):
    found = star_colouring(rows, columns, len(x))
    colours, source = jnp.asarray(found.colours), jnp.asarray(found.source)

    @jax.jit
    def at(x):
        product = linearise(lambda at: (f(at), None), x).product
        return read_off(product, x, colours, source, found.count, memory)

    return at(x)


@pytest.mark.parametrize(("f", "n"), FUNCTIONS)
@pytest.mark.parametrize("memory", [1, 2**20])
def test_entries_are_those_of_the_dense_hessian(f, n, memory):
    with jax.enable_x64(True):
        x = jnp.asarray(np.random.default_rng(n).normal(size=n))
        rows, columns = pattern_at(f, x)
        expected = np.asarray(jax.jit(jax.hessian(f))(x))[rows, columns]
        np.testing.assert_allclose(entries(f, x, rows, columns, memory), expected, rtol=1e-12, atol=1e-13)


def test_float32_stays_float32():
    x = jnp.linspace(-1, 1, 12, dtype=jnp.float32)
    rows, columns = pattern_at(rosenbrock, x)
    got = entries(rosenbrock, x, rows, columns)
    assert got.dtype == jnp.float32
    np.testing.assert_allclose(got, np.asarray(jax.hessian(rosenbrock)(x))[rows, columns], rtol=1e-5, atol=1e-4)


def test_under_jit_vmap_and_grad():
    with jax.enable_x64(True):
        x = jnp.asarray(np.random.default_rng(1).normal(size=8))
        rows, columns = pattern_at(rosenbrock, x)
        batch = jnp.stack([x, 2 * x])

        def of(at):
            return entries(rosenbrock, at, rows, columns)

        dense = jax.jit(jax.vmap(jax.hessian(rosenbrock)))(batch)
        np.testing.assert_allclose(jax.vmap(of)(batch), dense[:, rows, columns], rtol=1e-12, atol=1e-12)
        third = jax.jit(jax.grad(lambda at: jnp.sum(of(at) ** 2)))(x)
        expected = jax.jit(jax.grad(lambda at: jnp.sum(jax.hessian(rosenbrock)(at) ** 2)))(x)
        np.testing.assert_allclose(third, expected, rtol=1e-11)


def test_products_of_a_matrix_are_sums_of_its_columns():
    A = jnp.asarray(np.random.default_rng(2).normal(size=(6, 6)), jnp.float32)
    colours = jnp.asarray([0, 1, 0, 2, 1, 0])
    for memory in (1, 2**20):
        got = compressed(lambda v: A @ v, jnp.zeros(6, jnp.float32), colours, 3, memory)
        expected = np.stack([np.asarray(A)[:, np.asarray(colours) == c].sum(1) for c in range(3)])
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


def alone(x):
    return jnp.sum(jnp.sin(x[0::2] * x[1::2]))


PUBLIC = [*FUNCTIONS, (alone, 10), (lambda x: 3.0 * x[0], 4), (lambda x: x[0] ** 2 * x[1] ** 2, 5)]


@pytest.mark.parametrize(("f", "n"), PUBLIC)
def test_dense_and_sparse_results_are_those_of_jax(f, n):
    x = np.random.default_rng(n).normal(size=n)
    with jax.enable_x64(True):
        expected = np.asarray(jax.jit(jax.hessian(f))(jnp.asarray(x)))
    matrix = hessian(f, output="matrix", method="coloured")(x)
    np.testing.assert_allclose(matrix, expected, rtol=1e-12, atol=1e-13)
    np.testing.assert_array_equal(matrix, matrix.T)
    sparse = hessian(f, output="sparse", method="coloured")(x)
    assert isinstance(sparse, scipy.sparse.csr_array)
    assert sparse.dtype == np.float64
    np.testing.assert_array_equal(sparse.toarray(), matrix)


def test_trees_and_auxiliary_outputs():
    def f(p):
        return jnp.sum(p["a"] ** 2 * p["b"]) + jnp.sum(p["a"]) ** 3, p["b"]

    p = {"a": jnp.arange(3.0), "b": jnp.asarray(2.0)}
    second, auxiliary = hessian(f, has_aux=True, method="coloured")(p)
    expected = jax.hessian(lambda p: f(p)[0])(p)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5), second, expected)
    assert auxiliary == 2


def test_sparse_under_jit_is_jax_s_own_kind():
    x = jnp.linspace(-1, 1, 9)
    sparse = jax.jit(hessian(rosenbrock, output="sparse", method="coloured"))(x)
    assert isinstance(sparse, BCOO)
    assert sparse.nse == 9 + 2 * 8
    np.testing.assert_allclose(sparse.todense(), jax.hessian(rosenbrock)(x), rtol=1e-5, atol=1e-4)


def test_a_value_that_is_nan_makes_all_entries_nan():
    matrix = hessian(lambda x: jnp.sum(x**2) + jnp.log(x[0] - 10), output="matrix", method="coloured")(jnp.ones(3))
    assert np.isnan(matrix).all()


def test_a_pattern_that_lacks_an_entry_is_an_error_and_not_a_number(monkeypatch):
    rows = columns = np.arange(5)
    wrong = Pattern(rows, columns, star_colouring(rows, columns, 5))
    monkeypatch.setattr("osculate._hessian.coloured.pattern_at", lambda point: wrong)
    with pytest.raises(Unreadable, match=r"failed its check.*cos"):
        hessian(lambda x: jnp.sum(jnp.cos(x[1:] * x[:-1])), output="matrix", method="coloured")(np.ones(5))


def test_an_unknown_pattern_is_refused(monkeypatch):
    monkeypatch.setattr("osculate._hessian.coloured.pattern_at", lambda point: "more than 2000 terms")
    with pytest.raises(WrongInput, match="the pattern of this Hessian is not known: more than 2000 terms"):
        hessian(rosenbrock, output="matrix", method="coloured")(np.ones(5))


def test_a_budget_is_kept_to_by_products_side_by_side():
    x = np.linspace(-1, 1, 30)
    sparse = hessian(rosenbrock, output="sparse", memory=10_000)(x)
    np.testing.assert_allclose(sparse.toarray(), hessian(rosenbrock, output="matrix", method="dense")(x), rtol=1e-12)
    with pytest.raises(WrongInput, match="30² = 900 numbers: 7,200 bytes"):
        hessian(rosenbrock, output="matrix", method="coloured", memory=7_000)(x)
