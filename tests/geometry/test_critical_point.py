import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from osculate._errors import WrongInput, WrongType
from osculate._geometry import classify
from osculate._geometry import critical_point as room


def rosenbrock(x):
    return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2


def quadratic(x, A):
    return x @ A @ x / 2


@pytest.mark.parametrize(
    ("f", "x", "kind", "index"),
    [
        (lambda x: x[0] ** 2 - x[1] ** 2, np.zeros(2), "saddle", 1),
        (lambda x: x[1] ** 4 - x[0] ** 2, np.zeros(2), "degenerate", 1),
        (lambda x: x**4, 0.0, "degenerate", 0),
        (lambda x: x**3, 0.0, "degenerate", 0),
        (lambda x: x**3 - 3 * x, 1.0, "minimum", 0),
        (lambda x: x**3 - 3 * x, -1.0, "maximum", 1),
        (lambda x: x**3 - 3 * x, 0.0, "regular", 0),
        (rosenbrock, np.ones(2), "minimum", 0),
        (rosenbrock, np.array([1.0, 1.0 + 1e-12]), "regular", 0),
        (lambda x: 3 * x[0] - x[1], np.ones(2), "regular", 0),
        (lambda x: 3.0 + 0 * x, 1.0, "degenerate", 0),
        (lambda x: x**2, 1e-20, "regular", 0),
    ],
)
def test_kinds(f, x, kind, index):
    point = classify(f)(x)
    assert (point.kind, point.index) == (kind, index)


@pytest.mark.parametrize("dtype", [np.float64, jnp.float32], ids=["float64", "float32"])
@pytest.mark.parametrize(
    ("f", "x", "kind"),
    [
        # At each of these the true point is not a floating-point number: derivatives that are zero there come out as
        # rounding, and those that are not must not be taken for it.
        (jnp.cos, np.pi, "minimum"),
        (jnp.cos, 3.1415, "regular"),
        (lambda x: x - jnp.sin(x), 2 * np.pi, "degenerate"),
        (lambda x: 3 * x**4 - 4 * x**3 * np.sqrt(2) * 3 + 36 * x**2 - 12 * np.sqrt(8) * x, np.sqrt(2), "degenerate"),
        (lambda x: x * jnp.log(x), np.exp(-1), "minimum"),
    ],
)
def test_rounding_is_not_taken_for_a_derivative(f, x, kind, dtype):
    x = float(x) if dtype is np.float64 else jnp.float32(x)
    assert classify(f)(x).kind == kind


def test_cancelling_terms_at_the_origin():
    # Balanced classes: the gradient of the softmax loss at zero weights is zero, up to the rounding of 1/3.
    X = np.array([[1.0, 0.1], [-0.4, 2.0], [0.7, -0.3]])
    X = np.vstack([X, X, X])
    labels = np.repeat(np.eye(3), 3, axis=0)

    def loss(W):
        return jnp.mean(jax.nn.logsumexp(X @ W, axis=1) - jnp.sum(labels * (X @ W), axis=1))

    point = classify(loss)(np.zeros((2, 3)))
    assert 0 < point.gradient_norm <= point.gradient_tolerance < 1e-14
    assert (point.kind, point.zeros) == ("degenerate", 2)  # adding the same to all classes changes nothing


@given(st.sampled_from([1, 3]), st.integers(0, 10**6), st.sampled_from([1e-100, 1e-8, 1.0, 1e100]))
def test_the_verdict_does_not_depend_on_scale_or_rotation(n, seed, scale):
    random = np.random.default_rng(seed)
    signs = random.choice([-1.0, 0.0, 1.0], size=n)
    Q = np.linalg.qr(random.normal(size=(n, n)))[0]
    A = scale * (Q * (signs * random.uniform(0.1, 10, size=n))) @ Q.T
    point = classify(quadratic)(np.zeros(n), (A + A.T) / 2)
    negative, positive = int((signs < 0).sum()), int((signs > 0).sum())
    if negative and positive:
        kind = "saddle"
    elif negative + positive < n:
        kind = "degenerate"
    else:
        kind = "minimum" if positive else "maximum"
    assert (point.kind, point.index, point.zeros) == (kind, negative, n - negative - positive)


@pytest.mark.parametrize(
    ("eigenvalues", "kind"),
    [
        ((2, 2, 1), "minimum"),
        ((-2, -1, -3), "maximum"),
        ((-2, 0, 1), "saddle"),  # strict, whatever higher derivatives do in the direction of the zero
        ((-2, 0, -1), "degenerate"),
        ((1, 0, 0), "degenerate"),
        ((0, 0, 0), "degenerate"),
    ],
)
def test_kinds_by_eigenvalues(eigenvalues, kind):
    point = classify(quadratic)(np.zeros(3), np.diag(np.array(eigenvalues, float)))
    assert (point.kind, point.index) == (kind, sum(value < 0 for value in eigenvalues))


def test_eigenvalues_are_those_of_the_hessian_in_order():
    A = np.array([[2.0, 1, 0], [1, -1, 3], [0, 3, 0.5]])
    point = classify(quadratic)(np.zeros(3), A)
    np.testing.assert_allclose(point.eigenvalues, np.linalg.eigvalsh(A), rtol=1e-14)
    assert point.how == "exact Hessian"


def test_pytrees_and_a_tolerance_of_ones_own():
    def f(p):
        return jnp.sum(p["a"] ** 2) - p["b"] ** 2

    near = {"a": np.array([1e-6, 0.0]), "b": 0.0}
    assert classify(f)(near).kind == "regular"
    assert classify(f, gradient_tolerance=1e-5)(near).kind == "saddle"


def test_infinite_third_derivatives_do_not_disturb():
    assert classify(lambda x: x**2 + jnp.abs(x) ** 2.5)(0.0).kind == "minimum"


@pytest.mark.parametrize(
    ("signs", "kind"),
    [((1, 1), "minimum"), ((-1, -1), "maximum"), ((1, -1), "saddle"), ((1, 0), "degenerate")],
)
def test_many_variables_by_extreme_eigenvalues(monkeypatch, signs, kind):
    monkeypatch.setattr(room, "LARGEST_DENSE", 10)
    weights = np.concatenate(
        [np.full(20, signs[0]) * np.linspace(1, 2, 20), np.full(20, signs[1]) * np.linspace(1, 2, 20)]
    )
    point = classify(lambda x, w: jnp.sum(w * x**2))(np.zeros(40), weights)
    assert point.kind == kind
    assert point.how.startswith("estimate ± residual bound: ")
    np.testing.assert_allclose(point.eigenvalues[-1], 2 * weights.max(), atol=1e-10)
    assert ("at least" in point.how) == (min(signs) < 0)
    assert classify(lambda x, w: jnp.sum(w * x**2))(np.ones(40), weights).kind == "regular"


@pytest.mark.parametrize(
    ("eigenvalues", "text"),
    [
        ((2, -2, 1), "saddle of index 1 (exact Hessian; eigenvalues −2, 1, 2)"),
        ((2, 0.5, 1e-8), "minimum (exact Hessian; eigenvalues 1e-08, 0.5, 2)"),
        ((0, 1, 0), "degenerate: 2 eigenvalues zero to rounding (exact Hessian; eigenvalues 0, 0, 1)"),
        (
            (-2, -1, 0),
            "degenerate: 1 eigenvalue zero to rounding, not a minimum (exact Hessian; eigenvalues −2, −1, 0)",
        ),
        (range(1, 10), "minimum (exact Hessian; eigenvalues 1, 2, 3, …, 7, 8, 9)"),
    ],
)
def test_it_reads_well(eigenvalues, text):
    assert str(classify(quadratic)(np.zeros(len(eigenvalues)), np.diag(np.array(eigenvalues, float)))) == text


def test_a_regular_point_says_by_how_much():
    text = str(classify(lambda x: x**2)(3.0))
    assert text.startswith("regular point: ‖∇f‖ = 6, above its rounding ")


@pytest.mark.parametrize("outer", [jax.jit, jax.grad, lambda f: lambda x: jax.vmap(f)(x[None])])
def test_a_verdict_asked_for_inside_a_transformation_is_refused(outer):
    with pytest.raises(WrongType, match=r"osculate\.classify: the point is traced") as caught:
        outer(lambda x: classify(lambda y: jnp.sum((y - x) ** 2))(jnp.zeros(2)).gradient_norm)(jnp.ones(()))
    assert "\n  where: " in str(caught.value)
    assert "osculate.hessian" in str(caught.value)


@pytest.mark.parametrize(
    ("f", "x", "words"),
    [
        (lambda x: jnp.log(x), -1.0, "f is not finite"),
        (lambda x: jnp.sqrt(x), 0.0, "the gradient of f is not finite"),
        (lambda x: jnp.where(x > 0, x, -x) ** 1.5, 0.0, "is not finite"),
        (lambda x: x, np.ones(2), "one real number"),
    ],
)
def test_no_verdict_without_finite_numbers(f, x, words):
    with pytest.raises(WrongInput, match=words):
        classify(f)(x)
