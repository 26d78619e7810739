import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse.linalg

from osculate._errors import OsculateError, WrongInput, WrongType
from osculate._operators import CurvatureOperator, hessian_operator
from osculate._results import Estimate

A = np.array([[4.0, 1, 0, 0], [1, 3, 1, 0], [0, 1, -2, 1], [0, 0, 1, 1]])
POINT = {"b": np.ones((2, 1)), "a": np.ones(2)}  # leaves in the order a, b


def quadratic(x):
    flat = jnp.concatenate([jnp.ravel(leaf) for leaf in jax.tree.leaves(x)])
    return flat @ jnp.asarray(A, flat.dtype) @ flat / 2


def on_arrays(kind):
    if kind == "product":
        return CurvatureOperator.from_product(lambda v: A @ v, (4, 4), "float64")
    return hessian_operator(quadratic)(jnp.ones(4) if kind == "jax" else np.ones(4))


KINDS = pytest.mark.parametrize("kind", ["numpy", "jax", "product"])


@KINDS
def test_products_with_vectors_and_matrices(kind):
    H = on_arrays(kind)
    assert H.shape == (4, 4)
    assert H.dtype == (np.float32 if kind == "jax" else np.float64)
    V = np.linspace(-1, 1, 12).reshape(4, 3)
    for v in (V[:, 0], V, V[:, :0], V[:, 0].tolist(), np.arange(4)):
        product = H @ v
        assert isinstance(product, jax.Array if kind == "jax" else np.ndarray)
        assert product.dtype == H.dtype
        np.testing.assert_allclose(product, A @ np.asarray(v), atol=1e-6)
    np.testing.assert_allclose(V.T @ H, V.T @ A, atol=1e-6)
    np.testing.assert_allclose(H.matrix(), A, atol=1e-6)


def test_products_with_pytrees():
    H = hessian_operator(quadratic)(POINT)
    v = {"a": np.array([1.0, 2]), "b": np.array([[3.0], [4]])}
    product = H @ v
    np.testing.assert_allclose(product["a"], (A @ [1, 2, 3, 4])[:2])
    np.testing.assert_allclose(product["b"], (A @ [1, 2, 3, 4])[2:, None])
    np.testing.assert_array_equal(H.ravel(v), [1, 2, 3, 4])
    jax.tree.map(np.testing.assert_array_equal, H.unravel(H.ravel(v)), v)


def test_a_point_that_is_a_matrix():
    H = hessian_operator(lambda W: jnp.sum(W**3))(np.arange(6.0).reshape(2, 3))
    assert (H @ np.ones((2, 3))).shape == (2, 3)
    assert (H @ np.ones((6, 2))).shape == (6, 2)
    np.testing.assert_allclose(H @ np.ones((2, 3)), 6 * np.arange(6.0).reshape(2, 3))


def test_a_scalar_point():
    H = hessian_operator(lambda x: x**4)(2.0)
    assert H.shape == (1, 1)
    assert H @ 1.0 == 48
    np.testing.assert_array_equal(H @ np.ones(1), [48])


def test_many_columns_in_little_memory(monkeypatch):
    from osculate._operators import product

    monkeypatch.setattr(product, "DEFAULT_MEMORY", 100)
    H = hessian_operator(lambda x: jnp.sum(jnp.sin(x)) * jnp.sum(x))(np.linspace(0, 1, 7))
    V = np.linspace(-1, 1, 91).reshape(7, 13)
    np.testing.assert_allclose(H @ V, H.matrix() @ V, atol=1e-13)
    np.testing.assert_allclose(H.matrix(memory=1), H.matrix(), atol=1e-15)


def test_blocks_are_the_diagonal_blocks_by_name():
    blocks = hessian_operator(quadratic)(POINT).blocks()
    assert list(blocks) == ["['a']", "['b']"]
    np.testing.assert_array_equal(blocks["['a']"].matrix(), A[:2, :2])
    np.testing.assert_array_equal(blocks["['b']"].matrix(), A[2:, 2:])
    np.testing.assert_array_equal(blocks["['b']"] @ np.ones((2, 1)), A[2:, 2:] @ np.ones((2, 1)))
    np.testing.assert_array_equal(blocks["['b']"].gradient, (A @ np.ones(4))[2:])
    assert list(hessian_operator(quadratic)(np.ones(4)).blocks()) == ["x"]


@KINDS
def test_scipy_takes_it(kind):
    operator = on_arrays(kind).to_scipy()
    assert isinstance(operator, scipy.sparse.linalg.LinearOperator)
    np.testing.assert_allclose(operator.rmatvec(np.ones(4)), A @ np.ones(4), atol=1e-6)
    np.testing.assert_allclose(operator.matmat(np.eye(4)), A, atol=1e-6)
    largest = scipy.sparse.linalg.eigsh(operator, k=1, which="LA", v0=np.ones(4), return_eigenvectors=False)
    np.testing.assert_allclose(largest, np.linalg.eigvalsh(A)[-1], rtol=1e-5)


@KINDS
def test_estimates(kind):
    H = on_arrays(kind)
    assert float(H.trace()) == pytest.approx(6, rel=1e-6)
    np.testing.assert_allclose(H.diagonal().value, np.diag(A), atol=1e-5)


@KINDS
@pytest.mark.parametrize("damping", [0.0, 2.5])
def test_solve_an_indefinite_system(kind, damping):
    v = np.array([1.0, -2, 3, 0.5])
    solution = on_arrays(kind).solve(v, damping=damping)
    expected = np.linalg.solve(A + damping * np.eye(4), v)
    assert isinstance(solution, Estimate)
    assert solution.how.startswith("estimate ± residual bound: MINRES" if kind == "product" else "exact: dense")
    np.testing.assert_allclose(solution.value, expected, rtol=1e-3 if kind == "jax" else 1e-7)
    residual = np.linalg.norm(v - (A + damping * np.eye(4)) @ np.asarray(solution.value, float))
    assert residual <= max(2 * solution.error, 1e-5 if kind == "jax" else 1e-15)
    assert solution.products > 0


def test_solve_keeps_the_form_of_the_right_hand_side():
    H = hessian_operator(quadratic)(POINT)
    solution = H.solve(POINT, tolerance=1e-12)
    expected = np.linalg.solve(A, np.ones(4))
    np.testing.assert_allclose(solution.value["b"], expected[2:, None])
    np.testing.assert_array_equal(H.solve(np.zeros(4)).value, np.zeros(4))


def test_solve_says_when_it_fails():
    singular = CurvatureOperator.from_product(lambda v: np.append(v[:1], 0), (2, 2), "float64")
    with pytest.raises(OsculateError, match=r"CurvatureOperator\.solve: after \d+ products .*singular"):
        singular.solve(np.ones(2))
    np.testing.assert_allclose(singular.solve(np.ones(2), damping=1.0).value, [0.5, 1])
    with pytest.raises(OsculateError, match="budget of 2"):
        on_arrays("numpy").solve(np.array([1.0, 2, 3, 5]), products=2)
    with pytest.raises(WrongInput, match="tolerance=-1"):
        on_arrays("numpy").solve(np.ones(4), tolerance=-1)


@pytest.mark.parametrize(
    ("v", "kind", "words"),
    [
        (np.ones(3), WrongInput, "v has shape [3], but this is the Hessian of quadratic of 4 variables"),
        (np.ones((3, 4)), WrongInput, "a matrix of shape (4, m), or a pytree shaped like the point"),
        (np.ones((4, 2, 2)), WrongInput, "v has shape [4, 2, 2]"),
        ({"a": np.ones(2), "b": np.ones(2)}, WrongInput, "v is a dict whose structure or shapes differ"),
        (np.ones(4) * 1j, WrongType, "v is complex128[4]"),
        (np.ones(4, bool), WrongType, "v is bool[4]"),
        ("four", WrongType, "not real numbers"),
    ],
)
def test_other_operands_are_refused(v, kind, words):
    with pytest.raises(kind, match="CurvatureOperator @ v: ") as caught:
        hessian_operator(quadratic)(POINT) @ v
    assert words in str(caught.value)
    assert "test_operator.py" in str(caught.value)


def test_from_product_checks_what_it_is_given():
    with pytest.raises(WrongInput, match="a symmetric matrix is square"):
        CurvatureOperator.from_product(lambda v: v, (3, 2), "float64")
    with pytest.raises(WrongType, match="dtype is int64"):
        CurvatureOperator.from_product(lambda v: v, (3, 3), "int64")
    with pytest.raises(WrongInput, match=r"returned shape \[2\] for a vector of 3"):
        CurvatureOperator.from_product(lambda v: v[:2], (3, 3), "float64") @ np.ones(3)
    with pytest.raises(WrongInput, match="it has no named parts"):
        CurvatureOperator.from_product(lambda v: v, (3, 3), "float64").blocks()


def test_operators_at_jax_arrays_work_inside_jit_and_those_at_numpy_say_why_not():
    H = on_arrays("jax")
    np.testing.assert_allclose(jax.jit(lambda v: H @ v)(jnp.ones(4)), A @ np.ones(4))
    inside = jax.jit(lambda x, v: hessian_operator(lambda x: jnp.sum(x**3))(x) @ v)
    np.testing.assert_allclose(inside(jnp.arange(3.0), jnp.ones(3)), 6 * np.arange(3.0))
    for use in (on_arrays("numpy").__matmul__, on_arrays("product").__matmul__, H.solve):
        with pytest.raises(WrongType, match=r"inside jit|is traced"):
            jax.jit(use)(jnp.ones(4))


def test_it_prints_what_it_is():
    assert repr(hessian_operator(quadratic)(POINT)) == (
        "<CurvatureOperator: Hessian of quadratic, 4 × 4, float64, 2 arrays>"
    )
    assert repr(on_arrays("product")) == "<CurvatureOperator: matrix, 4 × 4, float64>"
