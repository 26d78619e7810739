import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from jax.flatten_util import ravel_pytree

from osculate._errors import WrongInput, WrongType
from osculate._hessian import hessian

ENTRIES = st.floats(-3, 3, width=32).map(float)


def rosenbrock(x):
    return sum(100 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2 for i in range(len(x) - 1))


def tree_loss(p):
    return jnp.sum(jnp.tanh(p["w"] @ p["w"].T)) * p["s"] ** 2 + jnp.sum(p["empty"]) + jnp.sum(p["v"][0] ** 3 * p["s"])


def tree_point(dtype=jnp.float32):
    return {
        "w": jnp.linspace(-1, 1, 6, dtype=dtype).reshape(2, 3),
        "s": jnp.asarray(1.5, dtype),
        "empty": jnp.zeros((0, 4), dtype),
        "v": [jnp.arange(1.0, 3, dtype=dtype)],
    }


@pytest.mark.parametrize(
    ("f", "x", "expected"),
    [
        (lambda x: x**4, 2.0, 48.0),
        (lambda x: x**3 - 3 * x, 1.0, 6.0),
        (lambda x: x[0] ** 2 + x[1] ** 2 + x[0] * x[1], np.array([0.3, -0.7]), [[2, 1], [1, 2]]),
        (rosenbrock, np.array([1.0, 1.0]), [[802, -400], [-400, 200]]),
        (lambda x: np.linalg.det(x.reshape(2, 2)), np.arange(4.0), np.fliplr(np.diag([1, -1, -1, 1]))),
    ],
)
def test_closed_forms_from_plain_numpy_code(f, x, expected):
    np.testing.assert_allclose(hessian(f)(x), expected, rtol=1e-14, atol=1e-14)


def test_least_squares():
    X, y = np.array([[1.0, 1], [1, 2], [1, 3]]), np.array([1.0, 2, 3])
    H = hessian(lambda w: np.mean((X @ w - y) ** 2) / 2)(np.array([0.0, 1.0]))
    np.testing.assert_allclose(H, X.T @ X / 3, rtol=1e-15)


@given(hnp.arrays(np.float64, (4, 4), elements=ENTRIES), hnp.arrays(np.float64, 4, elements=ENTRIES))
def test_a_quadratic_has_a_constant_hessian(A, x):
    np.testing.assert_allclose(hessian(lambda x: x @ A @ x)(x), A + A.T, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize(("n", "memory"), [(1, 8), (2, 32), (7, 500), (31, 8000), (31, "17kB"), (40, None)])
def test_any_chunk_gives_the_same_matrix(n, memory):
    x = np.linspace(-1, 1, n)
    H = hessian(lambda x: jnp.sum(x) ** 3 + jnp.sum(jnp.sin(x)), output="matrix", method="chunked", memory=memory)(x)
    np.testing.assert_allclose(H, 6 * x.sum() * np.ones((n, n)) - np.diag(np.sin(x)), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("memory", [None, 400])
def test_trees_are_laid_out_as_by_jax(memory):
    x = tree_point()
    expected = jax.jit(jax.hessian(tree_loss))(x)
    got = hessian(tree_loss, memory=memory)(x)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), got, expected)
    assert jax.tree.map(lambda a: (a.shape, a.dtype), got) == jax.tree.map(lambda a: (a.shape, a.dtype), expected)


@pytest.mark.parametrize("argnums", [1, (0, 1), (1, 0), -2])
def test_argnums(argnums):
    def f(a, b, c):
        return jnp.sum(a**2 * b[0]) * b[1] + c

    args = jnp.arange(1.0, 4), (jnp.float32(2), jnp.float32(3)), 0.5
    ours, theirs = hessian(f, argnums)(*args), jax.jit(jax.hessian(f, argnums))(*args)
    jax.tree.map(np.testing.assert_allclose, ours, theirs)


def test_the_matrix_is_in_ravel_order():
    x = tree_point()
    flat, unravel = ravel_pytree(x)
    expected = jax.jit(jax.hessian(lambda z: tree_loss(unravel(z))))(flat)
    for method in ("auto", "dense", "chunked", "structured"):
        got = hessian(tree_loss, output="matrix", method=method)(x)
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)


def test_mixed_precisions_each_keep_their_own():
    with jax.enable_x64(True):
        H = hessian(lambda p: p[0] ** 2 * jnp.sum(p[1].astype(jnp.float64) ** 3))(
            (jnp.float64(2), jnp.ones(2, jnp.float32))
        )
    assert [[str(leaf.dtype) for leaf in row] for row in H] == [["float64", "float64"], ["float32", "float32"]]
    np.testing.assert_allclose(H[1][1], 24 * np.eye(2))


def test_composes_with_jit_vmap_and_grad():
    x = jnp.array([[0.3, 1.2], [2.0, -1.0]])
    f = lambda x: jnp.sum(x**3) * x[0]  # noqa: E731
    expected = jax.jit(jax.vmap(jax.hessian(f)))(x)
    for memory in (None, 2000):
        ours = hessian(f, memory=memory)
        np.testing.assert_allclose(jax.jit(jax.vmap(ours))(x), expected, rtol=1e-6)
        total = jax.jit(jax.grad(lambda x: jnp.sum(ours(x))))(x[0])  # noqa: B023
        # f = x⁴ + x y³: the sum of its second derivatives is 12 x² + 6 y² + 6 x y
        np.testing.assert_allclose(total, [24 * x[0, 0] + 6 * x[0, 1], 12 * x[0, 1] + 6 * x[0, 0]], rtol=1e-6)
    slope = jax.grad(lambda a: hessian(lambda x: a * x**3)(jnp.float32(2)))(jnp.float32(5))
    assert slope == 12


def test_auxiliary_output_comes_along():
    H, auxiliary = hessian(lambda x: (x**2, x + 1), has_aux=True)(3.0)
    assert (H, auxiliary) == (2, 4)


def test_control_flow_and_factorisations():
    def f(x):
        matrix = jnp.eye(3) * 4 + jnp.outer(x, x)
        steps = jax.lax.scan(lambda carry, a: (carry * jnp.sin(a), None), jnp.ones((), x.dtype), x)[0]
        return jnp.sum(jnp.log(jnp.diag(jnp.linalg.cholesky(matrix)))) + steps

    x = np.array([0.5, -0.3, 1.1])
    with jax.enable_x64(True):
        expected = np.asarray(jax.jit(jax.hessian(f))(x))
    np.testing.assert_allclose(hessian(f)(x), expected, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(hessian(f, memory=2000)(x), expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("transform", [lambda f: f, jax.jit], ids=["bare", "jit"])
def test_nan_where_f_is_nan(transform):
    def f(x):
        return jnp.sum(x**2) + jnp.where(x[0] < 0, jnp.nan, 0.0)

    x = jnp.array([-1.0, 2.0])
    assert jnp.isfinite(jax.jit(jax.hessian(f))(x)).all()
    assert np.isnan(transform(hessian(f))(x)).all()
    np.testing.assert_array_equal(transform(hessian(f))(-x), 2 * np.eye(2))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"output": "sparse", "method": "dense"}, "computes every column"),
        ({"method": "structured", "memory": "1MB"}, "cannot keep to memory"),
        ({"output": "array"}, 'output must be "tree" or "matrix"'),
        ({"method": "fast"}, "method must be"),
        ({"memory": "much"}, "not a number of bytes"),
        ({"memory": 0}, "memory is 0 bytes"),
        ({"method": "dense", "memory": "1GiB"}, "cannot keep to memory"),
    ],
)
def test_unknown_options_are_refused_at_once(options, words):
    with pytest.raises(WrongInput, match=r"osculate\.hessian: ") as caught:
        hessian(rosenbrock, **options)
    assert words in str(caught.value)
    assert "\n  now: " in str(caught.value)


@pytest.mark.parametrize(
    ("f", "x", "kind", "words"),
    [
        (lambda x: 2 * x, np.ones(3), WrongInput, "osculate.jacobian"),
        (rosenbrock, np.array([1, 2]), WrongType, "integer"),
        (rosenbrock, np.array([1j, 2]), WrongType, "complex"),
        (rosenbrock, np.array([np.nan, 2]), WrongInput, "NaN"),
        (lambda x: jnp.sum(x), np.zeros(0), WrongInput, "empty"),
    ],
)
def test_what_has_no_hessian_is_refused(f, x, kind, words):
    with pytest.raises(kind) as caught:
        hessian(f)(x)
    assert words in str(caught.value)


@jax.custom_jvp
def half_coupled(x):
    return x[0] * x[1]


@half_coupled.defjvp
def _half_coupled_rule(primals, tangents):
    (x,), (t,) = primals, tangents
    return half_coupled(x), x[1] * t[0] + 0.0 * x[0] * t[1]


@pytest.mark.parametrize("method", ["dense", "chunked", "structured"])
def test_a_hessian_that_is_not_symmetric_is_said_with_its_entries(method):
    with pytest.warns(RuntimeWarning, match=r"(?s)entry \(0, 1\) is 1 and entry \(1, 0\) is 0.*half_coupled"):
        hessian(half_coupled, method=method)(np.array([2.0, 3.0]))


def test_a_kink_at_the_point_is_said():
    with pytest.warns(RuntimeWarning, match="not differentiable at this point"):
        hessian(lambda x: jnp.sum(jnp.abs(x)) * x[0])(np.zeros(3))
