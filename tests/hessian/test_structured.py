"""``osculate.hessian(f, method="structured")`` and ``output="sparse"``, as the user calls them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

import osculate
from osculate._arguments import point
from osculate._compiled import computed
from osculate._errors import Unreadable, WrongInput
from osculate._hessian.structured import checked, structured_derivatives
from osculate._interpret import table
from osculate._structure import sweep

CHAIN = np.linspace(-1.0, 1.0, 7)
TREE = {"bias": np.array([0.2, -0.4]), "weights": np.arange(6.0).reshape(3, 2) / 7}


def rosenbrock(x):
    return jnp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def rosenbrock_hessian(x):
    """Written out by hand."""
    n = len(x)
    matrix = np.zeros((n, n))
    for i in range(n - 1):
        matrix[i, i] += 1200 * x[i] ** 2 - 400 * x[i + 1] + 2
        matrix[i + 1, i + 1] += 200
        matrix[i, i + 1] = matrix[i + 1, i] = -400 * x[i]
    return matrix


def loss(tree):
    return jnp.sum(jnp.tanh(tree["weights"] @ tree["bias"]) ** 2) + tree["bias"][0] ** 3


def assert_trees_close(one, two):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-13), one, two)


def test_matrix_against_closed_form():
    matrix = osculate.hessian(rosenbrock, output="matrix", method="structured")(CHAIN)
    np.testing.assert_allclose(matrix, rosenbrock_hessian(CHAIN), rtol=1e-14)
    assert isinstance(matrix, np.ndarray)


def test_sparse_against_closed_form():
    matrix = osculate.hessian(rosenbrock, output="sparse")(CHAIN)
    assert isinstance(matrix, scipy.sparse.csr_array)
    assert matrix.nnz == 3 * 7 - 2
    np.testing.assert_allclose(matrix.toarray(), rosenbrock_hessian(CHAIN), rtol=1e-14)


def test_tree_is_laid_out_as_always():
    assert_trees_close(osculate.hessian(loss, method="structured")(TREE), osculate.hessian(loss, method="dense")(TREE))


def test_several_arguments_and_an_auxiliary_output():
    def f(x, y, scale):
        return scale * jnp.sum(x**2 * y), x.sum()

    arguments = (np.ones(3), np.arange(3.0), 2.0)
    ours, auxiliary = osculate.hessian(f, (0, 1), True, method="structured")(*arguments)
    assert_trees_close(ours, osculate.hessian(f, (0, 1), True)(*arguments)[0])
    assert auxiliary == 3.0


def test_single_number():
    assert osculate.hessian(lambda x: x**4, method="structured")(2.0) == 48.0


def test_one_entry_and_no_second_derivative():
    assert osculate.hessian(lambda x: 3 * x[0], output="sparse")(np.ones(1)).nnz == 0
    assert osculate.hessian(lambda x: 3 * x[0], output="matrix", method="structured")(np.ones(1)) == 0


def test_nan_where_the_value_is_nan():
    f = lambda x: jnp.sum(jnp.sqrt(x)) + jnp.sum(x**2)  # noqa: E731
    assert np.isnan(osculate.hessian(f, output="matrix", method="structured")(np.array([-1.0, 1.0]))).all()


def test_float32_stays_float32():
    x = jnp.asarray(CHAIN, jnp.float32)
    matrix = osculate.hessian(rosenbrock, output="matrix", method="structured")(x)
    assert matrix.dtype == jnp.float32
    np.testing.assert_allclose(matrix, rosenbrock_hessian(np.asarray(x, float)), rtol=1e-4, atol=1e-3)


def test_under_jit_vmap_and_grad():
    matrix = osculate.hessian(rosenbrock, output="matrix", method="structured")
    with jax.enable_x64(True):
        x = jnp.asarray(CHAIN)
        np.testing.assert_allclose(jax.jit(matrix)(x), rosenbrock_hessian(CHAIN), rtol=1e-14)
        stacked = jax.vmap(matrix)(jnp.stack([x, 2 * x]))
        np.testing.assert_allclose(stacked[1], rosenbrock_hessian(2 * CHAIN), rtol=1e-14)
        slope = jax.grad(lambda v: jnp.linalg.slogdet(matrix(v))[1])(x[:3])
        expected = jax.grad(lambda v: jnp.linalg.slogdet(jax.hessian(rosenbrock)(v))[1])(x[:3])
        np.testing.assert_allclose(slope, expected, rtol=1e-9)


def test_sparse_under_jit_is_bcoo():
    with jax.enable_x64(True):
        found = jax.jit(osculate.hessian(rosenbrock, output="sparse"))(jnp.asarray(CHAIN))
        np.testing.assert_allclose(found.todense(), rosenbrock_hessian(CHAIN), rtol=1e-14)


def test_data_stays_an_argument_and_indices_belong_to_the_plan():
    """The same compiled program serves other data, but not other indices."""

    def energy(weights, where):
        return osculate.hessian(lambda x: jnp.sum(weights * x[where] ** 3), output="sparse")

    x = np.arange(1.0, 5.0)
    first = energy(np.array([1.0, 2.0]), np.array([0, 1]))(x)
    second = energy(np.array([3.0, 4.0]), np.array([0, 1]))(x)
    third = energy(np.array([3.0, 4.0]), np.array([2, 1]))(x)
    np.testing.assert_allclose(first.diagonal(), [6, 24, 0, 0])
    np.testing.assert_allclose(second.diagonal(), [18, 48, 0, 0])
    np.testing.assert_allclose(third.diagonal(), [0, 48, 54, 0])
    assert third.nnz == 2


def test_asymmetric_rule_is_an_error_that_names_it():
    @jax.custom_jvp
    def product(x, y):
        return x * y

    product.defjvp(lambda at, steps: (at[0] * at[1], at[1] * steps[0] + 2 * at[0] * at[1] * steps[1]))
    with pytest.raises(
        WrongInput, match=r"not symmetric \(entry \(\d, \d\) is \d and entry \(\d, \d\) is \d\).*product"
    ) as caught:
        osculate.hessian(lambda x: jnp.sum(product(x[:2], x[2:])), method="structured")(np.ones(4))
    assert caught.value.where is not None
    assert caught.value.where.file == __file__


def test_wrong_rule_fails_its_check(monkeypatch):
    """A rule that loses a path is found by the random product, and the primitives are named."""
    monkeypatch.setitem(table("structure"), "reduce_sum", lambda stage_of, stage: sweep.Local((), lambda *a: None))
    with pytest.raises(Unreadable, match=r"failed its check.*reduce_sum"):
        osculate.hessian(lambda x: jnp.sum(x) ** 2 * 7.25, method="structured")(np.ones(4))


def test_too_many_terms_are_given_up_and_the_result_is_right(monkeypatch):
    monkeypatch.setattr(sweep, "MOST_TERMS", 2)
    f = lambda x: jnp.sum(x[:3] ** 2 * x[3:6] * x[6:] * 1.125)  # noqa: E731
    x = np.arange(1.0, 10.0)
    with pytest.warns(RuntimeWarning, match="given up"):
        matrix = osculate.hessian(f, output="matrix", method="structured")(x)
    np.testing.assert_allclose(matrix, osculate.hessian(f, output="matrix")(x), rtol=1e-13)


def test_value_and_gradient_come_with_it():
    x = np.ones(3)
    with jax.enable_x64(True):
        here = point("test", lambda x: jnp.sum(x**3 * x[0]), (x,))
        value, (first,), second, _ = computed(here, structured_derivatives, options=("matrix", True, ()))
        np.testing.assert_allclose(value, 3.0)
        np.testing.assert_allclose(first, [6.0, 3.0, 3.0])
        checked(here, second, "matrix")


UNARY = [jnp.sin, jnp.tanh, lambda v: v**2, lambda v: v[::-1], jnp.cumsum, lambda v: v.sum() * jnp.cos(v)]
UNARY += [lambda v: jnp.roll(v, 1), lambda v: jnp.where(v > 0, v, v**2), lambda v: jnp.outer(v, v) @ v / 9.0]
BINARY = [jnp.add, jnp.multiply, lambda a, b: a / (2 + b**2), lambda a, b: jnp.concatenate([a[2:], b[:2]])]
STEPS = st.tuples(st.integers(0, len(UNARY) - 1), st.integers(0, len(BINARY) - 1), st.integers(0, 3))


@settings(max_examples=12)
@given(st.lists(STEPS, min_size=1, max_size=4))
def test_random_compositions(steps):
    def f(x):
        values = [x]
        for unary, binary, back in steps:
            other = values[back % len(values)]
            values.append(BINARY[binary](UNARY[unary](values[-1]), other))
        return jnp.sum(values[-1] ** 2)

    x = np.array([0.3, -0.8, 0.5, 0.9])
    ours = osculate.hessian(f, output="matrix", method="structured")(x)
    with jax.enable_x64(True):
        expected = jax.hessian(f)(jnp.asarray(x))
    np.testing.assert_allclose(ours, expected, rtol=1e-9, atol=1e-9 * np.abs(expected).max())


@pytest.mark.parametrize("method", ["auto", "structured", "coloured"])
def test_the_lower_triangle_alone(method):
    full = osculate.hessian(rosenbrock, output="sparse")(CHAIN)
    lower = osculate.hessian(rosenbrock, output="lower", method=method)(CHAIN)
    np.testing.assert_allclose(lower.toarray(), np.tril(full.toarray()), rtol=1e-14)
    assert lower.nnz == (full.nnz + CHAIN.size) // 2
    traced = jax.jit(osculate.hessian(rosenbrock, output="lower", method=method))(jnp.asarray(CHAIN, jnp.float32))
    np.testing.assert_allclose(traced.todense(), np.tril(full.toarray()), rtol=1e-5)


def test_the_lower_triangle_of_what_is_given_up(monkeypatch):
    monkeypatch.setattr(sweep, "MOST_TERMS", 0)
    with pytest.warns(RuntimeWarning, match="given up"):
        lower = osculate.hessian(lambda x: jnp.sum(x) ** 3 * 0.77, output="lower", method="structured")(np.ones(4))
    np.testing.assert_allclose(lower.toarray(), np.tril(np.full((4, 4), 0.77 * 24)))
