import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from osculate._errors import WrongInput
from osculate._geometry import curvature
from osculate._geometry.curvature import bending


def sphere(x):
    return np.sqrt(4 - x[0] ** 2 - x[1] ** 2)


@given(st.floats(-5, 5))
def test_the_formula_of_the_lecture(x):
    bend = curvature(np.cosh)(x)
    first, second = np.sinh(x), np.cosh(x)
    assert bend.kappa == pytest.approx(second / (1 + first**2) ** 1.5, rel=1e-13)
    assert bend.radius == pytest.approx(1 / bend.kappa)
    square = 1 + first**2
    np.testing.assert_allclose(
        bend.center, [x - first * square / second, second + square / second], rtol=1e-12, atol=1e-12
    )


@pytest.mark.parametrize("x", [0.0, 0.6, np.array([-1.5])], ids=str)
def test_the_osculating_circle_of_a_circle_is_itself(x):
    bend = curvature(lambda x: jnp.sqrt(4 - jnp.sum(x**2)))(x)
    assert bend.radius == pytest.approx(2)
    np.testing.assert_allclose(bend.center, [0, 0], atol=1e-14)
    np.testing.assert_allclose(bend.principal, [-0.5])


def test_a_line_has_no_centre():
    bend = curvature(lambda x: 3 * x)(1.0)
    assert (bend.kappa, bend.radius) == (0, np.inf)
    assert np.isnan(bend.center).all()


@given(st.floats(-1.3, 1.3), st.floats(-1.3, 1.3))
def test_a_sphere_bends_alike_everywhere(x, y):
    bend = curvature(sphere)(np.array([x, y]))
    np.testing.assert_allclose(bend.principal, [-0.5, -0.5], rtol=1e-10)
    assert bend.gaussian == pytest.approx(0.25, rel=1e-10)
    assert bend.mean == pytest.approx(-0.5, rel=1e-10)
    np.testing.assert_allclose(bend.center, [0, 0, 0], atol=1e-9)


def test_a_tilted_cylinder_bends_one_way():
    direction = np.array([0.6, 0.8])
    bend = curvature(lambda x: np.sqrt(9 - (x @ direction) ** 2))(np.array([0.5, 1.0]))
    np.testing.assert_allclose(bend.principal, [0, -1 / 3], atol=1e-14)
    assert bend.gaussian == pytest.approx(0, abs=1e-15)
    np.testing.assert_allclose(np.abs(bend.directions[:, 0]), [0.8, 0.6, 0], atol=1e-14)  # along the axis


def test_the_saddle_at_its_centre():
    bend = curvature(lambda x: x[0] ** 2 - 2 * x[1] ** 2)(np.zeros(2))
    np.testing.assert_array_equal(bend.principal, [2, -4])
    assert (bend.kappa, bend.mean, bend.gaussian) == (4, -1, -8)
    np.testing.assert_array_equal(bend.center, [0, 0, -0.25])


@given(st.sampled_from([2, 4]), st.integers(0, 10**6))
def test_against_the_shape_operator_itself(n, seed):
    random = np.random.default_rng(seed)
    g, H = random.normal(size=n), random.normal(size=(n, n))
    H = H + H.T
    with jax.enable_x64(True):
        bend = jax.tree.map(np.asarray, jax.jit(bending)(np.zeros(n), np.float64(0.5), g, H))
    first, second = np.eye(n) + np.outer(g, g), H / np.sqrt(1 + g @ g)
    expected = np.sort(np.linalg.eigvals(np.linalg.solve(first, second)).real)[::-1]
    np.testing.assert_allclose(bend.principal, expected, atol=1e-12)
    assert bend.mean == pytest.approx(expected.mean(), abs=1e-12)
    assert bend.gaussian == pytest.approx(np.linalg.det(H) / (1 + g @ g) ** ((n + 2) / 2), abs=1e-12)
    steps = bend.directions[:n]
    np.testing.assert_allclose(bend.directions.T @ bend.directions, np.eye(n), atol=1e-12)
    np.testing.assert_allclose(bend.directions[n], g @ steps, atol=1e-12)
    np.testing.assert_allclose(second @ steps, first @ steps * bend.principal, atol=1e-12)


@pytest.mark.parametrize("slope", [1e4, 1e8, 1e120])
def test_steep_graphs_lose_nothing(slope):
    bend = curvature(lambda x: slope * x + x**2)(0.0)
    assert bend.kappa == pytest.approx(2 / slope**3 if slope < 1e100 else 0, rel=1e-12)
    diagonal = curvature(lambda x: slope * (x[0] + x[1]) + (x[0] + x[1]) ** 2 + (x[0] - x[1]) ** 2)(np.zeros(2))
    assert diagonal.principal[0] == pytest.approx(4 / (np.sqrt(2) * slope), rel=1e-12)
    np.testing.assert_allclose(diagonal.directions.T @ diagonal.directions, np.eye(2), atol=1e-14)


def test_works_under_jit_vmap_and_grad():
    points = jnp.array([[0.3, 0.1], [0.0, 0.0]])
    f = lambda x: jnp.sum(x**2) + x[0] ** 3  # noqa: E731
    many = jax.jit(jax.vmap(curvature(f)))(points)
    np.testing.assert_allclose(many.mean[1], 2)
    assert many.principal.shape == (2, 2)
    slopes = jax.jit(jax.vmap(jax.grad(lambda x: curvature(f)(x).mean + curvature(f)(x).gaussian)))(points)
    # at the origin mean = (f_xx + f_yy)/2 and gaussian = f_xx f_yy to first order: 6/2 + 6·2
    np.testing.assert_allclose(slopes[1], [15, 0], rtol=1e-6)


def test_a_pytree_is_taken_flat():
    bend = curvature(lambda p: p["a"] ** 2 + 3 * p["b"][0] ** 2)({"a": 0.0, "b": np.zeros(1)})
    np.testing.assert_array_equal(bend.principal, [6, 2])
    assert bend.directions.shape == (3, 2)


def test_it_reads_well():
    assert str(curvature(lambda x: x**2)(0.0)) == (
        "curvature 2, radius 0.5 (exact (algorithmic derivatives, rounding only))"
    )
    text = str(curvature(lambda x: x[0] ** 2 - x[1] ** 2)(np.zeros(2)))
    assert text.startswith("principal curvatures 2, -2; mean 0, Gaussian -4")


@pytest.mark.parametrize(
    ("f", "x", "words"),
    [(lambda x: jnp.sum(x), np.zeros(2001), "2001 variables"), (lambda x: x, np.ones(2), "one real number")],
)
def test_what_has_no_graph_is_refused(f, x, words):
    with pytest.raises(WrongInput, match=words):
        curvature(f)(x)
