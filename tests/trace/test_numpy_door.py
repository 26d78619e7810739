"""What goes into the NumPy door and what comes out, the lecture's examples, and NumPy's own rules behind it."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from osculate._errors import Unreadable
from osculate._trace.numpy_door import numpy_door

X = np.array([0.31, 0.83, 0.52, 1.17])
DATA = np.random.default_rng(3).normal(size=(6, 4))
TARGET = np.arange(6.0)
SQUARE = DATA.T @ DATA + np.eye(4)


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


def neural_network(x):
    hidden = DATA @ np.outer(x, [1.0, 2.0])
    hidden += 0.1
    hidden = np.tanh(hidden)
    hidden *= 2
    return np.mean((hidden.sum(axis=1) - TARGET) ** 2)


# --- lecture examples -----------------------------------------------------------------------------------------------


def test_lecture_examples_have_their_hessians(quickly):
    data, target = np.array([[1.0, 1.0], [1.0, 2.0], [1.0, 3.0]]), np.array([1.0, 2.0, 3.0])

    def hessian(f, x):
        return quickly(jax.hessian(numpy_door(f)), x)

    loss = hessian(lambda w: np.mean((data @ w - target) ** 2) / 2, [0.0, 1.0])
    np.testing.assert_allclose(loss, data.T @ data / 3, rtol=1e-15)
    mixed = hessian(lambda x: x[0] ** 2 + x[1] ** 2 + x[0] * x[1], [0.3, 0.4])
    np.testing.assert_array_equal(mixed, [[2, 1], [1, 2]])
    assert hessian(lambda x: np.power(x, 4), 1.5) == 12 * 1.5**2
    assert hessian(lambda x: x**3 - 3 * x, 1.0) == 6
    softmax = hessian(lambda x: np.logaddexp.reduce(x), np.zeros(3))
    np.testing.assert_allclose(softmax, np.eye(3) / 3 - 1 / 9, atol=1e-15)


def test_hessian_of_a_determinant():
    matrix = jnp.array([[2.0, 1.0], [0.5, 3.0]])
    hessian = jax.jit(jax.hessian(numpy_door(lambda a: np.linalg.det(a))))(matrix).reshape(4, 4)
    np.testing.assert_allclose(
        hessian, np.array([[0, 0, 0, 1], [0, 0, -1, 0], [0, -1, 0, 0], [1, 0, 0, 0]]), atol=1e-15
    )


@pytest.mark.parametrize("uplo", ["L", "U"])
def test_symmetric_eigenvalues_depend_on_one_triangle_only(uplo):
    matrix = jnp.asarray(SQUARE)
    gradient = jax.jit(jax.grad(numpy_door(lambda a: np.linalg.eigvalsh(a, UPLO=uplo)[-1])))(matrix)
    vector = np.linalg.eigh(SQUARE)[1][:, -1]
    full = np.outer(vector, vector)
    expected = np.tril(full + full.T, -1) + np.diag(np.diag(full))
    np.testing.assert_allclose(gradient, expected if uplo == "L" else expected.T, atol=1e-13)


# --- what goes in and what comes out --------------------------------------------------------------------------------


def test_pytrees_keep_their_structure():
    def f(parameters, scale, *, shift):
        weights, (bias, label) = parameters["w"], parameters["rest"]
        listed = [weights[0] * scale, 2.0, np.array([bias, 1.0])]
        return {"list": listed, "array": np.ones(2), "label": label, "none": None, "sum": np.sum(weights) + shift}

    result = numpy_door(f)({"w": jnp.ones(3), "rest": (jnp.asarray(2.0), "name")}, 3.0, shift=jnp.asarray(1.0))
    assert [float(leaf) for leaf in result["list"][:2]] == [3.0, 2.0]
    np.testing.assert_array_equal(result["list"][2], [2.0, 1.0])
    assert result["label"] == "name"
    assert result["none"] is None
    assert all(isinstance(leaf, jax.Array) for leaf in (*result["list"], result["array"], result["sum"]))
    assert result["sum"] == 4.0


@pytest.mark.parametrize(
    "f",
    [
        lambda x: [x[0] * x[1], x[2]],
        lambda x: np.array([[x[0] * x[1]], [x[2]]]),
        lambda x: (np.sin(x), 3),
        lambda x: divmod(x, 0.7),
        lambda x: np.split(x, 2),
        lambda x: np.asarray(x[0]),
        lambda x: list(x),
        lambda x: np.argsort(x),
        lambda x: x > 0.4,
    ],
)
def test_results_have_numpy_values_shapes_and_dtypes(f):
    read, plain = jax.jit(numpy_door(f))(jnp.asarray(X)), f(X)
    assert jax.tree.structure(read) == jax.tree.structure(plain)
    for ours, reference in zip(jax.tree.leaves(read), jax.tree.leaves(plain), strict=True):
        assert (ours.shape, ours.dtype) == (np.shape(reference), np.asarray(reference).dtype)
        np.testing.assert_allclose(ours, reference, rtol=1e-15)


def test_the_door_works_under_every_transformation():
    f = numpy_door(lambda x: np.sum(np.sin(x) ** 2))
    points = jnp.asarray(DATA)
    np.testing.assert_allclose(jax.vmap(f)(points), np.sum(np.sin(DATA) ** 2, axis=1), rtol=1e-14)
    np.testing.assert_allclose(jax.jit(jax.vmap(jax.grad(f)))(points), np.sin(2 * DATA), atol=1e-14)


def test_jax_numpy_and_jit_accept_thin_arrays():
    mixed = numpy_door(lambda x: jnp.sum(jax.jit(lambda y: y * 2)(np.sin(x))) + jnp.eye(4)[0] @ x)
    np.testing.assert_allclose(mixed(jnp.asarray(X)), np.sum(2 * np.sin(X)) + X[0], rtol=1e-15)


def test_tree_map_and_numpy_mix():
    f = numpy_door(lambda tree: sum(np.sum(leaf**2) for leaf in jax.tree.leaves(jax.tree.map(lambda p: 2 * p, tree))))
    assert f({"a": jnp.ones(2), "b": jnp.asarray(3.0)}) == 44


def test_single_precision_without_x64():
    with jax.enable_x64(False):
        result = numpy_door(lambda w: np.mean((DATA @ w - TARGET) ** 2) + np.power(w, 2).sum())(jnp.ones(4))
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, np.mean((DATA.sum(1) - TARGET) ** 2) + 4, rtol=1e-6)


def test_a_reading_inside_a_reading():
    inner = numpy_door(lambda x: np.sin(x).sum())
    np.testing.assert_allclose(numpy_door(lambda x: inner(x) * 2)(jnp.asarray(X)), 2 * np.sin(X).sum(), rtol=1e-15)


def test_the_name_and_the_function_are_kept():
    assert numpy_door(neural_network).__name__ == "neural_network"
    assert numpy_door(functools.partial(np.sum, axis=0))(jnp.ones((2, 3))).tolist() == [2, 2, 2]


# --- NumPy's own rules ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "error"),
    [
        (lambda x: x[4], IndexError),
        (lambda x: x[-5], IndexError),
        (lambda x: x[[0, 7]], IndexError),
        (lambda x: x[0, 1], IndexError),
        (lambda x: x[0][0], IndexError),
        (lambda x: x[0.5], IndexError),
        (lambda x: x[np.array([True, False])], IndexError),
        (lambda x: np.take(x, 9), IndexError),
        (lambda x: x + np.ones(3), ValueError),
        (lambda x: np.argsort(x) ** -1, ValueError),
        (lambda x: np.choose([0, 2, 0, 0], [x, x]), ValueError),
        (lambda x: (x > 0) - (x > 1), TypeError),
        (lambda x: x & 1, TypeError),
        (lambda x: len(x[0]), TypeError),
        (lambda x: iter(x[0]), TypeError),
        (lambda x: {x: 1}, TypeError),
        (lambda x: x.nonsense, AttributeError),
        (lambda x: x.item(), ValueError),
        (lambda x: bool(x > 0), ValueError),
    ],
)
def test_errors_of_numpy_stay_errors_of_numpy(f, error):
    with pytest.raises(error):
        f(X)
    with pytest.raises(error) as caught:
        numpy_door(f)(jnp.asarray(X))
    assert not isinstance(caught.value, Unreadable)


def test_in_place_operators_keep_dtype_and_shape():
    def cast(x):
        n = np.argsort(x)
        n += 0.5
        return n

    def grow(x):
        y = np.sin(x)
        y += np.ones((2, 4))
        return y

    for f, error in ((cast, TypeError), (grow, ValueError)):
        with pytest.raises(error):
            f(X)
        with pytest.raises(error):
            numpy_door(f)(jnp.asarray(X))


def test_in_place_operators_leave_the_callers_array_alone():
    def f(x):
        x *= 3
        return np.sum(x)

    x = jnp.asarray(X)
    np.testing.assert_allclose(jax.grad(numpy_door(f))(x), 3 * np.ones(4))
    np.testing.assert_array_equal(x, X)


def test_none_and_strings_equal_no_number():
    result = numpy_door(lambda x: [x[0] == None, x == "a", x != None, x[0] != "a"])(jnp.asarray(X))  # noqa: E711
    assert [np.asarray(one).tolist() for one in result] == [False, [False] * 4, [True] * 4, True]


def test_an_index_out_of_range_that_cannot_be_checked_gives_nan():
    result = numpy_door(lambda x: x[np.argmax(x) + 1])(jnp.asarray(X))
    assert np.isnan(result)


def test_scalars_are_numbers():
    def f(x):
        cache = {x[0]: 1}
        assert np.isscalar(x[0])
        assert f"{x[0]:.3f}" == str(x[0]) == repr(x[0])
        assert "float64" in np.array2string(x)
        assert x.flat[1].dtype == np.float64
        assert np.shape(x[0]) == ()
        return x[0] * len(cache)

    assert numpy_door(f)(jnp.asarray(X)) == X[0]
